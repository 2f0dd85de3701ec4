import type { HistoryAnswer, HistoryRequest } from '../../api/contract/configuration.ts';
import type { Revision } from '../../store/revision.ts';
import type { Store } from '../../store/store.ts';

const DEFAULT = 20;
/** In one answer; it says where to go on. */
const MOST = 1_000;

/** Revisions, newest first. Throws `unknown-path`, `bad-id`. */
export async function historyAnswer(
  store: Pick<Store, 'catalog' | 'history' | 'oldestRevision'>,
  { path = '', limit = DEFAULT, before }: HistoryRequest,
): Promise<HistoryAnswer> {
  const target = store.catalog.resolve(path);
  const revisions: Revision[] = [];
  const most = Math.min(limit, MOST);
  let next: number | null = null;
  for await (const revision of store.history(target.path, before)) {
    if (revisions.length === most) {
      next = revisions.at(-1)?.revision ?? null;
      break;
    }
    revisions.push(revision);
  }
  return { revisions, more: next !== null, before: next, oldest: Math.max(1, await store.oldestRevision()) };
}
