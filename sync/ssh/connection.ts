/** One connection: TCP from its first byte, through the login by key, to the subsystem that is served to that key. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Channel } from '../channel.ts';
import { type ChannelLimits, SshChannel } from './channel.ts';
import { type ControlLimits, ControlLine } from './control.ts';
import type { Stage } from './gate.ts';
import { type Doorkeeper, loginFault, type Owner, ownerOf } from './login.ts';
import { keepKeysFresh, type RekeyLimits } from './rekey.ts';
import { acceptLogin, announceSignatures } from './signatures.ts';
import {
  type AuthContext,
  CONTROL,
  disconnect,
  MIN_PACKET_BYTES,
  peerPacketBytes,
  plainWords,
  type ServerChannel,
  type Session,
  type Connection as SshConnection,
  SUBSYSTEM,
} from './ssh2.ts';

export interface ConnectionLimits extends ChannelLimits, ControlLimits, RekeyLimits {
  /** From TCP connect to the open subsystem (ms). */
  loginMs: number;
  /** What a peer may send before its subsystem is open (bytes). */
  loginBytes: number;
  /** Login requests on one connection, the signed one included. */
  attempts: number;
  /** Channels that an operator may have open on one connection, and how long they may have none (ms). */
  controlChannels: number;
  controlIdleMs: number;
}

export interface Peer {
  /** Whose key it is, as `admit` said. */
  who: string;
  keyBlob: Buffer;
  address: string;
}

/** Who is let in, and what a connection tells of itself. */
export interface Admission extends Doorkeeper {
  readonly limits: ConnectionLimits;
  onChannel(channel: Channel, peer: Peer): void;
  onControl(stream: Duplex, peer: Peer): void;
  refuse(source: string, reason: string, detail?: string): void;
  /** Called when `connection` has logged in. */
  makeWayFor(connection: Connection): void;
}

/** One TCP connection, from the first byte on. It has until the login deadline to open its channel. */
export class Connection {
  readonly source: string;
  stage: Stage = 'silent';
  gone = false;
  /** Resolves when the socket is closed. */
  readonly ended: Promise<void>;
  readonly #admission: Admission;
  readonly #socket: Socket;
  readonly #remote: { address: string; port: number };
  readonly #deadline: NodeJS.Timeout;
  #connection: SshConnection | undefined;
  #candidate: Owner | undefined;
  #owner: Owner | undefined;
  #attempts = 0;
  #hasSession = false;
  #channel: SshChannel | undefined;
  /** Of an operator, from their first channel on. */
  #line: ControlLine | undefined;
  #sessions = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(admission: Admission, socket: Socket, remote: { address: string; port: number }) {
    this.#admission = admission;
    this.#socket = socket;
    this.#remote = remote;
    this.source = remote.address;
    this.#deadline = setTimeout(() => this.drop('did not log in in time'), admission.limits.loginMs);
    this.ended = new Promise(resolve => {
      socket.once('close', () => {
        this.#ended();
        resolve();
      });
    });
    // Paused first: a listener makes a socket flow, and ssh2 is not there yet to hear.
    socket.pause();
    socket.on('data', () => this.#guardLogin());
  }

  /** Whose key logged in; undefined before. */
  get who(): string | undefined {
    return this.#owner?.who;
  }

  get isOperator(): boolean {
    return this.#owner?.isOperator === true;
  }

