import { chmod } from 'node:fs/promises';
import type { IncomingHttpHeaders, Server } from 'node:http';
import { AUTHOR_HEADER, readAuthor } from '../author.ts';
import type { Asking } from '../contract/method.ts';
import { clearStaleSocket } from '../socket.ts';
import type { Door } from './door.ts';

/**
 * The socket in the folder of the unit, which only its owner can open: whoever the header names, with every right. Only what
 * its listener itself accepted comes by it, and nothing that somebody hands in.
 */
export class UnixDoor implements Door {
  readonly #accepted = new WeakSet<object>();

  constructor(server: Server) {
    server.prependListener('connection', (connection: { server?: unknown }) => {
      if (connection.server === server) this.#accepted.add(connection);
    });
  }

  /** Throws `unit-busy`, `port-in-use`. */
  async open(socketPath: string, listen: (path: string) => Promise<unknown>): Promise<void> {
    await clearStaleSocket(socketPath);
    await listen(socketPath);
    await chmod(socketPath, 0o600);
  }

  whoAsks(connection: object, headers: IncomingHttpHeaders): Asking | undefined {
    if (!this.#accepted.has(connection)) return undefined;
    return { author: readAuthor(headers[AUTHOR_HEADER]), role: 'admin' };
  }
}
