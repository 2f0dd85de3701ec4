/**
 * How a unit finds out that its disk fell back: its partner is the witness of the newest state that it showed
 * (docs/decisions/0031-fallen-back.md). Each store has an id, which a copy of the disk keeps and a rebuilt store does not.
 */
import type { Head, Witness } from './head.ts';
import type { Reader } from './port.ts';
import type { UpdateSource } from './requests.ts';
import { readRevision } from './revision.ts';

/** As many stores of partners are remembered: one that was replaced, rebuilt or healed may come back as an old copy. */
export const MAX_WITNESSED = 4;

export function witnessOf(store: string, list: readonly Witness[] | undefined): Witness | undefined {
  return list?.find(witness => witness.store === store);
}

/** The same list with what was seen just now in front. */
export function withWitness(list: readonly Witness[] | undefined, seen: Witness): Witness[] {
  const others = (list ?? []).filter(({ store }) => store !== seen.store);
  return [seen, ...others].slice(0, MAX_WITNESSED);
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
