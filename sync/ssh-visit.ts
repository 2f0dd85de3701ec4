/** One visit: a TCP connection from its first byte, through the login by key, to the one subsystem that is served. */
import type { Socket } from 'node:net';
import type { Channel } from './channel.ts';
import { fingerprint, isEd25519Blob } from './keys.ts';
import {
  type AuthContext,
  type Connection,
  MIN_PACKET_BYTES,
  type PublicKeyAuthContext,
  peerPacketBytes,
  type ServerChannel,
  type Session,
  SUBSYSTEM,
  signedBy,
} from './ssh.ts';
import { type ChannelLimits, SshChannel } from './ssh-channel.ts';
import type { Stage } from './ssh-gate.ts';

export interface VisitLimits extends ChannelLimits {
  /** From TCP connect to the open subsystem (ms). */
  loginMs: number;
  /** What a peer may send before its subsystem is open (bytes). */
  loginBytes: number;
  /** Login requests on one connection, the signed one included. */
  attempts: number;
}

interface Owner {
  /** Whose key it is, as `admit` said. */
  who: string;
  keyBlob: Buffer;
}

export interface Peer extends Owner {
  address: string;
}

/** What a visit needs of the house that it comes to. */
export interface Host {
  readonly limits: VisitLimits;
  admit(keyBlob: Buffer, source: { address: string }): string | undefined;
  onChannel(channel: Channel, peer: Peer): void;
  refuse(source: string, reason: string, detail?: string): void;
  /** Called when `visit` has logged in. */
  makeWayFor(visit: Visit): void;
}

/** One TCP connection, from the first byte on. It has until the login deadline to open its channel. */
export class Visit {
  readonly source: string;
  stage: Stage = 'silent';
  gone = false;
  readonly #host: Host;
  readonly #socket: Socket;
  readonly #remote: { address: string; port: number };
  readonly #deadline: NodeJS.Timeout;
  #connection: Connection | undefined;
  #candidate: Owner | undefined;
  #owner: Owner | undefined;
  #attempts = 0;
  #hasSession = false;
  #channel: SshChannel | undefined;

