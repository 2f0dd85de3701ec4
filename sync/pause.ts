import { LockstepError } from '../schema/error.ts';

/** Updates stop going out of the active unit, until somebody resumes or the time is over. */
export interface Pause {
  by: string;
  reason: string;
  /** ISO 8601. */
  since: string;
  /** ISO 8601; null: until somebody resumes. */
  until: string | null;
}

export function pausedError({ by, reason, since, until }: Pause): LockstepError {
  return new LockstepError('paused', `Updates are paused by ${by}: ${reason.replace(/\.$/, '')}.`, {
    hint: 'Type lockstep resume on this unit; what waits then goes out.',
    facts: { by, reason, since, until },
  });
}
