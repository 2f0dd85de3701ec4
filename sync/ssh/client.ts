/** The calling end: reaches the partner, makes sure that it is the partner, and opens the one subsystem. */
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostAndPort } from '../../schema/address.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../channel.ts';
import { CHANNEL_LIMITS, type ChannelLimits, hangUp, SshChannel, type Wire } from './channel.ts';
import { CONTROL_LIMITS, type ControlLimits } from './control.ts';
import { type Control, controlOver } from './control-client.ts';
import { fingerprint, parsePrivateKey } from './keys.ts';
import { keepKeysFresh, type RekeyLimits } from './rekey.ts';
import {
  type Client,
  CONTROL,
  type Login,
  MIN_PACKET_BYTES,
  peerPacketBytes,
  plainWords,
  SUBSYSTEM,
  startSshClient,
  USER,
} from './ssh2.ts';

export interface DialLimits extends ChannelLimits, ControlLimits, RekeyLimits {
  /** What the other side may send before the subsystem is open (bytes). */
  loginBytes: number;
}

export const DIAL_LIMITS: DialLimits = {
  ...CHANNEL_LIMITS,
  ...CONTROL_LIMITS,
  loginBytes: 256 * 1024,
  rekeyBytes: 1024 * 1024 * 1024,
  rekeyMs: 60 * 60 * 1000,
};

export type { Control };

export interface CallOptions {
  host: string;
  port: number;
  /** Source address, where the machine has several. */
  localAddress?: string;
  /** Whether this is the key of the partner. Asked at the login, and again whenever session keys are renewed. */
  acceptHostKey(blob: Buffer): boolean;
  /** Fingerprint of the key that `acceptHostKey` takes, for the message about another one. */
  expected?: string;
  /** From the call to the open channel (ms). */
  timeoutMs: number;
  signal?: AbortSignal;
  /** For a server that wants a name. */
  user?: string;
  limits?: Partial<DialLimits>;
}

export interface DialOptions extends CallOptions {
  /** Private Ed25519 key, OpenSSH PEM. */
  clientKey: string;
}

export interface ControlOptions extends CallOptions {
  /** Tried one after the other; a unit hears five at most. */
  logins: Login[];
}

/**
 * Opens a channel to the partner.
 *
 * Throws `key-mismatch` (facts: host, port, pinned, offered) when `acceptHostKey` says no, and `partner-unreachable` otherwise, with
 * a sentence of its own for each case and the fact `reason`: refused, timeout, no-route, unknown-host, closed,
 * handshake, login-refused, no-subsystem, protocol, aborted or network. Throws `damaged-store` for a client key that is none.
 */
export async function dial(options: DialOptions): Promise<Channel> {
  if (options.signal?.aborted) throw unreachable(options, 'aborted');
  parsePrivateKey(options.clientKey, 'The client key');
  return new Call(options, {
    logins: [options.clientKey],
    subsystem: SUBSYSTEM,
    makeAnswer: (wire, limits) => new SshChannel(wire, limits),
  }).answer;
}

/** Throws what `dial` throws; `login-refused` when the unit admits none of the keys. */
export function dialControl(options: ControlOptions): Promise<Control> {
  return new Call(options, {
    logins: options.logins,
    subsystem: CONTROL,
    makeAnswer: ({ stream, ...wire }, limits) =>
      controlOver(stream, wire, limits, reason => unreachable(options, reason)),
  }).answer;
}

interface Purpose<Answer> {
  logins: Login[];
  subsystem: string;
  makeAnswer(wire: Wire & { connection: Client }, limits: DialLimits): Answer;
}

/** One attempt. Ends once, as a channel or an error, and leaves no timer and no socket behind. */
class Call<Answer> {
  readonly answer: Promise<Answer>;
  readonly #options: CallOptions;
  readonly #purpose: Purpose<Answer>;
  readonly #limits: DialLimits;
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  #connected = false;
  #ready = false;
  #settle!: { resolve: (answer: Answer) => void; reject: (error: LockstepError) => void };
  #settled = false;

