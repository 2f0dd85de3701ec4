import type { Catalog } from '../schema/catalog.ts';
import { canonicalize } from '../schema/json.ts';
import { recordHash } from './digest.ts';
import type { PairChange } from './requests.ts';
import { assertShared } from './taken-records.ts';
import type { PreparedHalf } from './transition.ts';

/** A frame of an update of ours has fewer; what a larger one has more waits for its turn, and the event loop does not. */
const MAX_IN_A_ROW = 4_000;

/**
 * Prepares changes while the rest of their update is still on its way. One that is not to be taken is left as it is, to
 * be refused in its turn.
 */
export function prepareChanges(catalog: Catalog, changes: readonly PairChange[]): void {
  for (const change of changes.slice(0, MAX_IN_A_ROW)) {
    try {
      change.prepared = prepared(catalog, change);
    } catch {
      return;
    }
  }
}

function prepared(catalog: Catalog, { path, value }: PairChange): PreparedHalf {
  const kind = catalog.kindOf(path);
  assertShared(kind, path, value);
  if (value === null) return { kind, text: undefined, hash: undefined, valid: true };
  const text = canonicalize(value);
  const valid = kind.scope === 'pair' && catalog.problems(kind, path, value, 'held').length === 0;
  return { kind, text, hash: recordHash(text), valid };
}
