/** Between two readings of one monotonic clock: milliseconds, to the hundredth. */
export function elapsedMs(started: number, now: number): number {
  return Math.round((now - started) * 100) / 100;
}
