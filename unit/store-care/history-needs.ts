import type { Need } from '../../store/retention.ts';
import type { Store } from '../../store/store.ts';

/** What the mirror keeps of itself (store/mirror/mirror.ts): it goes on from there at a start. */
const MIRROR = 'mirror';

/**
 * From which revisions on the history is needed, whatever its retention: from the last receipt, for what is sent to the partner or
 * becomes a branch, and to tell whether the disk of this unit fell back (store/witness.ts); from what the partner says to hold; from where
 * the files of the mirror stand.
 */
export async function historyNeeds(
  store: Pick<Store, 'head' | 'revisionWithDigest' | 'readLocal'>,
  pair: { isPaired: boolean; partnerDigest: string | undefined },
  mirrored: boolean,
): Promise<Need[]> {
  const needs: Need[] = [];
  const { common, commonRevision } = store.head;
  if (pair.isPaired) {
    if (common !== '') needs.push({ revision: commonRevision, by: 'partner' });
    const held = pair.partnerDigest && (await store.revisionWithDigest(pair.partnerDigest));
    if (typeof held === 'number') needs.push({ revision: held, by: 'partner' });
  }
  const mark = mirrored ? await store.readLocal<{ revision?: unknown }>(MIRROR) : undefined;
  if (typeof mark?.revision === 'number') needs.push({ revision: mark.revision, by: 'files' });
  return needs;
}
