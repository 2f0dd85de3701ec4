import { ApiClient } from '../../api/client.ts';
import { LockstepError } from '../../schema/error.ts';
import { authorName } from '../context.ts';

/** Where a unit is: the directory that it runs on, or a host and port that its SSH listener has. */
export type Place = { dir: string } | { unit: string };

/** The API of the unit at `place`; nothing is sent before the first method is called. Throws `unit-unreachable`. */
export function reach(place: Place, timeoutMs?: number): ApiClient {
  const timeout = timeoutMs === undefined ? {} : { timeoutMs };
  if ('dir' in place) return new ApiClient({ dir: place.dir, author: authorName(), ...timeout });
  throw new LockstepError('unit-unreachable', `There is no way from here to ${place.unit}.`, {
    hint: 'A unit is reached by its directory on this machine, and the partner of this unit by its address.',
  });
}
