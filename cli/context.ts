import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ApiClient, type RemoteUnit } from '../api/client.ts';
import { LockstepError } from '../schema/error.ts';
import { given } from './given.ts';
import { DEFAULT_PORT, parseHost } from './host-argument.ts';
import type { Output } from './output.ts';
import type { RemoteConnection, RemoteOptions } from './remote/connect.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  dir: string;
  json?: boolean;
  color: boolean;
  unit?: string;
  identity?: string;
  hostKey?: string;
}

/** What a command works with: the unit it is about, and where its answer goes. */
export interface Context {
  dir: string;
  out: Output;
  /** A person sits at stdin and sees stderr: questions may be asked. */
  interactive: boolean;
  /** The unit of --unit, as it was typed; undefined: the one of `dir`. */
  elsewhere: string | undefined;
  /** How to log in to another host: to the unit of --unit, or to one that takes bundles. */
  ssh: SshOptions;
  /** The running unit; nothing is sent before the first method is called. */
  unit(): ApiClient;
  /** Another running unit; nothing is asked of a person to reach it. Throws `bad-usage` for a wrong address. */
  unitAt(place: Place, timeoutMs?: number): ApiClient;
  /**
   * The same for `act`, which has `timeoutMs` for all that it asks, the login included. Past that, throws what `whoIsLate` knows,
   * or `unit-unreachable`.
   */
  withUnitAt<Answer>(
    place: Place,
    timeoutMs: number,
    act: (unit: ApiClient) => Promise<Answer>,
    whoIsLate?: () => LockstepError | undefined,
  ): Promise<Answer>;
  /** All that may be typed; with the options of what `words` name. */
  program(words: string[]): Promise<Command>;
  /** Ends the connections to units elsewhere. */
  close(): Promise<void>;
}

/** Where a unit is: its directory on this machine, or HOST[:PORT] of its SSH listener. */
export type Place = { dir: string } | { unit: string };

type SshOptions = Pick<GlobalOptions, 'identity' | 'hostKey'>;

/** Throws `bad-usage` for a unit that is not HOST or HOST:PORT. */
export function makeContext(options: GlobalOptions, out: Output, program: Context['program']): Context {
  const dir = resolve(options.dir);
  const { unit: elsewhere, identity, hostKey } = options;
  const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true && !out.json;
  const connections: { close(): Promise<void> }[] = [];
  const connectTo = (unit: string, mayAsk: boolean, signal?: AbortSignal): ClosableUnit =>
    remoteUnit({ ...parseHost(unit), identity, hostKey, interactive: mayAsk, out, signal });
  const reach = (unit: string, mayAsk: boolean): RemoteUnit => {
    const remote = connectTo(unit, mayAsk);
    connections.push(remote);
    return remote;
  };
  const remote = elsewhere === undefined ? undefined : reach(elsewhere, interactive);
  return {
    dir,
    out,
    program,
    elsewhere,
    ssh: given({ identity, hostKey }),
    interactive,
    unit: () => new ApiClient({ dir, author: authorName(), remote }),
    unitAt: (place, timeoutMs) =>
      new ApiClient({
        author: authorName(),
        ...('dir' in place ? { dir: place.dir } : { dir, remote: reach(place.unit, false) }),
        ...given({ timeoutMs }),
      }),
    withUnitAt: async (place, timeoutMs, act, whoIsLate = () => undefined) => {
      const late = AbortSignal.timeout(timeoutMs);
      const remote = 'dir' in place ? undefined : connectTo(place.unit, false, late);
      const unit = new ApiClient({
        author: authorName(),
        dir: 'dir' in place ? place.dir : dir,
        remote,
        timeoutMs,
      });
      try {
        return await inTime(act(unit), late, () => whoIsLate() ?? noAnswer(place, timeoutMs));
      } finally {
        void remote?.close();
      }
    },
    close: async () => void (await Promise.all(connections.map(each => each.close()))),
  };
}

function nameOfPlace(place: Place): string {
  return 'dir' in place ? `The unit of ${place.dir}` : place.unit;
}

function noAnswer(place: Place, timeoutMs: number): LockstepError {
  const seconds = timeoutMs / 1000;
  const sentence = `${nameOfPlace(place)} did not answer within ${seconds} s.`;
  return new LockstepError('unit-unreachable', sentence, { facts: { seconds } });
}

/** Rejects with `error` when `late` comes first. */
function inTime<Answer>(
  answer: Promise<Answer>,
  late: AbortSignal,
  error: () => LockstepError,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(error());
    late.addEventListener('abort', giveUp, { once: true });
    answer.then(resolve, reject).finally(() => late.removeEventListener('abort', giveUp));
  });
}

type ClosableUnit = RemoteUnit & { close(): Promise<void> };

/** Its SSH is loaded when it is needed: most commands are about the unit on this machine. */
function remoteUnit(options: Omit<RemoteOptions, 'port'> & { port?: number }): ClosableUnit {
  let connection: Promise<RemoteConnection> | undefined;
  const connect = async (): Promise<RemoteConnection> => {
    const { RemoteConnection } = await import('./remote/connect.ts');
    return new RemoteConnection({ port: DEFAULT_PORT, ...options });
  };
  return {
    open: async () => {
      connection ??= connect();
      return (await connection).open();
    },
    close: async () => (await connection)?.close(),
  };
}

/** Who types: behind sudo, the person and not root. */
export function authorName(environment = process.env): string {
  return environment.SUDO_USER || loginName();
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`; // a user without an entry in /etc/passwd, as in some containers
  }
}
