import { randomUUID } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { SpelledChange } from '../store/requests.ts';
import { type BroughtRevision, brought } from '../store/revision.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import type { PairChange, Store } from '../store/store.ts';
import type { Difference } from '../store/tree-walk.ts';
import type { UpdateMessage } from './message.ts';

/** Size at which a frame of an update is sent, bytes; a single larger record goes in a frame of its own. */
const CHUNK_BYTES = 512 * 1024;
/** Largest record that an update carries, bytes: with its header it still fits a frame (FRAME_LIMITS). */
export const LARGEST_RECORD_BYTES = 6 * 1024 * 1024;

/** What one run will send: everything in it is of one moment, however many commits come meanwhile. */
export interface Outgoing {
  route: 'send' | 'compare';
  target: string;
  revision: number;
  brought: BroughtRevision[];
  /** In runs: a step of the event loop for each would cost more than to write it. */
  changes(difference: Difference | undefined): AsyncIterable<SpelledChange[]>;
  snapshot: StoreSnapshot | undefined;
  /** What waits to be confirmed in the state that is sent. */
  waiting: Awaited<ReturnType<Store['provisionalNow']>>;
  /** Digest of each kind at a partner that describes some of them differently. */
  kinds: Record<string, string> | undefined;
  close(): void;
}

/**
 * Find the way from digest `base` to what `store` holds now: through the own history when `base` was once the
 * own state, else by comparing digest trees; an empty partner gets everything. With a partner of another release the
 * trees are compared: it need not hold any state that this unit ever held.
 */
export async function prepareOutgoing(
  store: Store,
  base: string,
  walk: boolean,
  kinds: Record<string, string> | undefined,
): Promise<Outgoing> {
  const waiting = await store.provisionalNow();
  const { revision, digest } = store.head;
  const compares = walk || (kinds !== undefined && base !== digest);
  const from = compares || base === EMPTY_DIGEST ? undefined : await store.revisionWithDigest(base);
  const snapshot = from === undefined || waiting.undo.size > 0 ? await store.snapshot() : undefined;
  if ((snapshot?.head.revision ?? waiting.revision) !== waiting.revision || waiting.revision !== revision) {
    snapshot?.close();
    return prepareOutgoing(store, base, walk, kinds);
  }
  const rest = { target: digest, revision, snapshot, waiting, kinds, close: () => snapshot?.close() };
  if (from !== undefined || snapshot === undefined) {
    const since = from ?? revision;
    const changes = since < revision ? await store.pairChanges(since, revision) : [];
    const brought = await broughtRevisions(store, since, revision);
    return {
      route: 'send',
      ...rest,
      brought,
      changes: () => withUndo(spelled(changes), waiting.undo, snapshot),
    };
  }
  return {
    route: base === EMPTY_DIGEST && !compares ? 'send' : 'compare',
    ...rest,
    brought: [],
    changes: found =>
      withUndo(
        found === undefined ? snapshot.spelledChanges() : differing(snapshot, found),
        waiting.undo,
        kinds === undefined ? snapshot : undefined,
      ),
  };
}

async function broughtRevisions(store: Store, from: number, to: number): Promise<BroughtRevision[]> {
  const revisions: BroughtRevision[] = [];
  for (let number = Math.max(from + 1, to - 99); number <= to; number++) {
    const found = await store.revision(number);
    if (found === undefined || found.pairRecords === 0) continue;
    revisions.push(brought(found));
  }
  return revisions;
}

/**
 * Each change with what it was before the one that waits to be confirmed. What that one touched goes along even where both
 * units hold it alike already (read from `rest`): the partner may have to undo it.
 */
async function* withUndo(
  changes: AsyncIterable<SpelledChange[]>,
  undo: ReadonlyMap<string, JsonObject | null>,
  rest?: StoreSnapshot,
): AsyncIterable<SpelledChange[]> {
  if (undo.size === 0) return yield* changes;
  const waiting = new Map([...undo].map(([path, before]) => [path, JSON.stringify(before)]));
  for await (const run of changes)
    yield run.map(change => {
      const before = waiting.get(change.path);
      waiting.delete(change.path);
      return before === undefined ? change : { ...change, undo: before };
    });
  if (rest === undefined) return;
  for (const [path, before] of waiting) yield [{ ...(await rest.spelledChange(path)), undo: before }];
}

/** Records that are spelled in a row. */
const RUN = 500;

async function* spelled(changes: PairChange[]): AsyncIterable<SpelledChange[]> {
  for (let from = 0; from < changes.length; from += RUN)
    yield changes.slice(from, from + RUN).map(({ path, value }) => ({ path, value: JSON.stringify(value) }));
}

async function* differing(
  snapshot: StoreSnapshot,
  { upserts, removals }: Difference,
): AsyncIterable<SpelledChange[]> {
  for (const path of removals) yield [{ path, value: 'null' }];
  for (const path of upserts) yield [await snapshot.spelledChange(path)];
}

export interface EncodedFrame {
  payload: Buffer;
  records: number;
}

/** The frames of an update. Throws `too-large` for a record that no frame can hold. */
export async function* updateFrames(
  header: Omit<UpdateMessage, 'type' | 'id' | 'changeId' | 'sequence' | 'last' | 'changes'>,
  id: number,
  changes: AsyncIterable<SpelledChange[]>,
): AsyncIterable<EncodedFrame> {
  const changeId = randomUUID();
  let sequence = 0;
  let texts: string[] = [];
  let length = 0;
  const frame = (last: boolean): EncodedFrame => {
    const brought = last ? header.brought : [];
    const head = JSON.stringify({
      type: 'update',
      id,
      changeId,
      sequence: sequence++,
      last,
      ...header,
      brought,
    });
    const payload = Buffer.from(`${head.slice(0, -1)},"changes":[${texts.join(',')}]}`);
    const records = texts.length;
    texts = [];
    length = 0;
    return { payload, records };
  };
  for await (const run of changes)
    for (const change of run) {
      const text = changeText(change);
      const bytes = Buffer.byteLength(text);
      if (bytes > LARGEST_RECORD_BYTES) throw tooLarge(change.path, bytes);
      if (texts.length > 0 && length + bytes > CHUNK_BYTES) yield frame(false);
      texts.push(text);
      length += bytes;
    }
  yield frame(true);
}

/** A PairChange as JSON. */
function changeText({ path, value, undo }: SpelledChange): string {
  const before = undo === undefined ? '' : `,"undo":${undo}`;
  return `{"path":${JSON.stringify(path)},"value":${value}${before}}`;
}

function tooLarge(path: string, bytes: number): LockstepError {
  return new LockstepError(
    'too-large',
    `${path} has ${bytes} bytes; an update carries at most ${LARGEST_RECORD_BYTES} a record.`,
    {
      hint: 'Make the record smaller, or split it into several.',
      facts: { path, bytes, limit: LARGEST_RECORD_BYTES },
    },
  );
}
