/** Two units of different releases: what both describe alike crosses, the rest waits. */
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { parentPath } from '../schema/path.ts';
import { linksOf } from '../store/links.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import type { PairChange } from '../store/store.ts';
import type { Difference } from '../store/tree-walk.ts';
import type { HeldBack, SyncState } from './state.ts';

const MAX_NAMED = 20;

type Kinds = Record<string, string>;

interface Releases {
  catalog: Catalog;
  /** Digest of each kind at the partner. */
  kinds: Kinds;
  /** Hashes (base64) of records that the partner holds in another version. */
  theirs: ReadonlyMap<string, string>;
  snapshot: StoreSnapshot;
}

/**
 * Leaves out of a difference what the partner would not understand: records of kinds that it describes differently, and
 * those that it could not take without one of them. `target`: digest of what the partner then holds.
 * A removal needs no schema, so it always crosses.
 */
export async function holdBack(
  found: Difference,
  releases: Releases,
): Promise<{ difference: Difference; heldBack?: HeldBack & { target: string } }> {
  const { catalog, kinds, theirs, snapshot } = releases;
  const held = new Set(found.upserts.filter(path => differs(catalog, kinds, path)));
  await addDependents(held, found.upserts, releases);
  if (held.size === 0) return { difference: found };
  const paths = [...held].sort();
  const target = await snapshot.digestWith(
    paths.map(path => {
      const hash = theirs.get(path);
      return { path, hash: hash === undefined ? undefined : Buffer.from(hash, 'base64') };
    }),
  );
  return {
    difference: { ...found, upserts: found.upserts.filter(path => !held.has(path)) },
    heldBack: { records: paths.length, paths: paths.slice(0, MAX_NAMED), target },
  };
}

function differs(catalog: Catalog, kinds: Kinds, path: string): boolean {
  const { name } = catalog.kindOf(path);
  return kinds[name] !== catalog.kindDigests[name];
}

/** Throws `held-back` when one of the changes would not cross. */
export function assertAllCross(
  changes: PairChange[],
  state: SyncState,
  catalog: Catalog,
  kinds: Kinds,
): void {
  const paths = changes
    .filter(({ path, value }) => value !== null && differs(catalog, kinds, path))
    .map(({ path }) => path);
  if (paths.length > 0)
    throw heldBackError(state, { records: paths.length, paths: paths.slice(0, MAX_NAMED) });
}

/** What lives below a record that the partner does not get, or refers to one, waits with it. */
async function addDependents(
  held: Set<string>,
  upserts: string[],
  { catalog, theirs, snapshot }: Releases,
): Promise<void> {
  const missing = (path: string): boolean => held.has(path) && !theirs.has(path);
  for (let before = -1; before !== held.size; ) {
    before = held.size;
    for (const path of upserts) {
      if (held.has(path)) continue;
      const kind = catalog.kindOf(path);
      const parent = parentPath(kind, path);
      const { value } = await snapshot.pairChange(path);
      const links = value === null ? [] : linksOf(kind, value);
      const lacksLink = links.some(({ targets }) => targets.some(missing));
      if ((parent !== undefined && missing(parent)) || lacksLink) held.add(path);
    }
  }
}

export function heldBackError({ own, partner }: SyncState, { records, paths }: HeldBack): LockstepError {
  const more = records > paths.length ? ` and ${records - paths.length} more` : '';
  const why =
    partner?.release === own.release
      ? 'The partner describes some kinds of record differently'
      : `The partner runs release ${partner?.release ?? 'unknown'}, this unit ${own.release}`;
  const message = `${why}; it cannot take ${paths.join(', ')}${more}.`;
  return new LockstepError('held-back', message, {
    hint: 'They follow by themselves once both units run the same release, with the same kinds of the site (schema.d).',
    facts: { records, paths, release: own.release, partnerRelease: partner?.release },
  });
}
