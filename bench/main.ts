/**
 * Measures what Lockstep costs, beside what people would use instead, and prints one table in Markdown.
 *
 *     npm run bench -- [--only NAME]… [--rivals NAME]… [--sizes 1000,10000] [--json FILE]
 *     npm run bench -- --quick            ratios only, in a minute: fails when one is worse than half of what is claimed
 *     npm run bench -- --plots FILE       draws docs/*.svg from what --json wrote
 *
 * `--only`, `--rivals`: those whose name contains this. A figure past its aim is marked; the exit code stays 0, since a busy machine is no fault.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { atRest } from './at-rest.ts';
import { audits } from './audit.ts';
import type { Bench } from './bench.ts';
import { bundles } from './bundle.ts';
import { inStep } from './in-step.ts';
import { largeChanges } from './large-changes.ts';
import { onOwnNetwork } from './network.ts';
import { drawPlots } from './plots.ts';
import { quick } from './quick.ts';
import { RIVALS } from './rivals/all.ts';
import { type Row, table } from './table.ts';

const BENCHES: Bench[] = [inStep, atRest, audits, bundles, largeChanges];
const SIZES = '1000,10000,100000';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    sizes: { type: 'string', default: SIZES },
    rivals: { type: 'string', multiple: true },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    plots: { type: 'string' },
  },
});

async function main(): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // takes the daemons along
  return options.quick ? quick(say) : everything();
}

async function everything(): Promise<number> {
  const wanted = named(BENCHES, options.only);
  const rivals = named(RIVALS, options.rivals);
  if (wanted.length === 0) throw new Error(`there is: ${BENCHES.map(({ name }) => name).join(', ')}`);
  const rows: Row[] = [];
  const notes: string[] = [];
  const sizes = options.sizes.split(',').map(Number);
  for (const { name, run } of wanted) {
    const bench = {
      sizes,
      rivals,
      say: (line: string) => say(`${name}: ${line}`),
      note: (line: string) => notes.push(line),
    };
    for (const figure of await run(bench)) rows.push({ bench: name, ...figure });
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  }
  process.stdout.write(`${table(rows)}\n${notes.map(note => `- ${note}\n`).join('')}`);
  return 0;
}

function named<Named extends { name: string }>(all: Named[], parts: string[] = ['']): Named[] {
  return all.filter(({ name }) => parts.some(part => name.includes(part)));
}

function say(line: string): void {
  const seconds = Math.round(performance.now() / 1000);
  process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`);
}

process.exit(
  options.plots === undefined ? ((await onOwnNetwork()) ?? (await main())) : drawPlots(options.plots),
);
