/**
 * The only file that knows ssh2: what Lockstep uses of it, and what it must be told or guarded against.
 * The server is in ssh-server.ts, the client in ssh-client.ts.
 */
import type { Socket } from 'node:net';
import ssh2, {
  type Algorithms,
  type AnyAuthMethod,
  type AuthContext,
  type AuthHandlerMiddleware,
  type BaseAgent,
  type Client,
  type Connection,
  type ParsedKey,
  type PublicKeyAuthContext,
  type ServerChannel,
  type ServerConfig,
  type Session,
  type SFTPWrapper,
} from 'ssh2';
import { isSshPublicKey, sshKeyType } from '../../schema/ssh-key.ts';

export type {
  AuthContext,
  Client,
  Connection,
  PublicKeyAuthContext,
  ServerChannel,
  Session,
  SFTPWrapper as Sftp,
};

/** What units speak with each other. */
export const SUBSYSTEM = 'lockstep';
/** What operators speak: the HTTP API, each channel one connection. */
export const CONTROL = 'lockstep-control';

/** The user name that Lockstep logs in with. It means nothing: the key says who somebody is. */
export const USER = 'lockstep';

/** Sent as `SSH-2.0-Lockstep`: no version, so that nobody can pick targets by it. */
const IDENT = 'Lockstep';

/** Both ends offer the same and nothing else. No compression: an attacker could inflate it, and it leaks. */
const ALGORITHMS: Algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
};

/** A dead peer is noticed after interval × (count + 1) at the latest: 20 seconds. */
const KEEPALIVE = { keepaliveInterval: 5_000, keepaliveCountMax: 3 };

/** Nobody sensible asks for smaller packets; 0 would make ssh2 loop for ever (mscdex/ssh2 issue 1504). */
export const MIN_PACKET_BYTES = 1_024;

/** A server that is handed its sockets one by one, because ssh2 would neither set noDelay nor any deadline on them. */
export interface SshServer {
  take(socket: Socket): void;
}

/**
 * `onConnection` is called once the peer has named its software, not before: until then the caller only has the socket.
 * Throws an Error when `hostKey` (OpenSSH PEM) cannot be read.
 */
export function createSshServer(
  hostKey: string,
  onConnection: (connection: Connection, peer: { ip: string; port: number }) => void,
): SshServer {
  const config: ServerConfig = { hostKeys: [hostKey], algorithms: ALGORITHMS, ident: IDENT, ...KEEPALIVE };
  const server = new ssh2.Server(config, (connection, { ip, port }) => {
    connection.on('error', () => {});
    onConnection(connection, { ip, port });
  });
  server.on('error', () => {});
  return { take: socket => server.injectSocket(inOneSegment(socket)) };
}

/** A key to log in with: in hand, or with an agent that signs. */
export type Login = string | ParsedKey | { agent: BaseAgent };

/**
 * Starts a login over `socket`, which may still be connecting. Only these keys are offered, one after the other: no password.
 * `acceptHostKey` decides about the key of the server; without it ssh2 would trust anyone.
 */
export function startSshClient(
  socket: Socket,
  options: { user: string; logins: Login[]; acceptHostKey(blob: Buffer): boolean },
): Client {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({
    sock: inOneSegment(socket),
    username: options.user,
    authHandler: offerEach(options.logins.map(login => methodOf(options.user, login))),
    // ssh2 refuses on `false` alone: undefined would wait and null would pass.
    hostVerifier: (blob: Buffer): boolean => options.acceptHostKey(blob) === true,
    algorithms: ALGORITHMS,
    ident: IDENT,
    readyTimeout: 0,
    ...KEEPALIVE,
  });
  return client;
}

/**
 * ssh2 writes length, message and authentication tag of a packet one by one; without Nagle's algorithm each would be a
 * segment of its own, with an acknowledgement. What is written in one go leaves in one.
 */
function inOneSegment(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let corked = false;
  socket.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      queueMicrotask(() => {
        corked = false;
        socket.uncork();
      });
    }
    return write(...args);
  };
  return socket;
}

function methodOf(username: string, login: Login): AnyAuthMethod {
  return typeof login === 'object' && 'agent' in login
    ? { type: 'agent', username, agent: login.agent }
    : { type: 'publickey', username, key: login };
}

/** What to try; ssh2 reports the login as refused when it is asked for more and there is none. */
function offerEach(methods: AnyAuthMethod[]): AuthHandlerMiddleware {
  const left = [...methods];
  return (_methods, _partial, next) => {
    // ssh2 takes `false` for the end; its types do not know.
    next(left.shift() ?? (false as unknown as AnyAuthMethod));
  };
}

/**
 * Whether the login was really signed with the private half of `blob`, the key that was admitted.
 * ssh2 checks nothing by itself: without this, any public key logs in.
 */
