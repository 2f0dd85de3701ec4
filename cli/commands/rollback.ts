import { exitOf, formatChanges } from '../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../command.ts';
import { given } from '../given.ts';
import { wholeNumber } from '../number-argument.ts';
import { withProgress } from '../progress.ts';

export const command: CliCommand<[number], ChangeOptions> = {
  define: command => {
    command.argument('<revision>', 'the revision to go back to', wholeNumber('The revision', 0));
    addChangeOptions(command);
  },

  examples: [
    'lockstep history',
    'lockstep rollback 41 --dry-run',
    'lockstep rollback 41 --reason "the shop was down"',
  ],

  async run(context, options, revision) {
    const answer = await withProgress(
      context,
      'Going back',
      context.unit().call('rollback', { revision, ...given(options) }),
    );
    context.out.answer(answer, changed => formatChanges(changed, context.out.paint));
    return exitOf(answer);
  },
};
