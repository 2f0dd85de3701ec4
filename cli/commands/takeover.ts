import type { TakeoverAnswer } from '../../api/contract/pair.ts';
import { printable } from '../../schema/printable.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';
import { plural } from '../quantity.ts';
import { localTime } from '../time.ts';

interface Options {
  force?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command.option('--force', 'take over even if changes that only the partner holds are left behind');
  },

  examples: ['lockstep takeover', 'lockstep takeover --force'],

  async run(context, options) {
    const answer = await withProgress(
      context,
      'Taking over',
      context.unit().call('takeover', given(options)),
    );
    context.out.answerInWords(answer, taken => formatTakeover(taken, options.force === true));
    return EXIT.done;
  },
};

function formatTakeover(
  { role, epoch, partnerSteppedDown, leftBehind, filesWaiting = 0 }: TakeoverAnswer,
  forced: boolean,
): string {
  const partner = partnerSteppedDown
    ? 'The partner stepped down and is standby.'
    : 'The partner was not seen: if it comes back as active, both say so and neither updates the other.';
  const branch =
    forced && partnerSteppedDown
      ? ' What it alone held becomes a branch with the next update: lockstep branches shows it, lockstep merge brings it back.'
      : '';
  const behind =
    leftBehind === undefined
      ? ''
      : `\nChanges were left behind: ${printable(leftBehind.partner)} last said (${localTime(leftBehind.heardAt)}) that it held some that this unit lacks. They are on it alone; when it is back, lockstep takeover --force here makes them a branch.`;
  const files =
    filesWaiting === 0
      ? ''
      : `\n${plural(filesWaiting, 'file')} with edits that this unit did not take as standby still wait: lockstep status names them, lockstep mirror adopt FILE takes one.`;
  return `This unit is ${role}, epoch ${epoch}. ${partner}${branch}${behind}${files}`;
}
