/**
 * How a unit finds out that its disk fell back: its partner is the witness of the newest state that it showed
 * (docs/decisions/0031-fallen-back.md). Each store has an id, which a copy of the disk keeps and a rebuilt store does not.
 */
import { randomBytes } from 'node:crypto';
import type { Head, UpdateSource } from './head.ts';
import type { Reader } from './port.ts';
import { readRevision } from './revision.ts';

/** The newest state of another store that is known here. */
export interface Witness {
  /** Id of that store. Empty: its release gives none. */
  store: string;
  revision: number;
  /** Empty: not known, because the two releases could not exchange everything. */
  digest: string;
}

/** This store is an older copy of what the partner has seen. */
export interface FellBack {
  /** The newest revision here that the partner holds as well: to this one the disk fell back. */
  revision: number;
  digest: string;
  /** ISO 8601: when that revision was made. Empty: not known. */
  at: string;
  /** Revision of this store that the partner has seen. 0: a later one, its number is not known. */
  from: number;
  /** ISO 8601: when it was found out. */
  seen: string;
}

/** As many stores of partners are remembered: one that was replaced, rebuilt or healed may come back as an old copy. */
export const MOST_WITNESSED = 4;

export function newStoreId(): string {
  return randomBytes(8).toString('hex');
}

export function witnessOf(store: string, list: readonly Witness[] | undefined): Witness | undefined {
  return list?.find(witness => witness.store === store);
}

/** The same list with what was seen just now in front. */
export function withWitness(list: readonly Witness[] | undefined, seen: Witness): Witness[] {
  const others = (list ?? []).filter(({ store }) => store !== seen.store);
  return [seen, ...others].slice(0, MOST_WITNESSED);
}

/** `stoodAt`: digest here at the revision that the partner has seen. Undefined: not kept any more, and so no evidence. */
export function isOlderThan(
  seen: Pick<Witness, 'revision' | 'digest'>,
  { revision }: Pick<Head, 'revision'>,
  stoodAt: string | undefined,
): boolean {
  if (seen.revision > revision) return true;
  return seen.digest !== '' && stoodAt !== undefined && stoodAt !== seen.digest;
}

/** Reads what isOlderThan asks for; nothing where the head says it. */
export async function digestAt(
  reader: Reader,
  head: Pick<Head, 'revision' | 'digest'>,
  revision: number,
): Promise<string | undefined> {
  if (revision === head.revision) return head.digest;
  return revision > head.revision ? undefined : (await readRevision(reader, revision))?.digest;
}

/** What an update says of the store of its sender. */
export function witnessedIn({
  source,
  target,
}: {
  source?: UpdateSource | undefined;
  target: string;
}): Witness | undefined {
  if (source === undefined) return undefined;
  const { store, revision, exact } = source;
  return { store, revision, digest: exact ? target : '' };
}
