/** How often a unit came back after it had ended without saying so (docs/DOMAIN.md, Words: pacified). */
import { elapsedMs, type Moment } from '../../host/deadline.ts';

export interface Starts {
  /** False once the daemon has ended in order: a start after that is no restart. */
  running: boolean;
  /** Restarts that are not long ago, oldest first. */
  restarts: Moment[];
  pacified?: Pacified;
}

export interface Pacified {
  /** ISO 8601. */
  since: string;
  restarts: number;
}

export const MAX_RESTARTS = 3;
const WINDOW_MS = 5 * 60_000;

export function started(before: Starts | undefined, clock: Moment): Starts {
  const recent = (before?.restarts ?? []).filter(restart => elapsedMs(restart, clock) < WINDOW_MS);
  const restarts = (before?.running === true ? [...recent, clock] : recent).slice(-MAX_RESTARTS - 1);
  const pacified =
    before?.pacified ??
    (restarts.length > MAX_RESTARTS
      ? { since: new Date(clock.wall).toISOString(), restarts: restarts.length }
      : undefined);
  return { running: true, restarts, ...(pacified === undefined ? {} : { pacified }) };
}

export function ended(before: Starts): Starts {
  return { ...before, running: false };
}

/** Somebody has looked at it: the count begins anew. */
export function resumed(): Starts {
  return { running: true, restarts: [] };
}
