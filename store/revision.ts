import type { JsonObject } from '../schema/json.ts';
import type { SplitRecord } from '../schema/record.ts';
import { damagedStore, parseStored } from './damage.ts';
import { keys } from './keys.ts';
import { type Entry, type Reader, withPrefix } from './port.ts';
import type { SpelledHalves, SpelledTransition } from './spelling.ts';

/** Why a revision came to be. */
export type RevisionKind =
  | 'init'
  | 'change'
  | 'import'
  | 'file'
  | 'rollback'
  | 'update'
  | 'restore'
  | 'merge';

/** The header of a revision; what it did to each record is kept beside it. */
export interface Revision {
  revision: number;
  /** ISO 8601, from the clock of the unit: for people. Order comes from the number. */
  at: string;
  kind: RevisionKind;
  author: string;
  reason: string;
  /** Digest before and after. Equal when only unit configuration changed. */
  parent: string;
  digest: string;
  epoch: number;
  /** Records touched, and how many of them in their pair half. */
  records: number;
  pairRecords: number;
  /** On the standby: the revisions of the active unit that an update brought, oldest first (at most 100). */
  brought?: BroughtRevision[];
  /** Of a merge: the branch, and the digest it ended with: the other parent. */
  merges?: { branch: string; unit: string; parent: string };
}

export type BroughtRevision = Pick<Revision, 'revision' | 'at' | 'kind' | 'author' | 'reason'>;

/** What the partner is told of a revision; its words are cut to what a message may hold. */
export function brought({ revision, at, kind, author, reason }: Revision): BroughtRevision {
  return { revision, at, kind, author: author.slice(0, 200), reason: reason.slice(0, 2000) };
}

/** One record before and after a revision. */
export interface RecordChange {
  path: string;
  before: SplitRecord;
  after: SplitRecord;
}

/** About so many bytes of changes are one entry: a change of everything takes a sixtieth of the entries, and one is read fast. */
const CHUNK_LENGTH = 16 * 1024;

export function revisionEntries(header: Revision, transitions: SpelledTransition[]): Entry[] {
  const { revision, digest } = header;
  const entries: Entry[] = [
    [keys.revision(revision), toBytes(header)],
    [keys.digest(digest), Buffer.from(String(revision))],
  ];
  let [chunk, length, texts] = [0, 0, [] as string[]];
  let place = Buffer.from('0');
  const finish = (): void => {
    entries.push([keys.changes(revision, chunk), Buffer.from(`[${texts.join(',')}]`)]);
    [chunk, length, texts] = [chunk + 1, 0, []];
    place = Buffer.from(String(chunk));
  };
  for (const transition of transitions) {
    const text = changeText(transition);
    texts.push(text);
    length += text.length;
    entries.push([keys.history(transition.path, revision), place]);
    if (length >= CHUNK_LENGTH) finish();
  }
  if (texts.length > 0) finish();
  return entries;
}

/** A RecordChange as JSON: both halves are spelled already. */
function changeText({ path, before, after }: SpelledTransition): string {
  return `{"path":${JSON.stringify(path)},"before":${halvesText(before)},"after":${halvesText(after)}}`;
}

function halvesText({ pair, unit }: SpelledHalves): string {
  if (unit === undefined) return pair === undefined ? '{}' : `{"pair":${pair}}`;
  return pair === undefined ? `{"unit":${unit}}` : `{"pair":${pair},"unit":${unit}}`;
}

export async function readRevision(reader: Reader, revision: number): Promise<Revision | undefined> {
  return fromBytes<Revision>(await reader.get(keys.revision(revision)), `revision ${revision}`);
}

export async function* readChanges(reader: Reader, revision: number): AsyncIterable<RecordChange> {
  for await (const [, value] of reader.range(withPrefix(keys.allChanges(revision))))
    yield* readChunk(value, revision);
}

function readChunk(value: Buffer, revision: number): RecordChange[] {
  const changes = fromBytes<RecordChange[]>(value, `revision ${revision}`);
  if (Array.isArray(changes)) return changes;
  throw damagedStore({ path: `revision ${revision}`, reason: 'is no list of changes' });
}

/** What a revision did to some records; `places`: where the history of each says that it stands (store/keys.ts). */
export async function* readChangesAt(
  reader: Reader,
  revision: number,
  places: Iterable<string>,
): AsyncIterable<RecordChange> {
  for (const place of new Set(places)) {
    const value = await reader.get(keys.changes(revision, Number(place)));
    if (value !== undefined) yield* readChunk(value, revision);
  }
}

export function toBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** `what` names it when it cannot be read: `damaged-store`. */
export function fromBytes<T = JsonObject>(bytes: Buffer | undefined, what = 'an entry'): T | undefined {
  return bytes === undefined ? undefined : parseStored<T>(bytes, what);
}
