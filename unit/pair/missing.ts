import type { Revision } from '../../store/revision.ts';
import type { Store } from '../../store/store.ts';

/** Missing revisions are counted up to here; status is not a history. */
const MAX_COUNTED = 1_000;

/** Revisions that a unit which holds `held` lacks, newest first. Empty or undefined: nothing is known of it. */
export async function missingRevisions(store: Store, held: string | undefined): Promise<Revision[]> {
  if (held === store.head.digest) return [];
  const isSomething = held !== undefined && held !== '';
  // A state that was never held here is more than the last one that both had: the rest is not lost with this unit.
  const known = isSomething
    ? ((await store.revisionWithDigest(held)) ?? store.head.commonRevision)
    : undefined;
  const missing: Revision[] = [];
  for await (const revision of store.history()) {
    if (revision.revision <= (known ?? 0) || missing.length >= MAX_COUNTED) break;
    if (revision.pairRecords > 0) missing.push(revision);
  }
  return missing;
}
