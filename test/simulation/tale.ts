import type { Outcome } from './simulation.ts';

const LAST_LINES = 60;

/** What is shown of a run that broke a promise. */
export function tale({ seed, broken, log }: Outcome): string {
  return [
    ...log.slice(-LAST_LINES),
    ...broken.map(promise => `BROKEN: ${promise}`),
    `seed ${seed}; again with: npm run simulate -- --seed ${seed}`,
  ].join('\n');
}
