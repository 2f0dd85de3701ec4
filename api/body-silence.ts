import type { IncomingMessage } from 'node:http';

/** How long a body may stop coming (ms). */
const SILENCE_MS = 60_000;

/** Ends the connection when a body that was begun does not go on: what was taken of it would wait for ever. */
export function endWhenSilent(request: IncomingMessage, silenceMs = SILENCE_MS): void {
  const { socket } = request;
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete || socket.destroyed) clearInterval(timer);
    else if (socket.bytesRead === seen) socket.destroy();
    seen = socket.bytesRead;
  }, silenceMs);
  timer.unref();
  request.once('close', () => clearInterval(timer));
}
