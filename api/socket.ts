import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { LockstepError } from '../schema/error.ts';

/** What fits into the address of a Unix socket on Linux, in bytes; a longer one would be cut silently. */
const MAX_SOCKET_PATH = 107;

export function socketIn(dir: string): string {
  return join(dir, 'control.sock');
}

/** Throws `bad-usage` when the kernel cannot take the path. */
export function checkSocketPath(socketPath: string): void {
  const bytes = Buffer.byteLength(socketPath);
  if (bytes <= MAX_SOCKET_PATH) return;
  throw new LockstepError(
    'bad-usage',
    `The path ${socketPath} has ${bytes} bytes; the path of a socket may have ${MAX_SOCKET_PATH}.`,
    {
      hint: 'Use a directory with a shorter path.',
      facts: { bytes, limit: MAX_SOCKET_PATH },
    },
  );
}

/**
 * Make way for a new socket: what a killed daemon left behind is removed, but nothing that somebody answers on.
 * Throws `unit-busy` when a daemon answers, `port-in-use` when something that is not a socket has the name.
 */
export async function clearStaleSocket(socketPath: string): Promise<void> {
  const there = await lstat(socketPath).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new LockstepError('port-in-use', `${socketPath} is in the way: it is not a socket.`, {
      hint: 'Move it elsewhere.',
    });
  }
  if (await answers(socketPath)) {
    throw new LockstepError('unit-busy', `Another daemon answers on ${socketPath}.`, {
      hint: 'One unit per directory: stop the other, or use another --dir.',
    });
  }
  await unlink(socketPath);
}

/** Only a refused connection proves that nobody is there. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
  });
}
