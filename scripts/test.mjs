/**
 * All tests: the rooms, then whole pairs. Both parts run, whatever the first came to; the seed of both is told once.
 *
 *     npm test
 *     LOCKSTEP_SEED=new npm test     looks where nobody looked yet
 */
import { spawnSync } from 'node:child_process';

const PARTS = ['test:rooms', 'test:pairs'];

const asked = process.env.LOCKSTEP_SEED ?? '2026';
const seed = asked === 'new' ? String(Date.now() % 1_000_000) : asked;
process.stdout.write(`  LOCKSTEP_SEED=${seed}\n`);
const env = { ...process.env, LOCKSTEP_SEED: seed, LOCKSTEP_SEED_TOLD: '1' };

const failed = PARTS.filter(part => {
  const started = performance.now();
  const { status } = spawnSync('npm', ['run', '-s', part], { stdio: 'inherit', env });
  process.stdout.write(`  ${part}: ${Math.round((performance.now() - started) / 1000)} s\n`);
  return status !== 0;
});
if (failed.length > 0) {
  process.stdout.write(`  failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
