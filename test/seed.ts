import fc from 'fast-check';

/**
 * The seed of everything in the tests that goes one way or another. It is the same every day, so that a failure is
 * the doing of a change; LOCKSTEP_SEED=NUMBER replays another run, LOCKSTEP_SEED=new looks where nobody looked yet.
 */
export const SEED = seedFrom(process.env.LOCKSTEP_SEED);

function seedFrom(text = '2026'): number {
  const seed = text === 'new' ? Date.now() % 1_000_000 : Number(text);
  if (!Number.isInteger(seed)) throw new Error(`LOCKSTEP_SEED=${text} is not a whole number, nor "new"`);
  return seed;
}

fc.configureGlobal({ seed: SEED });

/** Read by mocha before the first test. */
export const mochaHooks = {
  beforeAll(): void {
    if (process.env.LOCKSTEP_SEED_TOLD === undefined) process.stdout.write(`\n  LOCKSTEP_SEED=${SEED}\n`);
  },
};
