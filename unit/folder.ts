import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { asLockstepError, LockstepError } from '../schema/error.ts';

/** Where everything of one unit lies (docs/DESIGN.md, On disk). */
export interface UnitFolder {
  dir: string;
  store: string;
  config: string;
  keys: string;
  log: string;
  socket: string;
  siteSchemas: string;
  hostKey: string;
  clientKey: string;
  partner: string;
  /** What is damaged in the store; not in the store itself, which is not to be trusted with it. */
  damage: string;
  /** How far the scrub has come. */
  scrub: string;
  /** Bundles that were uploaded to be restored. */
  incoming: string;
  /** Programs that the unit runs when something happens. */
  hooks: string;
  /** Bundles of this unit. */
  backups: string;
  /** What ACME clients and deploy hooks drop here becomes certificates. */
  certificates: string;
}

export function unitFolder(dir: string): UnitFolder {
  const at = (...parts: string[]): string => join(dir, ...parts);
  return {
    dir,
    store: at('store'),
    config: at('config'),
    keys: at('keys'),
    log: at('log'),
    socket: at('control.sock'),
    siteSchemas: at('schema.d'),
    hostKey: at('keys', 'host_ed25519'),
    clientKey: at('keys', 'client_ed25519'),
    partner: at('keys', 'partner.json'),
    damage: at('damage.json'),
    scrub: at('scrub.json'),
    incoming: at('incoming'),
    hooks: at('hooks'),
    backups: at('backups'),
    certificates: at('certs.d'),
  };
}

/** Make the folders, closed to others whatever the umask. */
export function makeFolder(folder: UnitFolder): void {
  for (const dir of [folder.dir, folder.store, folder.config, folder.keys, folder.log, folder.certificates]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
  }
}

/**
 * A key that others could read or replace is no secret any more: mending its mode in silence would hide that.
 * Throws `lax-permissions`.
 */
export function assertKeysPrivate({ keys }: UnitFolder): void {
  const [first] = laxPlaces([keys, ...readdirSync(keys).map(name => join(keys, name))]);
  if (first === undefined) return;
  const { place, mode, isFolder } = first;
  throw new LockstepError('lax-permissions', `Other users can get at ${place} (mode ${mode}).`, {
    hint: `chmod ${isFolder ? '700' : '600'} ${place}. If others were there, make the unit anew and pair it with --replace.`,
    facts: { file: place, mode },
  });
}

/** Those that other users can get at, with their modes: `0644`. */
export function laxPlaces(places: string[]): { place: string; mode: string; isFolder: boolean }[] {
  return places.flatMap(place => {
    const stats = statSync(place);
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    return (stats.mode & 0o077) === 0 ? [] : [{ place, mode, isFolder: stats.isDirectory() }];
  });
}

/** Throws `no-unit` when `init` was never run there, `no-permission` when this user cannot know. */
export function assertUnit(folder: UnitFolder): void {
  if (isThere(folder.hostKey) && isThere(folder.store)) return;
  throw new LockstepError('no-unit', `There is no unit in ${folder.dir}.`, {
    hint: `Make one with: lockstep --dir ${folder.dir} init --mode single|first|second`,
  });
}

/** Throws `no-permission` when this user may not look: what cannot be seen is not absent. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw asLockstepError(error);
  }
}

/**
 * One daemon a folder. The lock is a socket in the abstract namespace: the kernel drops it when the process
 * ends, however it ends, so no stale lock is ever left behind. Throws `unit-busy`.
 */
export async function lockFolder(folder: UnitFolder): Promise<() => void> {
  const name = `\0lockstep-${createHash('sha256').update(realpathSync(folder.dir)).digest('hex').slice(0, 32)}`;
  const server = createServer(socket => socket.destroy());
  await bind(server, name, folder.dir);
  server.unref();
  return () => void server.close();
}

function bind(server: Server, name: string, dir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new LockstepError('unit-busy', `Another lockstep runs on ${dir}.`, {
              hint: 'One daemon a folder: stop the other one first, or choose another --dir.',
            })
          : error,
      ),
    );
    server.listen(name, resolve);
  });
}
