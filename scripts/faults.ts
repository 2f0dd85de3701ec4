/**
 * Provokes every way in which things go wrong, for real, and tells what was lost.
 *
 *     npm run faults -- [--only NAME]… [--tries N] [--json FILE]
 *
 * `--only`: faults whose name contains this. Exit code 1: something was lost, or a fault could not be survived.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ATTACKS } from '../test/faults/attacks.ts';
import { crashes } from '../test/faults/crash.ts';
import { disks } from '../test/faults/disk.ts';
import { fallbacks } from '../test/faults/fallback.ts';
import type { Fault } from '../test/faults/fault.ts';
import { kills } from '../test/faults/kills.ts';
import { moves } from '../test/faults/moves.ts';
import { scheduled } from '../test/faults/scheduled.ts';

interface Row {
  name: string;
  tried: number;
  lost: number;
  backInStepMs: number;
  failure?: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      tries: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const tries = values.tries === undefined ? undefined : Number(values.tries);
  if (tries !== undefined && !(Number.isInteger(tries) && tries > 0))
    throw new Error('--tries takes a number from 1 on');
  const wanted = [...crashes, ...kills, ...fallbacks, ...disks, scheduled, moves, ...ATTACKS].filter(
    ({ name }) => values.only === undefined || values.only.some(part => name.includes(part)),
  );
  const rows: Row[] = [];
  for (const fault of wanted) rows.push(await provoke(fault, tries ?? fault.tries));
  process.stdout.write(`\n${table(rows)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  process.exitCode = rows.some(({ lost, failure }) => lost > 0 || failure !== undefined) ? 1 : 0;
}

async function provoke({ name, run }: Fault, tries: number): Promise<Row> {
  process.stdout.write(`${name}, ${tries} times\n`);
  try {
    return { name, ...(await run(tries, line => process.stdout.write(`  ${line}\n`))) };
  } catch (error) {
    process.stdout.write(
      `  FAILED: ${String(error)} ${JSON.stringify((error as { facts?: unknown }).facts ?? '')}\n`,
    );
    return { name, tried: tries, lost: 0, backInStepMs: 0, failure: String(error) };
  }
}

function table(rows: Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length), 5);
  const line = (name: string, ...cells: string[]): string =>
    [name.padEnd(width), ...cells.map(cell => cell.padStart(12))].join('  ');
  const body = rows.map(({ name, tried, lost, backInStepMs, failure }) =>
    line(
      name,
      tried === 0 ? 'not possible' : String(tried),
      String(lost),
      failure === undefined ? `${backInStepMs} ms` : 'FAILED',
    ),
  );
  return [line('fault', 'tried', 'lost', 'in step in'), ...body].join('\n');
}

await main();
