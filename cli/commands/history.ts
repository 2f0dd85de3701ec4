import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../api/client.ts';
import type { HistoryAnswer, Revision } from '../../api/contract/configuration.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { given } from '../given.ts';
import { wholeNumber } from '../number-argument.ts';
import type { Output } from '../output.ts';
import type { Paint } from '../paint.ts';
import { formatTable } from '../table.ts';
import { localTime } from '../time.ts';

interface Options {
  limit: number;
  before?: number;
  follow?: boolean;
}

/** Of the API: one answer holds no more. */
const A_PAGE = 1_000;
const AGAIN_MS = 1_000;

export const command: CliCommand<[string | undefined], Options> = {
  define: command => {
    command
      .argument('[path]', 'only revisions that changed this, or something below it')
      .option('--limit <number>', 'how many, newest first', wholeNumber('--limit', 1, 1_000_000), 20)
      .option(
        '--before <revision>',
        'begin with the revision before this one',
        wholeNumber('--before', 1, Number.MAX_SAFE_INTEGER),
      )
      .option('-f, --follow', 'then go on with each new one, until Ctrl-C');
  },

  examples: [
    'lockstep history',
    'lockstep history virtualServices/tcp:10.20.0.100:443',
    'lockstep history --limit 1 --json',
    'lockstep history --limit 100 --before 4200',
    'lockstep history --follow virtualServices',
  ],

  async run({ out, unit }, { limit, before, follow }, path) {
    if (follow === true) return keepTelling(out, unit(), limit, path);
    const answer = await pages(unit(), limit, before, path);
    out.answer(answer, ({ revisions, before: next, oldest }) =>
      revisions.length === 0
        ? `No revision changed it${beginning(oldest)}.`
        : [
            formatHistory(revisions, out.paint),
            ...(next === null ? [] : [`There are older ones: lockstep history --before ${next}`]),
          ].join('\n'),
    );
    return EXIT.done;
  },
};

/** The newest `limit`, oldest first, and whatever comes. Whoever was cut off goes on where they were. */
async function keepTelling(
  out: Output,
  client: ApiClient,
  limit: number,
  path: string | undefined,
): Promise<ExitCode> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const { revisions } = await pages(client, limit, undefined, path);
  const tell = (told: Revision): void => out.answer(told, one => cells(one).join('  '));
  for (const revision of revisions.toReversed()) tell(revision);
  let after = revisions[0]?.revision ?? 0;
  while (!stop.signal.aborted) {
    try {
      for await (const event of client.follow({ after, ...given({ path }) }, stop.signal)) {
        if (event.event === 'gap')
          out.note(`Revisions before ${event.next} are left out: lockstep history --before ${event.next}`);
        if (event.event !== 'revision') continue;
        tell(event.revision);
        after = event.revision.revision;
      }
    } catch (error) {
      const known = asLockstepError(error);
      if (known.class !== 'unreachable') throw known;
      out.note(`${known.message} Trying again.`);
    }
    await sleep(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  return EXIT.done;
}

/** As many answers as it takes. */
async function pages(
  unit: ApiClient,
  limit: number,
  before: number | undefined,
  path: string | undefined,
): Promise<HistoryAnswer> {
  const revisions: HistoryAnswer['revisions'] = [];
  for (let from = before; ; ) {
    const wanted = Math.min(limit - revisions.length, A_PAGE);
    const page = await unit.call('history', { limit: wanted, ...given({ path, before: from }) });
    revisions.push(...page.revisions);
    // A unit of release 0.1.0 does not say whether there are more.
    const next = page.before ?? null;
    if (next === null || revisions.length >= limit) return { ...page, revisions };
    from = next;
  }
}

/** Older ones may have changed it. */
function beginning(oldest: number | undefined): string {
  return oldest === undefined || oldest <= 1 ? '' : ` since revision ${oldest}, the oldest that is kept`;
}

function formatHistory(revisions: Revision[], paint: Paint): string {
  const rows = revisions.map(cells);
  return formatTable(['REVISION', 'AT', 'KIND', 'AUTHOR', 'RECORDS', 'REASON'], rows, paint);
}

function cells({ revision, at, kind, author, records, reason }: Revision): (string | number)[] {
  return [revision, localTime(at), kind, author, records, reason];
}
