/** Requests that never become one: Node.js answers them by itself, without a body; here they get the one shape of errors. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { LockstepError } from '../schema/error.ts';

/** How long the refusal may take to be read. */
const GOODBYE_MS = 250;
const TYPE = 'application/json; charset=utf-8';

/** `Expect:` with anything but `100-continue` (RFC 9110, 10.1.1). */
export function refuseExpectation({ headers }: IncomingMessage, answer: ServerResponse): void {
  const asked = JSON.stringify(String(headers.expect).slice(0, 64));
  const error = new LockstepError('bad-usage', `This unit does not know what to do with Expect: ${asked}.`, {
    hint: 'Leave the header out, or send Expect: 100-continue.',
  });
  answer.writeHead(417, { 'content-type': TYPE }).end(JSON.stringify(error));
}

/** What is no HTTP, or has more or larger headers than a request needs. */
export function refuseUnreadable({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, error] = refusals[code ?? ''] ?? UNREADABLE;
  const body = JSON.stringify(error);
  const head = [
    `HTTP/1.1 ${status}`,
    `content-type: ${TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  // What follows on it is not looked at, whether the answer is taken or not.
  const late = setTimeout(() => socket.destroy(), GOODBYE_MS);
  socket.once('close', () => clearTimeout(late));
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

const UNREADABLE = ['400 Bad Request', new LockstepError('bad-usage', 'This is no HTTP request.')] as const;

const refusals: Record<string, readonly [string, LockstepError]> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    new LockstepError('too-large', 'The headers of the request are too large.'),
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    new LockstepError('bad-usage', 'The request did not come to its end in time.'),
  ],
};
