import type { IncomingMessage, ServerResponse } from 'node:http';
import { LockstepError } from '../schema/error.ts';

const ASKS_EVERY_MS = 1_000;
const NEVER = new AbortController().signal;

/** For what is answered at once. */
export function neverLeaves(): AbortSignal {
  return NEVER;
}

/**
 * Aborted when the connection of a request ends before its answer. A half that is closed only says that no more questions come:
 * whoever did so and is still there reads "102 Processing" now and then (RFC 9110, 15.2), and of whoever is not the system tells.
 */
export function leftOf({ socket }: IncomingMessage, answer: ServerResponse): AbortSignal {
  const left = new AbortController();
  let asking: NodeJS.Timeout | undefined;
  const ask = (): void => {
    asking = setInterval(() => {
      if (!answer.headersSent) answer.writeProcessing();
    }, ASKS_EVERY_MS).unref();
  };
  const end = (): void => {
    clearInterval(asking);
    socket.off('end', ask);
    socket.off('close', end);
    if (!answer.writableFinished) left.abort(new LockstepError('unit-unreachable', 'Nobody waits any more.'));
  };
  socket.once('end', ask);
  socket.once('close', end);
  answer.once('close', end);
  return left.signal;
}
