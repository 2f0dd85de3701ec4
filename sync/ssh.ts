/**
 * The only file that knows ssh2: what Lockstep uses of it, and what it must be told or guarded against.
 * The server is in ssh-server.ts, the client in ssh-client.ts.
 */
import type { Socket } from 'node:net';
import ssh2, {
  type Algorithms,
  type AuthContext,
  type AuthHandlerMiddleware,
  type Client,
  type Connection,
  type PublicKeyAuthContext,
  type PublicKeyAuthMethod,
  type ServerChannel,
  type ServerConfig,
  type Session,
  type SFTPWrapper,
} from 'ssh2';
import { publicLine } from './keys.ts';

export type {
  AuthContext,
  Client,
  Connection,
  PublicKeyAuthContext,
  ServerChannel,
  Session,
  SFTPWrapper as Sftp,
};

/** The one subsystem that Lockstep speaks. */
export const SUBSYSTEM = 'lockstep';

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
  return { take: socket => server.injectSocket(socket) };
}

/**
 * Starts a login over `socket`, which may still be connecting. Only this one key is offered: no agent, no password.
 * `acceptHostKey` decides about the key of the server; without it ssh2 would trust anyone.
 */
export function startSshClient(
  socket: Socket,
  options: { user: string; clientKey: string; acceptHostKey(blob: Buffer): boolean },
): Client {
  const client = new ssh2.Client();
  client.on('error', () => {});
  client.connect({
    sock: socket,
    username: options.user,
    authHandler: offerOnce({ type: 'publickey', username: options.user, key: options.clientKey }),
    // ssh2 refuses on `false` alone: undefined would wait and null would pass.
    hostVerifier: (blob: Buffer): boolean => options.acceptHostKey(blob) === true,
    algorithms: ALGORITHMS,
    ident: IDENT,
    readyTimeout: 0,
    ...KEEPALIVE,
  });
  return client;
}

/** The one thing to try; ssh2 reports the login as refused when it is asked for more and there is none. */
function offerOnce(method: PublicKeyAuthMethod): AuthHandlerMiddleware {
  let asked = false;
  return (_methods, _partial, next) => {
    // ssh2 takes `false` for the end; its types do not know.
    next(asked ? (false as unknown as PublicKeyAuthMethod) : method);
    asked = true;
  };
}

/**
 * Whether the login was really signed with the private half of `blob`, the key that was admitted.
 * ssh2 checks nothing by itself: without this, any public key logs in.
 */
export function signedBy(blob: Buffer, login: PublicKeyAuthContext): boolean {
  if (login.signature === undefined || login.blob === undefined) return false;
  const key = ssh2.utils.parseKey(publicLine(blob));
  if (key instanceof Error) return false;
  // verify() gives an Error for a signature that it cannot read, and an Error is truthy.
  return key.verify(login.blob, login.signature, login.hashAlgo) === true;
}

/** The channel packet size that the peer asked for (bytes). ssh2 does not check it. */
export function peerPacketBytes(stream: { outgoing: unknown }): number {
  return (stream.outgoing as { packetSize: number }).packetSize;
}

/** Asks for fresh session keys. ssh2 never does by itself, and has a public method for it on the server side only. */
export function rekey(client: Client): void {
  inside(client)._protocol.rekey();
}

/** Whether session keys are being exchanged. What is sent meanwhile waits inside ssh2, where nothing bounds it. */
export function isRekeying(end: Client | Connection): boolean {
  return inside(end)._protocol._kexinit !== undefined;
}

/** The parts of ssh2 1.17 that have no public name; a test of rekeying fails when they move. */
function inside(end: Client | Connection): { _protocol: { rekey(): void; _kexinit: Buffer | undefined } } {
  return end as unknown as ReturnType<typeof inside>;
}
