/**
 * The simulation, over as many seeds as wanted: two units in one process, with faults.
 *
 *     npm run simulate -- --seeds 10000            seeds 1 … 10000
 *     npm run simulate -- --seeds 100 --seed 7     seeds 7 … 106
 *     npm run simulate -- --seed 7                 one seed, with all that happened
 */
import { parseArgs } from 'node:util';
import { type Outcome, simulate } from '../test/simulation/simulation.ts';
import { tale } from '../test/simulation/tale.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 2_000 : 1));
if (!Number.isInteger(first) || !Number.isInteger(count))
  throw new Error('--seeds and --seed take whole numbers');

const started = performance.now();
const ends = new Map<string, number>();
let [failed, commits, updates] = [0, 0, 0];
for (let seed = first; seed < first + count; seed++) {
  const outcome: Outcome = await simulate(seed);
  ends.set(outcome.end, (ends.get(outcome.end) ?? 0) + 1);
  commits += outcome.commits;
  updates += outcome.updates;
  if (outcome.broken.length > 0) failed++;
  if (outcome.broken.length > 0 && failed <= 5) console.log(tale(outcome));
  else if (count === 1) console.log(outcome.log.join('\n'));
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${count} seeds in ${seconds} s: ${failed} failed; ${commits} commits, ${updates} updates`);
for (const [end, times] of [...ends].sort((one, other) => other[1] - one[1])) console.log(`${times}\t${end}`);
if (failed > 0) process.exitCode = 1;
