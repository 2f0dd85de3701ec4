import { FSWatcher } from 'chokidar';

export interface FolderListener {
  /**
   * Something happened to `name` in the folder, or, with `rename` and the folder's own name, to the folder itself.
   * Undefined: the system does not say to what.
   */
  changed(event: string, name: string | undefined): void;
  /** The folder is no longer watched, or never was: too many watches, for one. */
  failed(error: Error): void;
}

/**
 * Watch the entries of one folder with one watch of the operating system. The only user of chokidar.
 * Resolves to how to stop, once changes are seen. A folder that is removed and made again is silent: watch its
 * parent, and call this again.
 */
export async function watchFolder(folder: string, listener: FolderListener): Promise<() => Promise<void>> {
  // Whatever is in the folder is ignored, or chokidar would watch each file too. Its raw events still tell of them.
  const watcher = new EntryWatcher({
    ignored: path => path !== folder,
    ignoreInitial: true,
    followSymlinks: false,
  });
  watcher.on('raw', (event: string, name: string | null) => listener.changed(event, name ?? undefined));
  watcher.on('error', error => listener.failed(error instanceof Error ? error : new Error(String(error))));
  const ready = new Promise<void>(resolve => watcher.once('ready', () => resolve()));
  watcher.add(folder);
  await ready;
  return () => watcher.close();
}

/**
 * chokidar lists the folder after each event, to find out what to watch and what to call `add` or `unlink`.
 * Nothing of that is used here, and with 10,000 files it costs 45 ms of processor time an event.
 */
class EntryWatcher extends FSWatcher {
  override _readdirp(): undefined {
    return undefined;
  }
}
