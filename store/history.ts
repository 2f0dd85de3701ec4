/** What revisions did, read back: as far as the history is kept. */
import { EMPTY_DIGEST } from './digest.ts';
import type { Head } from './head.ts';
import { keys, lastPart } from './keys.ts';
import { assertKept, oldestRevision } from './oldest.ts';
import { type Reader, withPrefix } from './port.ts';
import { noSuchRevision } from './refusals.ts';
import { fromBytes, type RecordChange, type Revision, readChanges, readRevision } from './revision.ts';
import { hasEffect } from './transition.ts';

const MAX_REVISION = 999_999_999_999;

/**
 * The newest revision whose digest is `digest`; undefined when this unit never held it, or so long ago that its history does
 * not reach back so far.
 */
export async function revisionWithDigest(reader: Reader, digest: string): Promise<number | undefined> {
  const found = await reader.get(keys.digest(digest));
  const revision = found === undefined ? undefined : Number(found.toString());
  return revision === undefined || revision < (await oldestRevision(reader)) ? undefined : revision;
}

/** The same, and 0 for the empty state before the first revision. */
export async function stateWithDigest(
  reader: Reader,
  head: Pick<Head, 'digest'>,
  digest: string,
): Promise<number | undefined> {
  const found = await revisionWithDigest(reader, digest);
  if (found !== undefined || digest !== EMPTY_DIGEST || head.digest === EMPTY_DIGEST) return found;
  return (await oldestRevision(reader)) === 0 ? 0 : undefined;
}

/** Headers, newest first, from the one before `before` on; with `path`, only of revisions that changed it or something below it. */
export async function* readHistory(
  reader: Reader,
  path: string,
  before = MAX_REVISION,
): AsyncIterable<Revision> {
  const oldest = await oldestRevision(reader);
  if (path === '') {
    const range = { from: keys.revision(oldest), to: keys.revision(before), reverse: true };
    for await (const [key, value] of reader.range(range))
      yield fromBytes<Revision>(value, `revision ${Number(lastPart(key))}`) as Revision;
    return;
  }
  const numbers = new Set<number>();
  for (const prefix of [`h ${path} `, `h ${path}/`]) {
    for await (const [key] of reader.range(withPrefix(prefix))) numbers.add(Number(lastPart(key)));
  }
  for (const number of [...numbers].filter(each => each >= oldest && each < before).sort((a, b) => b - a)) {
    const header = await readRevision(reader, number);
    if (header !== undefined) yield header;
  }
}

/**
 * What the revisions `from + 1 … to` did taken together: the first `before` and the last `after` of each record.
 * Throws `history-pruned`, also when that happens meanwhile.
 */
export async function foldChanges(
  reader: Reader,
  from: number,
  to: number,
): Promise<Map<string, RecordChange>> {
  await assertKept(reader, from);
  const folded = new Map<string, RecordChange>();
  for (let revision = from + 1; revision <= to; revision++) {
    for await (const change of readChanges(reader, revision)) {
      const earlier = folded.get(change.path);
      folded.set(change.path, { ...change, before: earlier?.before ?? change.before });
    }
  }
  await assertKept(reader, from);
  return folded;
}

/** What changed from revision `from` to revision `to`, record by record, sorted; works in both directions. */
export async function changesBetween(
  reader: Reader,
  head: Head,
  from: number,
  to: number,
): Promise<RecordChange[]> {
  await Promise.all([assertRevision(reader, head, from), assertRevision(reader, head, to)]);
  const folded = [...(await foldChanges(reader, Math.min(from, to), Math.max(from, to))).values()];
  const changes =
    from <= to ? folded : folded.map(({ path, before, after }) => ({ path, before: after, after: before }));
  return changes.filter(change => hasEffect(change)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Throws `no-such-revision`, `history-pruned`. */
export async function assertRevision(reader: Reader, head: Head, revision: number): Promise<void> {
  if (!Number.isInteger(revision) || revision < 0 || revision > head.revision)
    throw noSuchRevision(revision, head);
  await assertKept(reader, revision);
  if (revision > 0 && (await readRevision(reader, revision)) === undefined)
    throw noSuchRevision(revision, head);
}