  constructor(host: Host, socket: Socket, remote: { address: string; port: number }) {
    this.#host = host;
    this.#socket = socket;
    this.#remote = remote;
    this.source = remote.address;
    this.#deadline = setTimeout(() => this.drop('did not log in in time'), host.limits.loginMs);
    socket.once('close', () => this.#ended());
    // Paused first: a listener makes a socket flow, and ssh2 is not there yet to hear.
    socket.pause();
    socket.on('data', () => this.#guardLogin());
  }

  /** Whose key logged in; undefined before. */
  get who(): string | undefined {
    return this.#owner?.who;
  }

  /** Called by ssh2 with the peer's first line; the same call stack goes on to answer it. */
  begin(connection: Connection): void {
    this.#connection = connection;
    // The channel, when there is one, hears of an error by itself and tells the reason.
    connection.on('error', error => this.drop(loginFault(error)));
    connection.on('handshake', () => this.#handshakeDone());
    connection.on('authentication', login => this.#decide(login));
    connection.on('ready', () => this.#loggedIn());
    connection.on('session', (accept, reject) => this.#openSession(accept, reject));
    connection.on('tcpip', (_accept, reject) => this.#refuse('direct-tcpip', reject));
    connection.on('openssh.streamlocal', (_accept, reject) => this.#refuse('direct-streamlocal', reject));
    connection.on('request', (_accept, reject, name) => this.#refuse(name, reject));
  }

  /** Ends the visit at once and says why in the log. */
  drop(reason: string): void {
    if (this.gone) return;
    this.gone = true;
    if (this.#channel === undefined) this.#host.refuse(this.source, reason);
    this.#socket.destroy();
  }

  /** Ends the visit in an orderly way. */
  leave(reason: string): void {
    this.gone = true;
    if (this.#channel) this.#channel.close(reason);
    else this.#socket.destroy();
  }

  #ended(): void {
    clearTimeout(this.#deadline);
    if (this.who === undefined) this.drop('left without logging in');
    this.gone = true;
  }

  /** A stranger gets few bytes and no long memory; the channel has its own guard. */
  #guardLogin(): void {
    if (this.#channel) return;
    if (this.stage === 'silent') this.stage = 'speaking';
    if (this.#socket.writableEnded) this.drop('broke the SSH protocol');
    else if (this.#socket.bytesRead > this.#host.limits.loginBytes)
      this.drop('sent too much before logging in');
    else if (this.#socket.writableLength > this.#host.limits.socketBytes) this.drop('does not read');
  }

  #handshakeDone(): void {
    if (this.stage === 'encrypted' && this.who === undefined)
      this.drop('asked for new keys before logging in');
    this.stage = 'encrypted';
  }

  #decide(login: AuthContext): void {
    if (++this.#attempts > this.#host.limits.attempts) this.drop('too many login attempts');
    if (this.gone) return;
    const who = login.method === 'publickey' ? this.#recognise(login) : this.#noOtherMethod(login.method);
    if (who === undefined || login.method !== 'publickey') {
      login.reject(['publickey']);
      return;
    }
    this.#candidate = { who, keyBlob: Buffer.from(login.key.data) };
    // Without a signature ssh2 answers that the key would do, and does not let in.
    login.accept();
  }

  #loggedIn(): void {
    this.#owner = this.#candidate;
    this.#host.makeWayFor(this);
  }

  /** Whose key it is: for the mere question whether a key would do, and for the signed login. */
  #recognise(login: PublicKeyAuthContext): string | undefined {
    const blob = login.key.data;
    if (login.key.algo !== 'ssh-ed25519' || !isEd25519Blob(blob)) return this.#no('key is not Ed25519');
    const who = this.#host.admit(Buffer.from(blob), { address: this.source });
    if (who === undefined) return this.#no('key is not admitted', fingerprint(blob));
    if (login.signature !== undefined && !signedBy(blob, login))
      return this.#no('wrong signature', fingerprint(blob));
    return who;
  }

  /** `none` is how every client asks which methods there are, and no attempt to get in. */
  #noOtherMethod(method: string): undefined {
    if (method !== 'none') this.#no(`${method} is not a way to log in`);
  }

  #no(reason: string, detail?: string): undefined {
    this.#host.refuse(this.source, reason, detail);
  }

  #refuse(request: string, reject: (() => void) | undefined, detail?: string): void {
    this.#no(`${request} is refused`, detail);
    reject?.();
  }

  #openSession(accept: () => Session, reject: () => void): void {
    if (this.#hasSession) {
      this.#refuse('a second session', reject);
      return;
    }
    this.#hasSession = true;
    const session = accept();
    for (const request of REFUSED_REQUESTS) {
      session.on(request as 'shell', (_accept, reject) => this.#refuse(request, reject));
    }
    session.on('subsystem', (accept, reject, { name }) => {
      if (name !== SUBSYSTEM) this.#refuse('another subsystem', reject, printable(name));
      else if (this.#channel) this.#refuse('a second subsystem', reject);
      else this.#openChannel(accept());
    });
  }

  #openChannel(stream: ServerChannel): void {
    if (peerPacketBytes(stream) < MIN_PACKET_BYTES) this.drop('asked for packets that are too small');
    if (this.gone || this.#owner === undefined || this.#connection === undefined) return;
    clearTimeout(this.#deadline);
    const wire = {
      stream,
      connection: this.#connection,
      socket: this.#socket,
      remote: this.#remote,
      onAbuse: (reason: string, detail?: string) => this.#no(reason, detail),
    };
    this.#channel = new SshChannel(wire, this.#host.limits);
    this.#host.onChannel(this.#channel, { ...this.#owner, address: this.source });
  }
}

/** Everything that a session may ask for beside a subsystem, by ssh2's names. */
const REFUSED_REQUESTS = [
  'pty',
  'env',
  'shell',
  'exec',
  'sftp',
  'x11',
  'auth-agent',
  'signal',
  'window-change',
] as const;

/** What broke a login, in a fixed sentence where the peer could otherwise vary it and fill the log. */
function loginFault(error: Error & { level?: string }): string {
  if (error.level === 'handshake') return 'no key exchange was possible';
  if (error.level === 'client-timeout') return 'does not answer any more';
  return error.level === 'socket' ? 'the connection was lost' : 'broke the SSH protocol';
}

function printable(text: string): string {
  return text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}
