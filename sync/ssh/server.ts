/** The listening end: a TCP port, the connections on it, and the rules about how many there may be. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostAndPort } from '../../schema/address.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { Channel } from '../channel.ts';
import { CHANNEL_LIMITS } from './channel.ts';
import { type Admission, Connection, type ConnectionLimits, type Peer } from './connection.ts';
import { CONTROL_LIMITS } from './control.ts';
import { type GateLimits, whoLeaves } from './gate.ts';
import type { Refusal } from './refusal-log.ts';
import { createSshServer, type SshServer } from './ssh2.ts';

export type { Peer, Refusal };

export interface ListenLimits extends ConnectionLimits, GateLimits {
  /** Connections in all, logins included. */
  connections: number;
  /** Connections of one and the same key owner; the oldest makes way for the newest. */
  connectionsPerOwner: number;
  /** Connections of operators, of all and of one: so few that units always find room. The newest is refused. */
  operators: number;
  connectionsPerOperator: number;
}

export const LISTEN_LIMITS: ListenLimits = {
  ...CHANNEL_LIMITS,
  ...CONTROL_LIMITS,
  loginMs: 10_000,
  loginBytes: 64 * 1024,
  attempts: 6,
  logins: 16,
  loginsPerSource: 8,
  connections: 64,
  connectionsPerOwner: 8,
  operators: 16,
  connectionsPerOperator: 4,
  controlChannels: 8,
  controlIdleMs: 60_000,
  // Twice what our own client waits for: both asking at once is a risk, and gains nothing.
  rekeyBytes: 2 * 1024 * 1024 * 1024,
  rekeyMs: 2 * 60 * 60 * 1000,
};

/** How long an operator may take for an answer when the unit stops listening (ms). */
const ANSWER_MS = 2_000;

export interface ListenOptions {
  address: string;
  /** TCP port; 0 takes a free one. */
  port: number;
  /** Private Ed25519 key, OpenSSH PEM. */
  hostKey: string;
  /**
   * Whose key this is; undefined refuses it. Asked anew for each login request, before and at the signature, so that
   * a key that was taken away is out at once for new connections (for open ones: `closeChannelsOf`).
   */
  admit(keyBlob: Buffer, source: { address: string }): string | undefined;
  onChannel(channel: Channel, peer: Peer): void;
  /** Whoever may control this unit: asked for keys that `admit` does not know, answered like it. Default: nobody. */
  operators?: {
    admit(keyBlob: Buffer): string | undefined;
    /** One channel: a raw stream of bytes that feels how fast the other side reads. */
    onStream(stream: Duplex, peer: Peer): void;
  };
  /** Every one; a flood of them is the caller's to tell in few words. */
  onRefusal(refusal: Refusal): void;
  limits?: Partial<ListenLimits>;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Stops listening and closes every connection; those of operators when they have their answers, within seconds. */
  close(): Promise<void>;
  /** Ends every connection of `who`. */
  closeChannelsOf(who: string): void;
}

/** Throws `port-in-use` when the address is taken, `bad-usage` when it cannot be listened on or the key is no key. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const connections = new Connections(options);
  const server = createServer({ noDelay: true }, socket => connections.receive(socket));
  await bind(server, options);
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new LockstepError('internal', 'A TCP server has no port.');
  return {
    address: bound.address,
    port: bound.port,
    closeChannelsOf: who => connections.closeChannelsOf(who),
    close: () => {
      server.close();
      return connections.closeAll();
    },
  };
}

/** All connections, and the rules about how many there may be. */
class Connections implements Admission {
  readonly limits: ListenLimits;
  readonly admit: ListenOptions['admit'];
  readonly onChannel: ListenOptions['onChannel'];
  readonly #operators: ListenOptions['operators'];
  readonly #onRefusal: ListenOptions['onRefusal'];
  readonly #ssh: SshServer;
  /** By address and port of the peer: all that ssh2 says about the socket of a connection. Oldest first. */
  readonly #connections = new Map<string, Connection>();

