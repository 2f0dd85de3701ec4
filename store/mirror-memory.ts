import type { Stamp } from './mirror-disk.ts';
import type { Store } from './store.ts';

/** What is known of one file. */
export interface FileState {
  /**
   * Hashes of content that needs no look: what the mirror wrote last and, while it writes, what it is about to.
   * Empty for a file of somebody else.
   */
  known: string[];
  /**
   * Of the file when it was read and held what is known. None for what was only written: a stamp taken after the
   * write could be that of an edit that came between.
   */
  stamp: Stamp | undefined;
  /** Of the file when it was found to hold something else. */
  strange: Stamp | undefined;
  /** It is gone, and nobody meant anything by that: what was known there is to be written again. */
  lost: boolean;
  /** When the mirror wrote it (performance.now()): the events that follow are its own. */
  wroteAt: number;
}

const UNSEEN: FileState = {
  known: [],
  stamp: undefined,
  strange: undefined,
  lost: false,
  wroteAt: -Infinity,
};

/**
 * Remembers what the mirror wrote, in the store: after a crash a file of an earlier run is known as such,
 * and never taken for an edit, which would undo the commits since.
 */
export class MirrorMemory {
  private readonly store: Store;
  private readonly states = new Map<string, FileState>();

  constructor(store: Store) {
    this.store = store;
  }

  async load(): Promise<void> {
    for await (const [file, known] of this.store.readMirror()) this.states.set(file, { ...UNSEEN, known });
  }

  get(file: string): FileState | undefined {
    return this.states.get(file);
  }

  files(): string[] {
    return [...this.states.keys()];
  }

  known(file: string): readonly string[] {
    return this.states.get(file)?.known ?? [];
  }

  /** The file holds what the mirror wrote, and this is its hash. */
  recognise(file: string, hash: string, stamp: Stamp): void {
    const wroteAt = this.states.get(file)?.wroteAt ?? -Infinity;
    this.states.set(file, { ...UNSEEN, known: [hash], stamp, wroteAt });
  }

  /** The file holds something else, or is no file. */
  wonder(file: string, strange: Stamp): void {
    this.states.set(file, { ...UNSEEN, known: [...this.known(file)], strange });
  }

  /** Durable before a file is written: whichever of the two is found after a crash was ours. */
  async intend(plans: { file: string; hash: string | undefined }[]): Promise<void> {
    const entries = plans.map(({ file, hash }) => ({
      file,
      hashes: [...new Set([...this.known(file), ...(hash === undefined ? [] : [hash])])],
    }));
    if (entries.length > 0) await this.store.writeMirror(entries);
  }

  /** Durable when it resolves: the file holds this, or is gone (undefined). */
  async keep(
    files: { file: string; hash: string | undefined; stamp?: Stamp | undefined; written?: boolean }[],
  ): Promise<void> {
    for (const { file, hash, stamp, written } of files) {
      if (hash === undefined) this.states.delete(file);
      else
        this.states.set(file, {
          ...UNSEEN,
          known: [hash],
          stamp,
          wroteAt: written ? performance.now() : -Infinity,
        });
    }
    const entries = files.map(({ file, hash }) => ({
      file,
      hashes: hash === undefined ? undefined : [hash],
    }));
    if (entries.length > 0) await this.store.writeMirror(entries);
  }

  /** What was intended for these files was not done: or an edit in its place would seem to start from it. */
  async retract(files: string[]): Promise<void> {
    const entries = files.map(file => {
      const known = [...this.known(file)];
      return { file, hashes: known.length === 0 ? undefined : known };
    });
    if (entries.length > 0) await this.store.writeMirror(entries);
  }

  /** The file is not there any more, and nothing is meant by that. What it held stays known: an edit may start from it. */
  lose(file: string): void {
    const known = [...this.known(file)];
    if (known.length === 0) this.states.delete(file);
    else this.states.set(file, { ...UNSEEN, known, lost: true });
  }
}
