import type { Catalog } from '../schema/catalog.ts';
import { canonicalize } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { recordHash } from './digest.ts';
import type { PairChange } from './head.ts';
import { assertShared } from './taken-records.ts';

/** What can be said of a change of an update before its turn comes: none of it depends on what the store holds. */
export interface Ready {
  kind: Kind;
  /** The new half, spelled, and its hash; undefined when the record goes. */
  text: string | undefined;
  hash: Buffer | undefined;
  /** The schema takes it. False also where the unit's own half has a say. */
  valid: boolean;
}

/** A frame of an update of ours has fewer; what a larger one has more waits for its turn, and the event loop does not. */
const MOST_IN_A_ROW = 4_000;

/**
 * Makes changes ready while the rest of their update is still on its way. One that is not to be taken is left as it is, to
 * be refused in its turn.
 */
export function makeReady(catalog: Catalog, changes: readonly PairChange[]): void {
  for (const change of changes.slice(0, MOST_IN_A_ROW)) {
    try {
      change.ready = readied(catalog, change);
    } catch {
      return;
    }
  }
}

function readied(catalog: Catalog, { path, value }: PairChange): Ready {
  const kind = catalog.kindOf(path);
  assertShared(kind, path, value);
  if (value === null) return { kind, text: undefined, hash: undefined, valid: true };
  const text = canonicalize(value);
  const valid = kind.scope === 'pair' && catalog.problems(kind, path, value, 'held').length === 0;
  return { kind, text, hash: recordHash(text), valid };
}