  constructor(options: ListenOptions) {
    this.admit = options.admit;
    this.onChannel = options.onChannel;
    this.#operators = options.operators;
    this.limits = { ...LISTEN_LIMITS, ...options.limits };
    this.#onRefusal = options.onRefusal;
    this.#ssh = openSsh(options.hostKey, (connection, peer) => {
      this.#connections.get(connectionKey(peer.ip, peer.port))?.begin(connection);
    });
  }

  receive(socket: Socket): void {
    socket.on('error', () => {});
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const source = plainAddress(remoteAddress);
    if (!this.#makeRoom(source)) {
      this.refuse(source, 'too many connections');
      socket.destroy();
      return;
    }
    const key = connectionKey(remoteAddress, remotePort);
    this.#connections.set(key, new Connection(this, socket, { address: source, port: remotePort }));
    socket.once('close', () => this.#connections.delete(key));
    this.#ssh.take(socket);
  }

  refuse(source: string, reason: string, detail?: string): void {
    this.#onRefusal(detail === undefined ? { source, reason } : { source, reason, detail });
  }

  admitOperator(keyBlob: Buffer): string | undefined {
    return this.#operators?.admit(keyBlob);
  }

  onControl(stream: Duplex, peer: Peer): void {
    this.#operators?.onStream(stream, peer);
  }

  /**
   * The newest connection of a unit is the one that it uses: an old one may be dead without knowing. Of an operator, each may carry
   * a command that is under way.
   */
  makeWayFor(connection: Connection): void {
    if (connection.isOperator) {
      this.#assertRoomFor(connection);
      return;
    }
    const same = this.#all().filter(other => other.who === connection.who);
    for (const old of same.slice(0, Math.max(0, same.length - this.limits.connectionsPerOwner))) {
      old.leave('replaced by newer connections of the same key');
    }
  }

  #assertRoomFor(connection: Connection): void {
    const { operators, connectionsPerOperator } = this.limits;
    const present = this.#all().filter(other => other.isOperator && !other.gone);
    if (present.filter(({ who }) => who === connection.who).length > connectionsPerOperator)
      connection.turnAway('too many connections of this operator');
    else if (present.length > operators) connection.turnAway('too many operators at once');
  }

  closeChannelsOf(who: string): void {
    for (const connection of this.#all())
      if (connection.who === who) connection.leave('this key is not admitted any more');
  }

  /** Resolves when the units are gone; an operator may still be told what came of the stop that they asked for. */
  async closeAll(): Promise<void> {
    const units = this.#all().filter(connection => !connection.isOperator);
    for (const connection of this.#all()) {
      if (connection.isOperator) connection.leaveWhenAnswered(ANSWER_MS);
      else connection.leave('this unit stops listening');
    }
    await Promise.all(units.map(connection => connection.ended));
  }

  #all(): Connection[] {
    return [...this.#connections.values()];
  }

  /** False when all places are taken by who may be there. */
  #makeRoom(source: string): boolean {
    const logins = this.#all().filter(connection => connection.who === undefined && !connection.gone);
    whoLeaves(logins, source, this.limits)?.drop('too many logins at once');
    const present = this.#all().filter(connection => !connection.gone).length;
    if (present < this.limits.connections) return true;
    const oldest = logins.find(login => !login.gone);
    oldest?.drop('too many connections');
    return oldest !== undefined;
  }
}

function openSsh(...args: Parameters<typeof createSshServer>): SshServer {
  try {
    return createSshServer(...args);
  } catch (error) {
    throw new LockstepError('bad-usage', `The host key cannot be used: ${(error as Error).message}.`);
  }
}

/** TCP connections that wait to be accepted; the system may cap it lower. Past it, a flood would crowd out the partner. */
const BACKLOG = 4_096;

async function bind(server: Server, { address, port }: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(cannotListen(error, address, port)));
    server.listen({ host: address, port, backlog: BACKLOG }, resolve);
  });
  // From here on it is a failed accept, such as too many open files: the connection is lost, the service is not.
  server.removeAllListeners('error').on('error', () => {});
}

function cannotListen(error: NodeJS.ErrnoException, address: string, port: number): LockstepError {
  const facts = { address, port, errno: error.code };
  switch (error.code) {
    case 'EADDRINUSE':
      return new LockstepError('port-in-use', `Another program listens on ${hostAndPort(address, port)}.`, {
        hint: `See which one: ss -ltnp 'sport = :${port}'`,
        facts,
      });
    case 'EADDRNOTAVAIL':
      return new LockstepError('bad-usage', `This machine does not have the address ${address}.`, {
        hint: 'ip -brief address lists those that it has; lockstep serve --listen ADDRESS listens on another.',
        facts,
      });
    case 'EINVAL':
      return new LockstepError('bad-usage', `This machine cannot listen on ${address}.`, {
        hint: 'A link-local address needs its interface: fe80::1%eth0.',
        facts,
      });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new LockstepError(
        'bad-usage',
        `${address} is neither an address nor a name that is known here.`,
        {
          hint: 'ip -brief address lists the addresses of this machine.',
          facts,
        },
      );
    case 'EACCES':
      return new LockstepError('bad-usage', `The system does not let this user listen on port ${port}.`, {
        facts,
      });
    default:
      return asLockstepError(error);
  }
}

function connectionKey(ip: string, port: number): string {
  return `${ip} ${port}`;
}

/** An IPv4 address is shown as one, also when it came in over an IPv6 socket. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
