import { LockstepError } from '../schema/error.ts';

/** One thing in the store that is not what it must be. */
export interface Finding {
  /** A record, or where it lies in the store or its file. */
  path: string;
  reason: string;
}

export const DAMAGE_HINT =
  'Nothing is repaired by guessing. On a unit of a pair: lockstep rebuild --from-partner. A single unit: restore a bundle.';

export function damagedStore({ path, reason }: Finding): LockstepError {
  return new LockstepError('damaged-store', `The store is damaged: ${path} ${reason}.`, {
    hint: DAMAGE_HINT,
    facts: { path, reason },
  });
}

/** What a `damaged-store` error found; undefined for every other one. */
export function findingIn(error: unknown): Finding | undefined {
  if (!(error instanceof LockstepError) || error.code !== 'damaged-store') return undefined;
  const { path, reason } = error.facts;
  return typeof path === 'string' && typeof reason === 'string' ? { path, reason } : undefined;
}

/** JSON of the store. Throws `damaged-store` when it is none. */
export function parseStored<T>(bytes: Buffer, path: string): T {
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch {
    throw damagedStore({ path, reason: 'is not readable' });
  }
}
