/** From where a unit whose disk fell back went its own way: found out by asking its partner which of its revisions it was told of. */
import type { Revision } from '../store/revision.ts';
import type { Store } from '../store/store.ts';
import { MAX_REVISIONS } from './message-format.ts';

/** A unit that made more than this by itself is not asked about all of it: then all of it counts as its own. */
const MAX_ASKED = 1_000;

type Asked = [revision: number, at: string][];

/** The newest revision that both hold; 0: none. `ask`: the newest of some that the partner knows, or 0. */
export async function findFork(store: Store, ask: (revisions: Asked) => Promise<number>): Promise<number> {
  const { revision: head } = store.head;
  const { own, bottom } = await ownRevisions(store);
  const unasked = own.filter(revision => !isUndoneByItself(revision));
  // Nobody made what the unit itself took back when the time was up.
  if (unasked.length === 0) return head;
  let fork = bottom;
  for (let from = 0; from < unasked.length && fork === bottom; from += MAX_REVISIONS) {
    const part = unasked.slice(from, from + MAX_REVISIONS);
    fork = Math.max(bottom, await ask(part.map(({ revision, at }) => [revision, at])));
  }
  return unasked[0] !== undefined && unasked[0].revision <= fork ? head : fork;
}

/** Shared revisions since the last receipt, newest first; what an update brought was the partner's before. */
async function ownRevisions(store: Store): Promise<{ own: Revision[]; bottom: number }> {
  const { commonRevision, fellBack } = store.head;
  const bottom = Math.max(commonRevision, fellBack?.revision ?? 0, await store.revisionOfInit());
  const own: Revision[] = [];
  for await (const revision of store.history()) {
    if (revision.revision <= bottom || own.length >= MAX_ASKED) break;
    if (revision.kind === 'update') return { own, bottom: revision.revision };
    if (revision.pairRecords > 0) own.push(revision);
  }
  return { own, bottom };
}

function isUndoneByItself({ kind, author }: Revision): boolean {
  return kind === 'rollback' && author === 'lockstep';
}

/** The newest of these revisions of the partner that an update brought here; 0: none. */
export async function newestKnown(store: Store, revisions: Asked): Promise<number> {
  const asked = new Map(revisions);
  let newest = 0;
  for await (const { brought = [] } of store.history()) {
    for (const { revision, at } of brought)
      if (asked.get(revision) === at) newest = Math.max(newest, revision);
    if (newest > 0) return newest;
  }
  return 0;
}
