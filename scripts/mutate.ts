/**
 * Is the simulation worth its time? Makes one line of the product wrong after the other, in a copy, and tells which
 * seeds find it. Nothing but a mutation that another check hides may stay unfound.
 *
 *     npm run mutate                         each mutation, up to 2,000 seeds
 *     npm run mutate -- --seeds 500 --only 'lower epoch,own half'
 *     npm run mutate -- --sample 3           three of them, others each day of the month
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS, type Mutation } from '../test/simulation/mutations.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, only: { type: 'string' }, sample: { type: 'string' } },
});
const seeds = values.seeds ?? '2000';
const only = (values.only ?? '').split(',');
const root = new URL('..', import.meta.url).pathname;

/** Everything else is copied: what the simulation needs is for its imports to say. */
const NOT_SOURCES = ['.git', 'node_modules', 'dist', 'coverage'];

const copy = mkdtempSync(join(tmpdir(), 'lockstep-mutate-'));
try {
  cpSync(root, copy, { recursive: true, filter: file => !NOT_SOURCES.includes(relative(root, file)) });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const mutation of chosen()) {
    const found = await seedsThatFind(mutation);
    const says = found.length > 0 ? `found by seed ${found.join(', ')}` : 'NOT FOUND';
    const hidden = mutation.hiddenBy === undefined ? '' : ` (hidden by ${mutation.hiddenBy})`;
    console.log(`${mutation.name}: ${says}${hidden}`);
    if (found.length === 0 && mutation.hiddenBy === undefined) process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/** A sample is spread over all that can be found, and begins elsewhere each day. */
function chosen(): Mutation[] {
  const named = MUTATIONS.filter(({ name }) => only.some(words => name.includes(words)));
  if (values.sample === undefined) return named;
  const size = Number(values.sample);
  if (!Number.isInteger(size) || size < 1) throw new Error('--sample takes a whole number from 1 on');
  const found = named.filter(({ hiddenBy }) => hiddenBy === undefined);
  const step = Math.max(1, Math.floor(found.length / size));
  const first = new Date().getUTCDate() % step;
  return found.filter((_, index) => index % step === first).slice(0, size);
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
