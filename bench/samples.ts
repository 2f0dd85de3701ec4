/** Pure: what many measurements of one act say together. */

/** Of one act, repeated. */
export interface Spread {
  /** Milliseconds. */
  median: number;
  p95: number;
  least: number;
  rounds: number;
}

/** Throws when there is none. */
export function spreadOf(samples: number[]): Spread {
  return {
    median: quantile(samples, 0.5),
    p95: quantile(samples, 0.95),
    least: quantile(samples, 0),
    rounds: samples.length,
  };
}

export function median(samples: number[]): number {
  return quantile(samples, 0.5);
}

/** The sample that `share` (0–1) of them do not exceed: one that was measured, never one in between. */
export function quantile(samples: number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new RangeError('nothing was measured');
  return value;
}
