import type { UnpairedAnswer } from '../../api/contract/pair.ts';
import { LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { confirmed } from '../prompt.ts';

interface Options {
  yes?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command.option('--yes', 'do not ask');
  },

  examples: ['lockstep unpair', 'lockstep unpair --yes'],

  async run(context, options) {
    const { partner, sync } = await context.unit().call('status');
    if (partner === null) throw new LockstepError('not-paired', 'This unit has no partner.');
    const loss = sync.inStep
      ? 'The pair is in step: from then on it drifts apart.'
      : 'The pair is not in step.';
    await confirmed(
      context,
      options.yes,
      `${partner.name} (${partner.fingerprint}) will no longer be accepted, and updates end. ${loss}`,
    );
    context.out.answer(await context.unit().call('unpair'), formatUnpaired);
    return EXIT.done;
  },
};

function formatUnpaired({ partner }: UnpairedAnswer): string {
  return [
    `${partner.name} is no longer the partner of this unit. Its key was: ${partner.fingerprint}`,
    'It does not know yet: type lockstep unpair there too, unless it is gone.',
  ].join('\n');
}
