import { exitOf, formatChanges } from '../../changes.ts';
import { addReason, type CliCommand } from '../../command.ts';
import { given } from '../../given.ts';
import { addThisUnit, operatorPath } from '../../operator-path.ts';

export const command: CliCommand<[string], { thisUnit?: boolean; reason?: string }> = {
  define: command => {
    addReason(
      addThisUnit(command.argument('<operator>', 'one that lockstep operator list shows')),
    ).addHelpText('after', '\nThey lose their connections at once.');
  },

  examples: ['lockstep operator remove ada'],

  async run({ unit, out }, { thisUnit, reason }, name) {
    const path = operatorPath(name, thisUnit);
    const answer = await unit().call('change', { changes: [{ op: 'remove', path }], ...given({ reason }) });
    out.answer(answer, changed => formatChanges(changed, out.paint));
    return exitOf(answer);
  },
};
