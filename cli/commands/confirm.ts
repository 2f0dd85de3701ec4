import type { ConfirmAnswer } from '../../api/contract/changes.ts';
import { printable } from '../../schema/printable.ts';
import { formatChanges } from '../changes.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import type { Paint } from '../paint.ts';
import { withProgress } from '../progress.ts';

interface Options {
  undo?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command.option('--undo', 'take the change back now');
  },

  examples: [
    'lockstep set interfaces/eth0/address 10.20.0.12 --confirm 5',
    'lockstep confirm',
    'lockstep confirm --undo',
  ],

  async run(context, options) {
    const answer = await withProgress(context, 'Settling', context.unit().call('confirm', given(options)));
    context.out.answer(answer, settled => formatConfirm(settled, context.out.paint));
    return answer.partnerKnows ? EXIT.done : EXIT.differs;
  },
};

function formatConfirm({ change, undone, partnerKnows, error }: ConfirmAnswer, paint: Paint): string {
  const what = `the change of ${change.author} (${change.reason})`;
  const first = printable(undone === undefined ? `Confirmed: ${what} stays.` : `Taken back: ${what}.`);
  const lines = undone === undefined ? [first] : [first, formatChanges(undone, paint)];
  if (partnerKnows) return lines.join('\n');
  const because = `The partner does not know it yet: ${error?.message ?? 'it is not seen.'}`;
  const danger = undone === undefined ? ' If it took over before it does, it would undo the change.' : '';
  return [...lines, paint('yellow', printable(`${because}${danger}`))].join('\n');
}
