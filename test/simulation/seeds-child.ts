import { simulate } from './simulation.ts';

// Thousands of refusals a second are made; nobody looks where.
Error.stackTraceLimit = 0;

/** Runs the seeds that it is sent, one after the other, and answers each with its outcome. */
process.on('message', async (seeds: number[]) => {
  for (const seed of seeds) {
    const outcome = await simulate(seed);
    // What happened is told only where something was broken: it is most of an outcome.
    process.send?.({ ...outcome, log: outcome.broken.length > 0 ? outcome.log : [] });
  }
});