export function signedBy(blob: Buffer, login: PublicKeyAuthContext): boolean {
  if (login.signature === undefined || login.blob === undefined) return false;
  const key = ssh2.utils.parseKey(`${sshKeyType(blob)} ${blob.toString('base64')}`);
  if (key instanceof Error) return false;
  // verify() gives an Error for a signature that it cannot read, and an Error is truthy.
  return key.verify(login.blob, login.signature, login.hashAlgo) === true;
}

/** The channel packet size that the peer asked for (bytes). ssh2 does not check it. */
export function peerPacketBytes(stream: { outgoing: unknown }): number {
  return (stream.outgoing as { packetSize: number }).packetSize;
}

/** Asks for fresh session keys; ssh2 never does by itself. */
export function rekey(end: Client | Connection): void {
  inside(end)._protocol.rekey();
}

/** Whether session keys are being exchanged. What is sent meanwhile waits inside ssh2, where nothing bounds it. */
export function isRekeying(end: Client | Connection): boolean {
  return inside(end)._protocol._kexinit !== undefined;
}

/** Calls `act` when the first keys are in use and nothing was said under them; what ssh2 says first, it says in `goOn`. */
export function onFirstKeys(end: Connection, act: (goOn: () => void) => void): void {
  const protocol = inside(end)._protocol;
  const complete = protocol._onHandshakeComplete;
  protocol._onHandshakeComplete = (...negotiated) => {
    protocol._onHandshakeComplete = complete;
    act(() => complete.apply(protocol, negotiated));
  };
}

/** While `act` runs, this leaves in place of the message of the same type (its first byte) that ssh2 makes. */
export function sayInstead(end: Connection, message: Buffer, act: () => void): void {
  const { write } = inside(end)._protocol._packetRW;
  const { finalize, allocStartKEX: start } = write;
  write.finalize = (packet, ...rest) => {
    if (packet[start] !== message[0]) return finalize.call(write, packet, ...rest);
    const other = write.alloc(message.length, true);
    other.set(message, start);
    return finalize.call(write, other, ...rest);
  };
  act();
  write.finalize = finalize;
}

/** Ends the connection for a reason of RFC 4253, 11.1, in words: ssh2 sends the number alone. */
export function disconnect(end: Connection, reason: number, words: string): void {
  const message = Buffer.concat([Buffer.from([DISCONNECT]), sshNumber(reason), sshText(words), sshText('')]);
  sayInstead(end, message, () => inside(end)._protocol.disconnect(reason));
}

const DISCONNECT = 1;

/** What the other side called something, fit to be printed. */
export function plainWords(text: string): string {
  return text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}

export function sshNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshText(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([sshNumber(bytes.length), bytes]);
}

/** The parts of ssh2 1.17 that have no public name; tests of rekeying and of RSA logins fail when they move. */
function inside(end: Client | Connection): {
  _protocol: {
    rekey(): void;
    _kexinit: Buffer | undefined;
    _packetRW: {
      write: {
        readonly allocStartKEX: number;
        alloc(bytes: number, force: boolean): Buffer;
        finalize(packet: Buffer, force?: boolean): Buffer;
      };
    };
    _onHandshakeComplete(...negotiated: unknown[]): void;
    disconnect(reason: number): void;
  };
} {
  return end as unknown as ReturnType<typeof inside>;
}

/** A key that a person or program has, and its public line without a comment. */
export interface OwnKey {
  login: Login;
  line: string;
}

/** The keys of an SSH agent that a unit could admit; empty when none answers at `socketPath`. */
export function agentKeys(socketPath: string): Promise<OwnKey[]> {
  return new Promise(resolve => {
    ssh2.createAgent(socketPath).getIdentities((error, keys) => {
      const found = error ? [] : (keys ?? []).map(key => ssh2.utils.parseKey(key as ParsedKey));
      const usable = found.filter(key => !(key instanceof Error)) as ParsedKey[];
      resolve(
        usable
          .map(key => ({ line: lineOf(key), login: { agent: agentOfOne(socketPath, key) } }))
          .filter(({ line }) => isSshPublicKey(line)),
      );
    });
  });
}

/** Offers one key only: a unit ends the connection of who tries all that an agent has. */
function agentOfOne(socketPath: string, key: ParsedKey): BaseAgent {
  const agent = ssh2.createAgent(socketPath);
  agent.getIdentities = done => done(null, [key]);
  return agent;
}

/** A private key to log in with; `encrypted`: it needs a passphrase, or another one; undefined: it is no key. */
export function readOwnKey(text: string, passphrase?: string): OwnKey | 'encrypted' | undefined {
  const key = ssh2.utils.parseKey(text, passphrase);
  if (!(key instanceof Error)) return key.isPrivateKey() ? { login: key, line: lineOf(key) } : undefined;
  return /passphrase|decrypt|integrity/i.test(key.message) ? 'encrypted' : undefined;
}

function lineOf(key: ParsedKey): string {
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}
