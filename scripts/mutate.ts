/**
 * Is the simulation worth its time? Makes one line of the product wrong after the other, in a copy, and tells which
 * seeds find it. Nothing but a mutation that another check hides may stay unfound.
 *
 *     npm run mutate                         each mutation, up to 2,000 seeds
 *     npm run mutate -- --seeds 500 --only 'lower epoch,own half'
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS, type Mutation } from '../test/simulation/mutations.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string' }, only: { type: 'string' } } });
const seeds = values.seeds ?? '2000';
const only = (values.only ?? '').split(',');
const root = new URL('..', import.meta.url).pathname;

const copy = mkdtempSync(join(tmpdir(), 'lockstep-mutate-'));
try {
  for (const part of [
    'schema',
    'store',
    'sync',
    'unit',
    'test/simulation',
    'test/sync',
    'scripts',
    'package.json',
  ])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const mutation of MUTATIONS) {
    if (!only.some(words => mutation.name.includes(words))) continue;
    const found = await seedsThatFind(mutation);
    const says = found.length > 0 ? `found by seed ${found.join(', ')}` : 'NOT FOUND';
    const hidden = mutation.hiddenBy === undefined ? '' : ` (hidden by ${mutation.hiddenBy})`;
    console.log(`${mutation.name}: ${says}${hidden}`);
    if (found.length === 0 && mutation.hiddenBy === undefined) process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function seedsThatFind({ name, changes }: Mutation): Promise<number[]> {
  const sources = new Map<string, string>();
  for (const { file, from, to } of changes) {
    const source = readFileSync(join(copy, file), 'utf8');
    if (source.split(from).length !== 2) throw new Error(`"${name}": ${file} has its line not exactly once`);
    if (!sources.has(file)) sources.set(file, source);
    writeFileSync(
      join(copy, file),
      source.replace(from, () => to),
    );
  }
  const said = await simulation();
  for (const [file, source] of sources) writeFileSync(join(copy, file), source);
  return [...said.matchAll(/^seed (\d+);/gm)].map(([, seed]) => Number(seed));
}

function simulation(): Promise<string> {
  return new Promise((resolve, reject) =>
    execFile(
      process.execPath,
      ['--import', 'tsx', 'scripts/simulate.ts', '--seeds', seeds],
      { cwd: copy, maxBuffer: 64 * 1024 * 1024 },
      (_failed, stdout, stderr) =>
        / seeds in /.test(stdout) ? resolve(stdout) : reject(new Error(stderr.slice(0, 2000))),
    ),
  );
}
