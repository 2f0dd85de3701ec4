import { existsSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { dirname } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { ERROR_CODES, type ErrorBody, LockstepError } from '../schema/error.ts';
import { AUTHOR_HEADER, writeAuthor } from './author.ts';
import type { Event } from './contract/events.ts';
import type { AnyMethod } from './contract/method.ts';
import { type Answer, type Asked, type MethodName, methodOf } from './contract/methods.ts';
import { readEvents } from './event-stream.ts';
import { FACTS_HEADER, readFacts } from './facts-header.ts';
import { checkSocketPath, socketIn } from './socket.ts';
import { UPLOAD_TYPE } from './upload.ts';

/** A first update of a large standby may take minutes; past this, silence is taken for a unit that hangs. */
const DEFAULT_TIMEOUT_MS = 10 * 60 * 1000;

const FOLLOW_SILENCE_MS = 60_000;

export interface ClientOptions {
  /** Of the unit on this machine, when `remote` names no other. */
  dir: string;
  author: string;
  timeoutMs?: number;
  remote?: RemoteUnit | undefined;
}

/** A unit elsewhere. */
export interface RemoteUnit {
  /** A stream that its API is spoken on, one a request. Rejects with a LockstepError. */
  open(): Promise<Duplex & { setTimeout(ms: number): unknown }>;
}

/**
 * The API of the unit that runs on a directory, over its socket, or of one elsewhere. Every method throws LockstepError only: what the
 * unit answered, or `unit-unreachable` with what to do about it.
 */
export class ApiClient {
  private readonly socketPath: string;
  private readonly author: string;
  private readonly timeoutMs: number;
  private readonly remote: RemoteUnit | undefined;

  constructor({ dir, author, timeoutMs = DEFAULT_TIMEOUT_MS, remote }: ClientOptions) {
    this.remote = remote;
    this.socketPath = socketIn(dir);
    this.author = author;
    this.timeoutMs = timeoutMs;
    if (remote === undefined) checkSocketPath(this.socketPath);
  }

  /** Asks the unit for one of its methods. */
  async call<Name extends MethodName>(
    name: Name,
    ...[asked]: Record<never, never> extends Asked<Name> ? [asked?: Asked<Name>] : [asked: Asked<Name>]
  ): Promise<Answer<Name>> {
    const method = methodOf(name);
    const response = await this.ask(method, ...(await written(method, asked ?? {})));
    if (response.statusCode !== 200) throw refusal(await readAnswer(response, method));
    const answer =
      method.written === 'bytes'
        ? { facts: readFacts(response.headers[FACTS_HEADER]), bytes: streamOf(response) }
        : await readAnswer(response, method);
    return answer as Answer<Name>;
  }

  /** What happens in the unit, until `signal` is aborted or the unit ends it. */
  async *follow(asked: Asked<'events'>, signal: AbortSignal): AsyncGenerator<Event> {
    const method = methodOf('events');
    const response = await this.ask(method, ...(await written(method, asked)));
    if (response.statusCode !== 200) throw refusal(await readAnswer(response, method));
    // Something comes every few seconds, if only to say that the unit lives.
    response.socket.setTimeout(FOLLOW_SILENCE_MS, () => response.destroy());
    signal.addEventListener('abort', () => response.destroy(), { once: true });
    try {
      yield* readEvents(response);
    } catch (error) {
      if (!signal.aborted) throw this.noAnswer(error as Error, method);
    }
  }

  private ask(method: AnyMethod, path: string, body?: Buffer | Readable): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request({
        ...this.line(),
        method: method.http,
        path,
        headers: this.headers(body),
        servername: '', // else Node.js looks whether the host is an address, with an expression that takes milliseconds to compile
      } as RequestOptions);
      asked.setTimeout(this.timeoutMs);
      asked.on('timeout', () => asked.destroy(silent(this.timeoutMs)));
      asked.on('error', error =>
        reject(error instanceof LockstepError ? error : this.noAnswer(error, method)),
      );
      asked.on('response', resolve);
      if (body === undefined || Buffer.isBuffer(body)) asked.end(body);
      else body.once('error', error => asked.destroy(unreadableUpload(error))).pipe(asked);
    });
  }

  private line(): RequestOptions {
    const { remote } = this;
    if (remote === undefined) return { socketPath: this.socketPath };
    return {
      host: 'unit',
      createConnection: (_options, done) => {
        remote.open().then(
          stream => done(null, stream),
          error => done(error, undefined as never),
        );
        return undefined;
      },
    };
  }

  private noAnswer(error: Error, method: AnyMethod): LockstepError {
    return this.remote === undefined ? unreachable(error, this.socketPath, method) : cutOff(method);
  }

  private headers(body: Buffer | Readable | undefined): Record<string, string | number> {
    const own = { [AUTHOR_HEADER]: writeAuthor(this.author) };
    if (body === undefined) return own;
    return !Buffer.isBuffer(body)
      ? { ...own, 'content-type': UPLOAD_TYPE }
      : { ...own, 'content-type': 'application/json', 'content-length': body.length };
  }
}

