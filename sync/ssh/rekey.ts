import type { Socket } from 'node:net';
import { type Client, type Connection, isRekeying, rekey } from './ssh2.ts';

export interface RekeyLimits {
  /** New session keys after this many bytes, both ways together, or this long (ms), whatever comes first. */
  rekeyBytes: number;
  rekeyMs: number;
}

/** How long an exchange of session keys may take (ms); a peer that never ends it would make our output pile up. */
const REKEY_DEADLINE_MS = 30_000;

/** Renews the session keys by bytes and time, while the traffic goes on. */
export function keepKeysFresh(end: Client | Connection, socket: Socket, limits: RekeyLimits): void {
  let renewedAt = 0;
  let deadline: NodeJS.Timeout | undefined;
  const bytes = (): number => socket.bytesRead + socket.bytesWritten;
  const renew = (): void => {
    if (isRekeying(end) || socket.destroyed || socket.writableEnded) return;
    rekey(end);
    deadline ??= setTimeout(() => socket.destroy(), REKEY_DEADLINE_MS);
  };
  const timer = setInterval(renew, limits.rekeyMs);
  renewedAt = bytes();
  // Also one-way traffic of ours brings input: the other side opens its window again and again.
  socket.on('data', () => {
    if (bytes() - renewedAt > limits.rekeyBytes) renew();
  });
  (end as Client).on('handshake', () => {
    renewedAt = bytes();
    clearTimeout(deadline);
    deadline = undefined;
  });
  socket.once('close', () => {
    clearInterval(timer);
    clearTimeout(deadline);
  });
}
