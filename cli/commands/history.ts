import type { Command } from 'commander';
import type { UnitFace } from '../../unit/face.ts';
import { type CliCommand, given } from '../command.ts';
import { EXIT } from '../exit.ts';
import { wholeNumber } from '../number-argument.ts';
import type { Paint } from '../output.ts';
import { formatTable } from '../table.ts';
import { localTime } from '../time.ts';

type Revision = Awaited<ReturnType<UnitFace['history']>>['revisions'][number];

interface Options {
  limit: number;
}

export const command: CliCommand<[string | undefined], Options> = {
  define: (command: Command) => {
    command
      .argument('[path]', 'only revisions that changed this, or something below it')
      .option('--limit <number>', 'how many, newest first', wholeNumber('--limit', 1, 10_000), 20);
  },

  examples: [
    'lockstep history',
    'lockstep history virtualServices/tcp:10.20.0.100:443',
    'lockstep history --limit 1 --json',
  ],

  async run({ out, unit }, { limit }, path) {
    const answer = await unit().history({ limit, ...given({ path }) });
    out.answer(answer, ({ revisions }) =>
      revisions.length === 0 ? 'No revision changed it.' : formatHistory(revisions, out.paint),
    );
    return EXIT.done;
  },
};

function formatHistory(revisions: Revision[], paint: Paint): string {
  const rows = revisions.map(({ revision, at, kind, author, records, reason }) => [
    revision,
    localTime(at),
    kind,
    author,
    records,
    reason,
  ]);
  return formatTable(['REVISION', 'AT', 'KIND', 'AUTHOR', 'RECORDS', 'REASON'], rows, paint);
}
