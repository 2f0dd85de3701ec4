/**
 * Spans of time that outlive the process. On one boot they are measured by the uptime, which no change of the clock touches; across
 * a reboot by the wall clock, and at least by the time that the machine has been up since.
 */
export interface Moment {
  /** Wall clock, milliseconds since 1970. */
  wall: number;
  /** Milliseconds since the boot. */
  uptime: number;
  /** Another one after each boot. */
  bootId: string;
}

export interface Deadline {
  from: Moment;
  durationMs: number;
}

export function makeDeadline(durationMs: number, clock: Moment): Deadline {
  return { from: clock, durationMs };
}

/** Milliseconds since `from`; never below 0, whatever was done to the clock. */
export function elapsedMs(from: Moment, clock: Moment): number {
  if (from.bootId === clock.bootId) return Math.max(0, clock.uptime - from.uptime);
  return Math.max(clock.wall - from.wall, clock.uptime, 0);
}

/** Milliseconds that are left: from the whole duration down to 0. */
export function remainingMs({ from, durationMs }: Deadline, clock: Moment): number {
  return Math.max(0, durationMs - elapsedMs(from, clock));
}
