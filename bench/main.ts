/**
 * Measures what Lockstep costs, beside stock tools where there are some, and prints one table in Markdown.
 *
 *     npm run bench -- [--only NAME]… [--json FILE]
 *
 * `--only`: benches whose name contains this. A figure past its aim is marked; the exit code stays 0, since a busy machine is no fault.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { audits } from './audit.ts';
import { type Bench, type Cost, type Figure, isMet } from './bench.ts';
import { bundles } from './bundle.ts';

const BENCHES: Bench[] = [bundles, audits];

type Row = Figure & { bench: string };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, json: { type: 'string' } },
  });
  const wanted = BENCHES.filter(({ name }) => values.only?.some(part => name.includes(part)) ?? true);
  if (wanted.length === 0) throw new Error(`there is: ${BENCHES.map(({ name }) => name).join(', ')}`);
  const rows: Row[] = [];
  for (const { name, run } of wanted)
    for (const figure of await run(line => process.stderr.write(`${name}: ${line}\n`)))
      rows.push({ bench: name, ...figure });
  process.stdout.write(table(rows));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
}

function table(rows: Row[]): string {
  const line = (...cells: string[]): string => `| ${cells.join(' | ')} |\n`;
  const body = rows.map(row =>
    line(
      row.bench,
      row.what,
      ...cells(row.measured),
      ...cells(row.stock).slice(0, 2),
      ratio(row.measured.ms, row.stock?.ms),
      ratio(row.measured.cpuMs, row.stock?.cpuMs),
      aim(row),
    ),
  );
  return (
    line(
      'bench',
      'what',
      'time',
      'CPU',
      'memory',
      'stock: time',
      'stock: CPU',
      'ratio',
      'ratio of CPU',
      'aim',
    ) +
    line(...Array.from({ length: 10 }, () => '---')) +
    body.join('')
  );
}

function cells({ ms, cpuMs, megabytes }: Cost = {}): string[] {
  return [seconds(ms), seconds(cpuMs), megabytes === undefined ? '' : `${Math.round(megabytes)} MB`];
}

function seconds(ms?: number): string {
  return ms === undefined ? '' : `${(ms / 1000).toFixed(2)} s`;
}

function ratio(one?: number, other?: number): string {
  return one === undefined || other === undefined ? '' : (one / other).toFixed(2);
}

function aim(figure: Figure): string {
  if (figure.aim === undefined) return '';
  const [[of, most] = ['', 0]] = Object.entries(figure.aim);
  const words = of === 'ratio' ? `${most} ×` : of === 'ms' ? seconds(most) : `${most} MB`;
  return `≤ ${words}${isMet(figure) ? '' : ' **missed**'}`;
}

await main();
