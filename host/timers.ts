/** Timers and clocks come in, so that a simulation can own the time. */
export interface Timers {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `act` once after `ms`; returns how to cancel. */
  after(ms: number, act: () => void): () => void;
}

/** Those of this process. */
export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};