  constructor(options: CallOptions, purpose: Purpose<Answer>) {
    this.#options = options;
    this.#purpose = purpose;
    this.#limits = { ...DIAL_LIMITS, ...options.limits };
    this.answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#timer = setTimeout(() => this.#fail('timeout'), options.timeoutMs);
    this.#socket = openSocket(options);
    this.#client = startSshClient(this.#socket, {
      user: options.user ?? USER,
      logins: purpose.logins,
      acceptHostKey: blob => this.#checkHostKey(blob),
    });
    this.#watch();
  }

  #watch(): void {
    const client = this.#client;
    this.#options.signal?.addEventListener('abort', this.#abort);
    this.#socket.once('connect', () => {
      this.#connected = true;
    });
    this.#socket.on('data', () => {
      if (!this.#settled && this.#socket.bytesRead > this.#limits.loginBytes) this.#fail('protocol');
    });
    client.on('error', error => this.#fail(faultOf(error), error));
    // A server that hangs up after its first line gives a close and no error.
    client.on('close', () => this.#fail('closed'));
    client.once('ready', () => this.#openChannel());
  }

  readonly #abort = (): void => this.#fail('aborted');

  #checkHostKey(blob: Buffer): boolean {
    if (this.#options.acceptHostKey(Buffer.from(blob)) === true) return true;
    this.#failWith(strangeHostKey(this.#options, blob));
    return false;
  }

  #openChannel(): void {
    this.#ready = true;
    this.#client.subsys(this.#purpose.subsystem, (error, stream) => {
      if (this.#settled) return;
      if (error) return this.#fail(this.#socket.destroyed ? 'closed' : 'no-subsystem');
      if (peerPacketBytes(stream) < MIN_PACKET_BYTES) return this.#fail('protocol');
      this.#succeed(stream);
    });
  }

  #succeed(stream: Duplex): void {
    const { host, port } = this.#options;
    this.#done();
    keepKeysFresh(this.#client, this.#socket, this.#limits);
    const remote = { address: this.#socket.remoteAddress ?? host, port };
    const wire = { stream, connection: this.#client, socket: this.#socket, remote };
    this.#settle.resolve(this.#purpose.makeAnswer(wire, this.#limits));
  }

  #fail(reason: Reason, cause?: Error): void {
    const precise = reason === 'closed' && this.#connected && this.#ready ? 'no-subsystem' : reason;
    this.#failWith(unreachable(this.#options, precise, cause));
  }

  #failWith(error: LockstepError): void {
    if (this.#settled) return;
    this.#done();
    this.#settle.reject(error);
    if (this.#connected) hangUp(this.#client, this.#socket);
    else this.#socket.destroy();
  }

  #done(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }
}

function openSocket({ host, port, localAddress }: CallOptions): Socket {
  const socket = connect({
    host,
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.on('error', () => {});
  return socket;
}

type Reason = keyof typeof SENTENCES;

const SENTENCES = {
  refused: 'refuses the connection: nothing listens there',
  timeout: 'does not answer in time',
  'no-route': 'cannot be reached: there is no route to it',
  'unknown-host': 'is not a name that can be resolved',
  closed: 'closed the connection before the login was complete',
  handshake: 'does not agree on how to encrypt, or could not prove its key',
  'login-refused': 'does not accept the key of this unit',
  'no-subsystem': 'let this unit in, but does not speak Lockstep with it',
  protocol: 'does not speak proper SSH',
  aborted: 'was not waited for',
  'turned-away': 'turned this connection away',
  network: 'cannot be reached',
} as const;

const HINTS: Partial<Record<Reason, string>> = {
  refused: 'Is the daemon running there? systemctl status lockstep',
  timeout: 'Does a firewall drop the port?',
  'turned-away': 'Try again when one of them has ended.',
  'login-refused': 'The partner may have been replaced or paired with another unit: pair again.',
};

const REASON_OF_ERRNO: Record<string, Reason> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'no-route',
  ENETUNREACH: 'no-route',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
};

/** What a unit says that lets somebody in, but not now (RFC 4253, 11.1); it says why in words. */
const TOO_MANY_CONNECTIONS = 12;

/** `level` is ssh2's word for where it went wrong, `code` that of the system. */
function faultOf(error: Error & { level?: string; code?: unknown }): Reason {
  if (error.level === 'client-authentication') return 'login-refused';
  if (error.level === 'handshake') return 'handshake';
  if (error.level === 'client-timeout') return 'timeout';
  if (error.code === TOO_MANY_CONNECTIONS) return 'turned-away';
  if (error.level === 'client-socket') return REASON_OF_ERRNO[String(error.code)] ?? 'network';
  return error.message === 'Connection lost before handshake' ? 'closed' : 'protocol';
}

function unreachable({ host, port }: CallOptions, reason: Reason, cause?: Error): LockstepError {
  const why = reason === 'turned-away' ? `: ${plainWords(cause?.message ?? '')}` : '';
  return new LockstepError('partner-unreachable', `${hostAndPort(host, port)} ${SENTENCES[reason]}${why}.`, {
    hint: HINTS[reason],
    facts: { host, port, reason, ...(cause === undefined ? {} : { cause: cause.message }) },
  });
}

function strangeHostKey({ host, port, expected }: CallOptions, blob: Buffer): LockstepError {
  const offered = fingerprint(blob);
  const pinned = expected === undefined ? 'the pinned one' : `the pinned ${expected}`;
  return new LockstepError(
    'key-mismatch',
    `${hostAndPort(host, port)} shows the key ${offered}, which is not ${pinned}.`,
    {
      hint: 'If the unit was replaced on purpose, pair again with --replace. Otherwise somebody is in between.',
      facts: { host, port, ...(expected === undefined ? {} : { pinned: expected }), offered },
    },
  );
}
