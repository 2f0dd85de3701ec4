/**
 * The simulation, over as many seeds as wanted: a pair and a unit that it replaced in one process, with faults.
 *
 *     npm run simulate -- --seeds 10000            seeds 1 … 10000, on all processors
 *     npm run simulate -- --seeds 100 --seed 7     seeds 7 … 106
 *     npm run simulate -- --seed 7                 one seed, with all that happened
 */
import { parseArgs } from 'node:util';
import { runSeeds } from '../test/simulation/seeds.ts';
import { simulate } from '../test/simulation/simulation.ts';
import { tale } from '../test/simulation/tale.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 2_000 : 1));
if (!Number.isInteger(first) || !Number.isInteger(count))
  throw new Error('--seeds and --seed take whole numbers');

if (count === 1) {
  const outcome = await simulate(first);
  console.log([...outcome.log, ...outcome.broken.map(promise => `BROKEN: ${promise}`)].join('\n'));
  if (outcome.broken.length > 0) process.exitCode = 1;
} else {
  const { seeds, failed, ends, commits, updates, replacements, fallBacks, prunings, seconds } =
    await runSeeds(first, count);
  for (const outcome of failed) console.log(tale(outcome));
  for (const [end, times] of [...ends].sort((one, other) => other[1] - one[1]))
    console.log(`${times}\t${end}`);
  console.log(
    `${commits} commits, ${updates} updates, ${replacements} replacements, ${fallBacks} fall-backs, ${prunings} prunings`,
  );
  console.log(`${seeds} seeds in ${seconds.toFixed(1)} s: ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}
