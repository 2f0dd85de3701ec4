import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Database, open } from 'lmdb';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { DAMAGE_HINT } from '../damage.ts';
import {
  type Batch,
  type Entry,
  type KeyRange,
  type Reader,
  RUN_BYTES,
  type Snapshot,
  type StorePort,
  type StoreSpace,
} from '../port.ts';

/**
 * LMDB behind the port: the only user of lmdb. A synchronous transaction has reached the disk
 * (fdatasync of the data, O_DSYNC write of the meta page) when it returns.
 * `onLost`: the disk did not take the head of a transaction. Nothing can be read or written any more, and only
 * another start finds out whether that transaction is there.
 */
export function openLmdb(
  folder: string,
  onLost: (error: LockstepError) => void = () => undefined,
): StorePort {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new LmdbPort(openDatabase(folder), folder, onLost);
}

type Bytes = Database<Buffer, string>;

/** What LMDB says of its file. */
interface Statistics {
  pageSize: number;
  lastPageNumber: number;
  root: Tree;
  free: Tree;
}

interface Tree {
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Tree): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}

/**
 * LMDB maps its lock file into memory. On a full disk the kernel has no page for a part that was never written, and ends the
 * process with SIGBUS. So the space is taken before: what is there is written once more, and a new store wants some room.
 * Throws `disk`. Only for who has the folder for themselves.
 */
function reserveLock(folder: string): void {
  const file = join(folder, 'lock.mdb');
  try {
    if (existsSync(file)) {
      const written = readFileSync(file);
      const handle = openSync(file, 'r+');
      try {
        writeSync(handle, written, 0, written.length, 0);
      } finally {
        closeSync(handle);
      }
    } else if (freeBytes(folder) < ROOM_BYTES) throw fullDisk(folder);
  } catch (error) {
    const known = asLockstepError(error);
    throw known.code === 'disk' ? known : error;
  }
}

/** What a new store takes with its lock, and some changes. */
const ROOM_BYTES = 1024 * 1024;

function fullDisk(folder: string): LockstepError {
  return new LockstepError('disk', `No space left on the device for a store in ${folder}.`, {
    hint: 'Look at free space with df -h; nothing was changed.',
  });
}

function openDatabase(folder: string): Bytes {
  reserveLock(folder);
  try {
    // noSubdir: false, because a folder name with a dot would be taken for a file.
    return open<Buffer, string>({
      path: folder,
      noSubdir: false,
      encoding: 'binary',
      overlappingSync: false,
      maxReaders: 64,
    });
  } catch (error) {
    throw new LockstepError(
      'damaged-store',
      `The store in ${folder} cannot be opened: ${(error as Error).message}.`,
      {
        hint: DAMAGE_HINT,
      },
    );
  }
}

class LmdbPort implements StorePort {
  private readonly database: Bytes;
  private readonly folder: string;
  private readonly onLost: (error: LockstepError) => void;
  /** Set once LMDB must not be touched any more: it would end the process. */
  private lost: LockstepError | undefined;

  constructor(database: Bytes, folder: string, onLost: (error: LockstepError) => void) {
    this.onLost = onLost;
    this.database = database;
    this.folder = folder;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.usable().get(key);
  }

  range(range: KeyRange): AsyncIterable<Entry> {
    return entries(this.usable(), range, {});
  }

  async batch(batch: Batch): Promise<boolean> {
    return this.write(batch);
  }

  snapshot(): Snapshot {
    const transaction = this.usable().useReadTransaction();
    const reader: Reader = {
      get: async key => this.usable().get(key, { transaction }),
      range: range => entries(this.usable(), range, { transaction }),
    };
    return {
      ...reader,
      runs: range => runs(this.usable(), range, { transaction }),
      close: () => transaction.done(),
    };
  }

  /** Pages that neither the tree nor the list of free ones takes; the first two are those of the meta data. */
  space(): StoreSpace {
    const stats = this.usable().getStats() as unknown as Statistics;
    const { pageSize, lastPageNumber, root, free } = stats;
    const used = 2 + pagesOf(root) + pagesOf(free);
    return {
      fileBytes: statSync(join(this.folder, 'data.mdb')).size,
      freeBytes: Math.max(0, lastPageNumber + 1 - used) * pageSize,
    };
  }

  async close(): Promise<void> {
    if (this.lost === undefined) await this.database.close();
  }

  private usable(): Bytes {
    if (this.lost !== undefined) throw this.lost;
    return this.database;
  }

  private write(batch: Batch): boolean {
    const database = this.usable();
    try {
      return database.transactionSync(() => {
        for (const { key, value } of batch.expect) {
          const found = database.get(key);
          const same = value === undefined ? found === undefined : found !== undefined && value.equals(found);
          if (!same) return false;
        }
        for (const key of batch.remove) database.removeSync(key);
        for (const [key, value] of inOrder(batch.put)) database.putSync(key, value);
        return true;
      });
    } catch (error) {
      const failure = asDiskError(error, this.folder);
      if (takesTransactions(database)) throw failure;
      const lost = new LockstepError(
        'disk',
        `${failure.message} The unit ends: how far it got is not known.`,
        {
          hint: 'Look at the disk, then start the unit again: the change is there whole, or not at all.',
        },
      );
      this.lost = lost;
      this.onLost(lost);
      throw lost;
    }
  }
}

/** Neighbours one after the other: their pages are at hand then. Of one key that is there twice, the last still counts. */
function inOrder(entries: Entry[]): Entry[] {
  return [...entries].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
}

/** Once the head of a transaction could not be written, LMDB begins no other. */
function takesTransactions(database: Bytes): boolean {
  try {
    database.transactionSync(() => undefined);
    return true;
  } catch {
    return false;
  }
}

async function* entries(database: Bytes, range: KeyRange, options: object): AsyncIterable<Entry> {
  yield* entriesNow(database, range, options);
}

async function* runs(database: Bytes, range: KeyRange, options: object): AsyncIterable<Entry[]> {
  let run: Entry[] = [];
  let size = 0;
  for (const entry of entriesNow(database, range, options)) {
    run.push(entry);
    size += entry[0].length + entry[1].length;
    if (size < RUN_BYTES) continue;
    yield run;
    [run, size] = [[], 0];
  }
  if (run.length > 0) yield run;
}

function* entriesNow(database: Bytes, { from, to, reverse }: KeyRange, options: object): Iterable<Entry> {
  const bounds = reverse ? { start: to, end: from, reverse } : { start: from, end: to };
  for (const { key, value } of database.getRange({ ...bounds, ...options })) {
    if (key < from || key >= to) continue; // a reversed range of LMDB includes its start and leaves out its end
    yield [key, value];
  }
  if (reverse) {
    const last = database.get(from, options);
    if (last !== undefined) yield [from, last];
  }
}

/** LMDB reports errno as a number (28) or in words, and a write that a full disk cut short as a fault of the disk. */
function asDiskError(error: unknown, folder: string): LockstepError {
  const known = asLockstepError(error);
  if (known.code !== 'internal') return known;
  const reason =
    /input\/output/i.test(known.message) && isFull(folder) ? 'No space left on the device' : known.message;
  const words = reason.replace(/: Attempting to write page .*$/, '');
  return new LockstepError('disk', `The store could not be written: ${words}.`, {
    hint: 'Look at free space and at the permissions of the folder; nothing was changed.',
  });
}

/** Less than a small commit takes. */
const NEARLY_NOTHING_BYTES = 256 * 1024;

function isFull(folder: string): boolean {
  return freeBytes(folder) < NEARLY_NOTHING_BYTES;
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