  /** Called by ssh2 with the peer's first line; the same call stack goes on to answer it. */
  begin(connection: SshConnection): void {
    this.#connection = connection;
    announceSignatures(connection);
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

  /** Ends it at once and says why in the log. */
  drop(reason: string): void {
    if (this.gone) return;
    this.gone = true;
    if (this.#channel === undefined && this.#line === undefined) this.#admission.refuse(this.source, reason);
    this.#socket.destroy();
  }

  /** Ends the connection of somebody who may come in, but not now, and tells them why. */
  turnAway(reason: string): void {
    if (this.gone || this.#connection === undefined) return;
    this.gone = true;
    this.#admission.refuse(this.source, reason);
    disconnect(this.#connection, TOO_MANY_CONNECTIONS, reason);
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), GOODBYE_MS).unref();
  }

  /** Ends it in an orderly way. */
  leave(reason: string): void {
    this.gone = true;
    if (this.#channel) this.#channel.close(reason);
    else if (this.#line) this.#line.close();
    else this.#socket.destroy();
  }

  /** Ends it of an operator once nothing is being answered any more, and within `ms` in any case. */
  leaveWhenAnswered(ms: number): void {
    this.#awaitNext = () => {
      if ((this.#line?.streams ?? 0) === 0) this.leave('this unit stops listening');
    };
    setTimeout(() => this.leave('this unit stops listening'), ms).unref();
    this.#awaitNext();
  }

  #ended(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#idle);
    if (this.who === undefined) this.drop('left without logging in');
    this.gone = true;
  }

  /** A stranger gets few bytes and no long memory; the channel has its own guard. */
  #guardLogin(): void {
    if (this.#channel || this.#line) return;
    if (this.stage === 'silent') this.stage = 'speaking';
    if (this.#socket.writableEnded) this.drop('broke the SSH protocol');
    else if (this.#socket.bytesRead > this.#admission.limits.loginBytes)
      this.drop('sent too much before logging in');
    else if (this.#socket.writableLength > this.#admission.limits.socketBytes) this.drop('does not read');
  }

  #handshakeDone(): void {
    if (this.stage === 'encrypted' && this.who === undefined)
      this.drop('asked for new keys before logging in');
    this.stage = 'encrypted';
  }

  #decide(login: AuthContext): void {
    if (++this.#attempts > this.#admission.limits.attempts) this.drop('too many login attempts');
    if (this.gone) return;
    const owner = ownerOf(login, this.source, this.#admission, (reason, detail) => this.#no(reason, detail));
    if (owner === undefined) {
      login.reject(['publickey']);
      return;
    }
    this.#candidate = owner;
    // Without a signature the answer is that the key would do, and lets nobody in.
    acceptLogin(login);
  }

  #loggedIn(): void {
    this.#owner = this.#candidate;
    this.#admission.makeWayFor(this);
  }

  #no(reason: string, detail?: string): void {
    this.#admission.refuse(this.source, reason, detail);
  }

  #refuse(request: string, reject: (() => void) | undefined, detail?: string): void {
    this.#no(`${request} is refused`, detail);
    reject?.();
  }

  #openSession(accept: () => Session, reject: () => void): void {
    if (this.isOperator) {
      if (this.#sessions < this.#admission.limits.controlChannels) this.#openControlSession(accept());
      else this.#refuse('one more channel', reject);
      return;
    }
    if (this.#hasSession) {
      this.#refuse('a second session', reject);
      return;
    }
    this.#hasSession = true;
    const session = this.#bareSession(accept());
    session.on('subsystem', (accept, reject, { name }) => {
      if (name !== SUBSYSTEM) this.#refuse('another subsystem', reject, plainWords(name));
      else if (this.#channel) this.#refuse('a second subsystem', reject);
      else this.#openChannel(accept());
    });
  }

  #openControlSession(accepted: Session): void {
    const session = this.#bareSession(accepted);
    this.#sessions++;
    session.once('close', () => this.#sessions--);
    session.on('subsystem', (accept, reject, { name }) => {
      if (name === CONTROL) this.#openControl(accept());
      else this.#refuse('another subsystem', reject, plainWords(name));
    });
  }

  #bareSession(session: Session): Session {
    for (const request of REFUSED_REQUESTS) {
      session.on(request as 'shell', (_accept, reject) => this.#refuse(request, reject));
    }
    return session;
  }

  #openControl(channel: ServerChannel): void {
    if (peerPacketBytes(channel) < MIN_PACKET_BYTES) this.drop('asked for packets that are too small');
    if (this.gone || this.#owner === undefined || this.#connection === undefined) return;
    clearTimeout(this.#deadline);
    clearTimeout(this.#idle);
    this.#line ??= this.#openLine(this.#connection);
    const stream = this.#line.open(channel);
    stream.once('close', () => this.#awaitNext());
    this.#admission.onControl(stream, this.#peer(this.#owner));
  }

  #openLine(connection: SshConnection): ControlLine {
    const { limits } = this.#admission;
    keepKeysFresh(connection, this.#socket, limits);
    const onAbuse = (reason: string): void => this.#no(reason);
    return new ControlLine({ connection, socket: this.#socket, onAbuse }, limits);
  }

  /** An operator who does nothing takes the place of one who does. */
  #awaitNext = (): void => {
    if (this.gone || this.#line === undefined || this.#line.streams > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.leave('nothing was asked for'), this.#admission.limits.controlIdleMs);
  };

  #peer({ who, keyBlob }: Owner): Peer {
    return { who, keyBlob, address: this.source };
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
    this.#channel = new SshChannel(wire, this.#admission.limits);
    this.#admission.onChannel(this.#channel, this.#peer(this.#owner));
  }
}

/** RFC 4253, 11.1. */
const TOO_MANY_CONNECTIONS = 12;
/** How long the last words may take to arrive. */
const GOODBYE_MS = 1_000;

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
