import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { watchFolder } from '../../host/folder-watch.ts';

/** What matters in a folder: these entries, or all. */
export type Wanted = Map<string, Set<string> | 'all'>;

interface Watch {
  identity: string;
  entries: Set<string> | 'all';
  stop: () => Promise<void>;
}

export interface WatchEvents {
  /** Something that is wanted changed. */
  changed(): void;
  /** The folder is not watched. */
  failed(folder: string, error: Error): void;
}

/** One watch for each folder that matters now, and none for the others. */
export class FolderWatches {
  private readonly watches = new Map<string, Watch>();
  private readonly events: WatchEvents;

  constructor(events: WatchEvents) {
    this.events = events;
  }

  /**
   * Watch these folders and no other. Resolves to whether one is new: what happened there until now was not seen.
   * A folder that was removed and made again gets a watch of its own.
   */
  async keep(wanted: Wanted): Promise<boolean> {
    let isNew = false;
    for (const [folder, entries] of wanted) {
      const identity = await identityOf(folder);
      const known = this.watches.get(folder);
      if (identity === undefined) wanted.delete(folder);
      else if (known?.identity === identity) known.entries = entries;
      else {
        await known?.stop();
        await this.add(folder, identity, entries);
        isNew = true;
      }
    }
    for (const folder of this.watches.keys()) if (!wanted.has(folder)) await this.drop(folder);
    return isNew;
  }

  async close(): Promise<void> {
    for (const folder of this.watches.keys()) await this.drop(folder);
  }

  private async add(folder: string, identity: string, entries: Watch['entries']): Promise<void> {
    const watch: Watch = { identity, entries, stop: async () => undefined };
    this.watches.set(folder, watch);
    watch.stop = await watchFolder(folder, {
      changed: (_event, name) => {
        const isWanted = watch.entries === 'all' || name === undefined || watch.entries.has(name);
        if (isWanted || name === basename(folder)) this.events.changed();
      },
      failed: error => this.events.failed(folder, error),
    });
  }

  private async drop(folder: string): Promise<void> {
    const watch = this.watches.get(folder);
    this.watches.delete(folder);
    await watch?.stop();
  }
}

/** Inode numbers are used again at once, so the time of birth belongs to it. Undefined: no folder is there. */
async function identityOf(folder: string): Promise<string | undefined> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true ? `${found.dev} ${found.ino} ${found.birthtimeMs}` : undefined;
}
