import type { IncomingMessage } from 'node:http';
import { LockstepError } from '../schema/error.ts';
import type { Asking } from './contract/method.ts';
import type { Door } from './doors/door.ts';

/** A connection that no door knows is refused. */
export function whoAsks(doors: readonly Door[], { socket, headers }: IncomingMessage): Asking {
  for (const door of doors) {
    const asking = door.whoAsks(socket, headers);
    if (asking !== undefined) return asking;
  }
  throw new LockstepError('role-refused', 'Nobody knows who asks.');
}