/** Path and body of a request. */
async function written(
  { http, path, upload }: AnyMethod,
  asked: object,
): Promise<[path: string, body?: Buffer | Readable]> {
  if (upload) return [path, (asked as { bytes: Readable }).bytes];
  if (http === 'GET') {
    const given = Object.entries(asked).filter(([, value]) => value !== undefined);
    return [given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`];
  }
  const bytes = Buffer.from(JSON.stringify(asked));
  // Loaded here only: questions need no JSON reader, and lockstep status should be quick.
  const { MAX_DOCUMENT_BYTES, tooLarge } = await import('../schema/json.ts');
  // The unit would refuse it in the middle of the sending, which looks like a broken connection.
  if (bytes.length > MAX_DOCUMENT_BYTES) throw tooLarge('The request', bytes.length);
  return [path, bytes];
}

async function readAnswer(response: IncomingMessage, method: AnyMethod): Promise<unknown> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    throw cutOff(method);
  }
  return parse(Buffer.concat(chunks).toString('utf8'));
}

function streamOf(response: IncomingMessage): Readable {
  const bytes = Readable.from(readBytes(response), { objectMode: false });
  bytes.once('close', () => response.destroy());
  return bytes;
}

async function* readBytes(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch {
    throw new LockstepError('unit-unreachable', 'The unit broke off in the middle of its answer.', {
      hint: 'Its log says why.',
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LockstepError('internal', 'The unit gave an answer that is not JSON.');
  }
}

/** The error that the unit threw, as it was there. */
function refusal(answer: unknown): LockstepError {
  const body = answer as Partial<ErrorBody> | null;
  if (typeof body?.code !== 'string' || !Object.hasOwn(ERROR_CODES, body.code)) {
    return new LockstepError('internal', 'The unit answered with an error that this version does not know.', {
      hint: 'Is the daemon of another version? Restart it.',
      facts: { answer },
    });
  }
  return new LockstepError(body.code, body.message ?? '', { hint: body.hint, facts: body.facts ?? {} });
}

function unreachable(error: NodeJS.ErrnoException, socketPath: string, method: AnyMethod): LockstepError {
  const dir = dirname(socketPath);
  const facts = { socketPath, errno: error.code };
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new LockstepError('unit-unreachable', `This user may not talk to the unit in ${dir}.`, {
      hint: 'Type the command as the user that the unit runs as, or with sudo.',
      facts,
    });
  }
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') {
    return new LockstepError('unit-unreachable', `No unit runs in ${dir}.`, { hint: howToStart(dir), facts });
  }
  return cutOff(method);
}

function unreadableUpload(error: Error): LockstepError {
  return new LockstepError('bad-usage', `The file cannot be read: ${error.message}.`);
}

function howToStart(dir: string): string {
  if (existsSync(dir)) return `Start it with: lockstep serve --dir ${dir}`;
  return `There is no ${dir}. Name the unit's directory with --dir or LOCKSTEP_DIR, or make a unit with: lockstep init --dir ${dir} --mode single|first|second`;
}

function cutOff({ question }: AnyMethod): LockstepError {
  const hint = question
    ? 'Ask again.'
    : 'Whether it was done is not known: look with lockstep history and lockstep status.';
  return new LockstepError('unit-unreachable', 'The unit went away before it answered.', { hint });
}

function silent(timeoutMs: number): LockstepError {
  return new LockstepError(
    'unit-unreachable',
    `The unit did not answer within ${Math.round(timeoutMs / 1000)} seconds.`,
    {
      hint: 'Look at its log; lockstep status tells whether it still answers.',
    },
  );
}
