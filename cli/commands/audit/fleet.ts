import type { AuditReport, DriftClass } from '../../../api/contract/audits.ts';
import type { Status } from '../../../api/contract/status.ts';
import { hostAndPort } from '../../../schema/address.ts';
import { asLockstepError, type ErrorBody, LockstepError } from '../../../schema/error.ts';
import { type Choice, choose, type Listed, readChoice, readInventory } from '../../audit/inventory.ts';
import { CLASS_WORDS, EXIT_OF_VERDICT } from '../../audit/text.ts';
import type { CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT, EXIT_OF_CLASS, type ExitCode } from '../../exit.ts';
import { wholeNumber } from '../../number-argument.ts';
import type { Paint } from '../../paint.ts';
import { withCountProgress } from '../../progress.ts';
import { plural } from '../../quantity.ts';
import { formatTable } from '../../table.ts';

interface Options {
  parallel: number;
  timeout: number;
  only?: Choice[];
  limit?: number;
}

/** What became of one pair: an audit, or the reason why there is none. */
type Row = Pick<Listed, 'name' | 'site' | 'group' | 'tags'> &
  (Pick<AuditReport, 'verdict' | 'counts' | 'a' | 'b' | 'findings' | 'more' | 'ms'> | { error: ErrorBody });

/** After this part of its time a unit that has no audit yet is asked for its status. */
const DOUBT = 0.7;

/** Worst first: what the whole fleet ends with. */
const WORST: ExitCode[] = [EXIT.damaged, EXIT.unreachable, EXIT.refused, EXIT.usage, EXIT.differs];

/**
 * Audit many pairs at once; one that cannot be audited does not stop the rest, and is tried once more at the end.
 * With --json, one line a pair as it comes.
 */
export const command: CliCommand<[string], Options> = {
  define: command => {
    command
      .argument('<inventory>', 'a YAML file that lists pairs')
      .option('--parallel <number>', 'so many pairs at once', wholeNumber('--parallel', 1, 256), 8)
      .option(
        '--timeout <seconds>',
        'a pair that takes longer, with the login, counts as unreachable; it is tried once more at the end',
        wholeNumber('--timeout', 1, 3600),
        60,
      )
      .option(
        '--only <trait=value>',
        'only pairs of this site, group, tag or name; may be repeated',
        readChoice,
      )
      .option('--limit <number>', 'only the first so many of them', wholeNumber('--limit', 1, 10_000))
      .addHelpText(
        'after',
        `
An inventory, for example:
  pairs: [{name: vienna, dir: /var/lib/lockstep}, {name: graz, unit: lb1.graz.example, site: at, tags: [prod]}]`,
      );
  },

  examples: [
    'lockstep audit fleet inventory.yaml',
    'lockstep audit fleet inventory.yaml --only tag=prod --only site=at --json',
  ],

  async run(context, options, file) {
    const pairs = choose(await readInventory(file), options.only ?? [], options.limit);
    const rows = await withCountProgress(context, 'Auditing', pairs.length, onOne =>
      twice(
        pairs,
        options.parallel,
        pair => auditPair(context, pair, options.timeout * 1000),
        row => {
          onOne();
          if (context.out.json) context.out.print(JSON.stringify(row));
        },
      ),
    );
    if (!context.out.json) context.out.print(formatRows(rows, context.out.paint));
    const codes = rows.map(exitOf);
    return WORST.find(code => codes.includes(code)) ?? EXIT.done;
  },
};

/** The rows of all pairs in their order; `onRow` hears of each when it is final. What failed is tried again once the rest is done. */
export async function twice<Pair, Row extends object>(
  pairs: Pair[],
  parallel: number,
  act: (pair: Pair) => Promise<Row>,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const rows = await each(pairs, parallel, async pair => {
    const row = await act(pair);
    if (!('error' in row)) onRow(row);
    return row;
  });
  const failed = [...rows.keys()].filter(index => 'error' in (rows[index] as Row));
  await each(failed, parallel, async index => {
    rows[index] = await act(pairs[index] as Pair);
    onRow(rows[index]);
  });
  return rows;
}

async function auditPair(context: Context, { place, ...listed }: Listed, timeoutMs: number): Promise<Row> {
  try {
    const target = { a: { of: 'local' as const }, b: { of: 'partner' as const } };
    let asked: Status | undefined;
    const { verdict, counts, a, b, findings, more, ms } = await context.withUnitAt(
      place,
      timeoutMs,
      async unit => {
        const ask = async (): Promise<void> => {
          asked = await unit.call('status').catch(() => undefined);
        };
        const doubt = setTimeout(() => void ask(), timeoutMs * DOUBT);
        return unit.call('audit', target).finally(() => clearTimeout(doubt));
      },
      () => asked && waitsForPartner(asked, timeoutMs),
    );
    return { ...listed, verdict, counts, a, b, findings, more, ms };
  } catch (error) {
    return { ...listed, error: asLockstepError(error).toJSON() };
  }
}

/** The unit answers everything else, so it is not the one that is silent. */
function waitsForPartner({ unit, partner }: Status, timeoutMs: number): LockstepError | undefined {
  if (partner === null) return undefined;
  const { name, host, port } = partner;
  const seconds = timeoutMs / 1000;
  return new LockstepError(
    'partner-unreachable',
    `${unit.name} answers, but still waited for its partner ${name} (${hostAndPort(host, port)}) after ${seconds} s.`,
    { hint: `Look at ${name}.`, facts: { seconds, unit: unit.name, partner: name } },
  );
}

/** `act` on each item, on so many at once at most; results in the order of the items. */
export async function each<Item, Result>(
  items: Item[],
  parallel: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await act(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  return results;
}

function exitOf(row: Row): ExitCode {
  return 'error' in row ? EXIT_OF_CLASS[row.error.class] : EXIT_OF_VERDICT[row.verdict];
}

function formatRows(rows: Row[], paint: Paint): string {
  const good = rows.filter(row => 'verdict' in row && row.verdict === 'same').length;
  const table = formatTable(
    ['PAIR', 'UNITS', 'VERDICT', 'DETAILS'],
    rows.map(row => ('error' in row ? failedCells(row) : auditedCells(row))),
    paint,
  );
  return `${table}\n\n${good} of ${plural(rows.length, 'pair')} hold the same.`;
}

function failedCells({ name, error }: Extract<Row, { error: ErrorBody }>): string[] {
  return [name, '', error.class === 'unreachable' ? 'unreachable' : error.code, error.message];
}

function auditedCells({ name, a, b, verdict, counts }: Exclude<Row, { error: ErrorBody }>): string[] {
  const details = Object.entries(counts).map(
    ([found, count]) => `${count} ${CLASS_WORDS[found as DriftClass]}`,
  );
  return [name, `${a.name}, ${b.name}`, verdict, details.join(', ')];
}
