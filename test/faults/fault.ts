/** One way in which things go wrong, provoked for real; `npm run faults` runs them all. */
export interface Fault {
  name: string;
  /** How often it is tried by default. */
  tries: number;
  /** `lost`: acknowledged changes that are not there afterwards. `backInStepMs`: the longest time until the pair was in step again. */
  run(
    tries: number,
    log: (line: string) => void,
  ): Promise<{ tried: number; lost: number; backInStepMs: number }>;
}
