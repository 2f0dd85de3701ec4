import { lstatSync, type Stats } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { watchFolder } from '../../host/folder-watch.ts';
import { typeOf } from './disk.ts';

export interface FolderEvents {
  /** Something happened to an entry of a folder; undefined: to which is not known. */
  changed(folder: string, name: string | undefined): void;
  /** Changes in `folder` are no longer seen as they happen. */
  blind(folder: string, error: Error): void;
}

interface Watched {
  identity: string;
  stop: () => Promise<void>;
}

/**
 * The folders of the mirror, each made, watched, and made again when somebody removes it.
 * A removed and recreated folder is silent for its old watch, so identities are compared and parents watched.
 */
export class MirrorFolders {
  /** Folders that must not be written to, with what stands there instead. */
  readonly blocked = new Map<string, string>();
  private readonly root: string;
  readonly names: readonly string[];
  private readonly events: FolderEvents;
  private readonly watched = new Map<string, Watched>();
  private readonly gone = new Set<string>();
  private stopParent: (() => Promise<void>) | undefined;
  private closed = false;

  /** `names`: relative to `root`, parents first, beginning with `''` for `root` itself. */
  constructor(root: string, names: readonly string[], events: FolderEvents) {
    this.root = root;
    this.names = names;
    this.events = events;
  }

  /** Make and watch what is not there. Resolves to the folders that had been removed or replaced. */
  async ensure(): Promise<string[]> {
    const lost: string[] = [];
    if (this.closed) return lost;
    await mkdir(dirname(this.root), { recursive: true, mode: 0o700 });
    this.stopParent ??= await this.watchParent();
    for (const name of this.names) {
      const stats = await this.make(name);
      if (stats === undefined) continue;
      const known = this.watched.get(name);
      const identity = identityOf(stats);
      if (known?.identity === identity && !this.gone.has(name)) continue;
      if (known !== undefined) lost.push(name);
      await this.watch(name, identity);
    }
    return lost;
  }

  /** Whether files can be read from and written to the folder. */
  usable(name: string): boolean {
    return this.watched.has(name) && !this.blocked.has(name);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.watched.values()].map(({ stop }) => stop()));
    await this.stopParent?.();
  }

  /** The folder, made if need be; undefined when something else is in its place. */
  private async make(name: string): Promise<Stats | undefined> {
    const path = join(this.root, name);
    this.blocked.delete(name);
    if (name !== '' && this.blocked.has(parentOf(name))) {
      this.blocked.set(name, `its parent is not usable`);
      return undefined;
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) await mkdir(path, { mode: 0o700 });
    const stats = found ?? lstatSync(path);
    if (stats.isDirectory()) return stats;
    this.blocked.set(name, `it is ${typeOf(stats)}, where the mirror needs a folder`);
    return undefined;
  }

  private async watch(name: string, identity: string): Promise<void> {
    await this.watched.get(name)?.stop();
    this.gone.delete(name);
    const own = basename(join(this.root, name));
    const stop = await watchFolder(join(this.root, name), {
      changed: (event, entry) => {
        if (event === 'rename' && entry === own) this.gone.add(name);
        this.events.changed(name, entry);
      },
      failed: error => this.events.blind(name, error),
    });
    if (this.closed) return stop();
    this.watched.set(name, { identity, stop });
  }

  /** Only for the mirror's own folder: what else happens beside it is of no interest. */
  private watchParent(): Promise<() => Promise<void>> {
    const own = basename(this.root);
    return watchFolder(dirname(this.root), {
      changed: (_event, entry) => {
        if (entry === undefined || entry === own) this.events.changed('', '');
      },
      failed: error => this.events.blind('..', error),
    });
  }
}

/** Inode numbers are used again at once, so the time of birth belongs to it. */
function identityOf({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev} ${ino} ${birthtimeMs}`;
}

export function parentOf(file: string): string {
  const slash = file.lastIndexOf('/');
  return slash === -1 ? '' : file.slice(0, slash);
}
