import type { ApiClient } from '../../api/client.ts';
import type { DiffAnswer } from '../../api/contract/configuration.ts';
import { LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { wholeNumber } from '../number-argument.ts';
import type { Paint } from '../paint.ts';
import { withProgress } from '../progress.ts';
import { plural } from '../quantity.ts';
import { formatRecordDiff } from '../record-diff.ts';

export const command: CliCommand<[number | undefined, number | undefined], object> = {
  define: command => {
    command
      .argument('[from]', 'a revision; default: the one before the last', wholeNumber('The revision', 0))
      .argument('[to]', 'a later revision; default: now', wholeNumber('The revision', 0));
  },

  examples: [
    'lockstep diff            what the last change did',
    'lockstep diff 41         what changed since revision 41',
    'lockstep diff 41 44',
  ],

  async run(context, _options, from, to) {
    const client = context.unit();
    const range =
      from === undefined ? await lastRevision(client) : to === undefined ? { from } : { from, to };
    const answer = await withProgress(context, 'Comparing', client.call('diff', range));
    context.out.answer(answer, found => formatDiff(found, context.out.paint));
    return answer.changes.length === 0 ? EXIT.done : EXIT.differs;
  },
};

async function lastRevision(client: ApiClient): Promise<{ from: number; to: number }> {
  const { revisions } = await client.call('history', { limit: 2 });
  const [last, before] = revisions;
  if (last !== undefined && before !== undefined) return { from: before.revision, to: last.revision };
  throw new LockstepError('no-such-revision', 'There is no earlier revision to compare with.', {
    hint: 'lockstep history lists what there is.',
  });
}

function formatDiff({ from, to, changes }: DiffAnswer, paint: Paint): string {
  if (changes.length === 0) return `Revisions ${from} and ${to} do not differ.`;
  const title = `Revision ${from} to ${to}: ${plural(changes.length, 'record')}.`;
  return [title, '', ...changes.map(change => formatRecordDiff(change, paint))].join('\n');
}
