/**
 * The narrow way to whatever keeps the bytes: LMDB today, and shaped so that a remote store such as etcd
 * can stand there later. Keys are ASCII and ordered bytewise.
 */
export interface StorePort extends Reader {
  /**
   * Write everything or nothing, durably before the promise resolves.
   * Resolves to false, with nothing written, when an expectation does not hold.
   * Rejects with `disk` when the disk refuses; nothing is written then either.
   */
  batch(batch: Batch): Promise<boolean>;
  /** A view that later batches do not change. Must be closed. */
  snapshot(): Snapshot;
  /** Of its file, for a port that has one. Costs nothing. */
  space?(): StoreSpace;
  close(): Promise<void>;
}

export interface StoreSpace {
  fileBytes: number;
  /** Inside the file: what was given up, and is used before the file grows. */
  freeBytes: number;
}

export interface Reader {
  get(key: string): Promise<Buffer | undefined>;
  /** Entries with `from <= key < to`, in order; `reverse` starts at the end. */
  range(range: KeyRange): AsyncIterable<Entry>;
}

export interface Snapshot extends Reader {
  /** The entries of `range` in runs of some 64 KiB: a step of the event loop for each costs more than to read it. */
  runs(range: KeyRange): AsyncIterable<Entry[]>;
  close(): void;
}

export interface KeyRange {
  from: string;
  to: string;
  reverse?: boolean;
}

export type Entry = readonly [key: string, value: Buffer];

export interface Batch {
  /** Keys that must hold exactly this, or not exist. */
  expect: { key: string; value: Buffer | undefined }[];
  put: Entry[];
  remove: string[];
}

/** A run ends with the entry that fills it. */
export const RUN_BYTES = 64 * 1024;

/** All keys that start with `prefix`. */
export function withPrefix(prefix: string): KeyRange {
  return { from: prefix, to: `${prefix}\u007f` };
}

/** Entries in runs of RUN_BYTES, for a reader that gives them one by one. */
export async function* inRuns(entries: AsyncIterable<Entry>): AsyncIterable<Entry[]> {
  let run: Entry[] = [];
  let size = 0;
  for await (const entry of entries) {
    run.push(entry);
    size += entry[0].length + entry[1].length;
    if (size < RUN_BYTES) continue;
    yield run;
    [run, size] = [[], 0];
  }
  if (run.length > 0) yield run;
}
