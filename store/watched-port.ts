import { asLockstepError, type LockstepError } from '../schema/error.ts';
import type { StorePort } from './port.ts';

/** `port`, whose refused writes are told to `onRefused`: each batch that the disk did not take. */
export function watchedPort(port: StorePort, onRefused: (error: LockstepError) => void): StorePort {
  return {
    get: key => port.get(key),
    range: range => port.range(range),
    snapshot: () => port.snapshot(),
    ...(port.space === undefined ? {} : { space: () => port.space?.() ?? { fileBytes: 0, freeBytes: 0 } }),
    close: () => port.close(),
    batch: batch =>
      port.batch(batch).catch((error: unknown) => {
        const known = asLockstepError(error);
        if (known.code === 'disk') onRefused(known);
        throw error;
      }),
  };
}
