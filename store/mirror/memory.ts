import type { Store } from '../store.ts';
import type { Stamp } from './disk.ts';
import type { FileNote, RefusedEdit } from './verdict.ts';

/** What is known of one file. */
export interface FileState {
  /**
   * Hashes of content that needs no look: what the mirror wrote last and, while it writes, what it is about to.
   * Empty for a file of somebody else.
   */
  known: string[];
  /** Hashes of what stood there before, oldest first: until the newer content is durable, a power cut may bring them back. */
  earlier: string[];
  refused: RefusedEdit | undefined;
  /** Of content that is nobody's work, so that it may be written over. */
  worthless: string | undefined;
  /**
   * Of the file when it was read and held what is known. None for what was only written: a stamp taken after the
   * write could be that of an edit that came between.
   */
  stamp: Stamp | undefined;
  /** Of the file when it was found to hold something else. */
  strange: Stamp | undefined;
  /** It is not as it should be, and nobody meant anything by that: it is to be written again, or removed. */
  lost: boolean;
  /** When the mirror wrote it (performance.now()): the events that follow are its own. */
  wroteAt: number;
}

/** With more earlier content of one file it is time to make it durable. */
const MAX_EARLIER = 32;

const UNSEEN: FileState = {
  known: [],
  earlier: [],
  refused: undefined,
  worthless: undefined,
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
  /** Files with earlier content that may come back. */
  private readonly unflushed = new Set<string>();
  /** Files whose state is not in the store yet. */
  private readonly unsaved = new Set<string>();

  constructor(store: Store) {
    this.store = store;
  }

  async load(): Promise<void> {
    for await (const [file, note] of this.store.readMirror()) {
      const { known, earlier = [], refused } = Array.isArray(note) ? { known: note } : note;
      this.set(file, { ...UNSEEN, known: [...known], earlier: [...earlier], refused });
    }
  }

  get(file: string): FileState | undefined {
    return this.states.get(file);
  }

  /** Files that are there, or were when they were last looked at. */
  files(): string[] {
    return [...this.states]
      .filter(([, { known, strange }]) => known.length > 0 || strange)
      .map(([file]) => file);
  }

  known(file: string): readonly string[] {
    return this.states.get(file)?.known ?? [];
  }

  /** The file holds what the mirror wrote, and this is its hash. */
  recognise(file: string, hash: string, stamp: Stamp): void {
    const { earlier, wroteAt, refused } = this.states.get(file) ?? UNSEEN;
    if (refused !== undefined) this.unsaved.add(file);
    this.set(file, { ...UNSEEN, known: [hash], earlier, stamp, wroteAt });
  }

  /** The file holds something else, or is no file. `worthless`: its hash, when it is nobody's work. */
  wonder(file: string, strange: Stamp, worthless?: string): void {
    const { known, earlier, refused } = this.states.get(file) ?? UNSEEN;
    this.set(file, { ...UNSEEN, known, earlier, refused, strange, worthless });
  }

  /** What was found there is nobody's: it is to be written over, or removed. */
  discard(file: string, strange: Stamp, hash: string): void {
    this.wonder(file, strange, hash);
    this.change(file, { lost: true });
    this.settleRefusal(file, undefined);
  }

  /** The edit in the file was not committed. */
  refuse(file: string, refused: RefusedEdit): void {
    this.settleRefusal(file, refused);
  }

  /** Durable before a file is written: whichever of the two is found after a crash was ours. */
  async intend(plans: { file: string; hash: string | undefined }[]): Promise<void> {
    await this.write(
      plans.map(({ file, hash }): [string, FileState] => {
        const state = this.states.get(file) ?? UNSEEN;
        const known = [...new Set([...state.known, ...(hash === undefined ? [] : [hash])])];
        return [file, { ...state, known }];
      }),
    );
  }

  /** Durable when it resolves: the file holds this, or is gone (undefined). */
  async keep(
    files: { file: string; hash: string | undefined; stamp?: Stamp | undefined; written?: boolean }[],
  ): Promise<void> {
    for (const { file, hash, stamp, written } of files) {
      const before = this.states.get(file) ?? UNSEEN;
      const stood = [...before.known, ...(before.refused === undefined ? [] : [before.refused.hash])];
      const earlier = [...before.earlier, ...stood.filter(each => each !== hash)];
      const known = hash === undefined ? [] : [hash];
      this.set(file, { ...UNSEEN, known, earlier, stamp, wroteAt: written ? performance.now() : -Infinity });
    }
    await this.save(files.map(({ file }) => file));
  }

  /** What was intended for these files was not done: or an edit in its place would seem to start from it. */
  retract(files: string[]): Promise<void> {
    return this.save(files);
  }

  /** The file is not there any more, and nothing is meant by that. What it held stays known: an edit may start from it. */
  lose(file: string): void {
    this.settleRefusal(file, undefined);
    const { known, earlier } = this.states.get(file) ?? UNSEEN;
    this.set(file, { ...UNSEEN, known, earlier, lost: known.length > 0 });
  }

  /** Too much of what may come back is remembered of some file. */
  isCrowded = false;

  /** Whether no earlier content of any file can come back. */
  get isDurable(): boolean {
    return this.unflushed.size === 0;
  }

  /** Files with earlier content that may come back, and how much of it there is. */
  mayComeBack(): { file: string; count: number }[] {
    return [...this.unflushed].map(file => ({ file, count: this.states.get(file)?.earlier.length ?? 0 }));
  }

  /** Whether what stands in the file is not what should: its earlier content is there, or is what it is known by. */
  isLost(file: string): boolean {
    return this.states.get(file)?.lost === true;
  }

  /** The first `count` of the earlier content of these files cannot come back any more. */
  async flushed(files: { file: string; count: number }[]): Promise<void> {
    for (const { file, count } of files) {
      if (this.isLost(file)) continue;
      const { earlier = [] } = this.states.get(file) ?? {};
      this.change(file, { earlier: earlier.slice(count) });
    }
    this.isCrowded = false;
    await this.save(files.map(({ file }) => file));
  }

  /** What was refused, or is refused no longer, is remembered durably when this resolves. */
  saveRefusals(): Promise<void> {
    return this.save([]);
  }

  private settleRefusal(file: string, refused: RefusedEdit | undefined): void {
    const known = this.states.get(file)?.refused;
    if (known?.hash === refused?.hash && known?.savedAt === refused?.savedAt) return;
    this.change(file, { refused });
    this.unsaved.add(file);
  }

  private change(file: string, what: Partial<FileState>): void {
    this.set(file, { ...(this.states.get(file) ?? UNSEEN), ...what });
  }

  /** A file of which there is nothing to remember is forgotten. */
  private set(file: string, state: FileState): void {
    const { known, earlier, refused, strange } = state;
    if (known.length + earlier.length > 0 || refused !== undefined || strange !== undefined)
      this.states.set(file, state);
    else this.states.delete(file);
    if (earlier.length > MAX_EARLIER) this.isCrowded = true;
    if (earlier.length > 0) this.unflushed.add(file);
    else this.unflushed.delete(file);
  }

  private async save(files: string[]): Promise<void> {
    const all = new Set([...files, ...this.unsaved]);
    await this.write([...all].map((file): [string, FileState] => [file, this.states.get(file) ?? UNSEEN]));
    for (const file of all) this.unsaved.delete(file);
  }

  private async write(states: [file: string, state: FileState][]): Promise<void> {
    const entries = states.map(([file, state]) => ({ file, note: noteOf(state) }));
    if (entries.length > 0) await this.store.writeMirror(entries);
  }
}

/** The plain list is what most files need, and what earlier releases wrote. */
function noteOf({ known, earlier, refused }: FileState): string[] | FileNote | undefined {
  if (earlier.length === 0 && refused === undefined) return known.length === 0 ? undefined : known;
  return { known, earlier, ...(refused === undefined ? {} : { refused }) };
}
