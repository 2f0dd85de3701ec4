import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { RebuildAnswer } from '../../api/contract/store-care.ts';
import { syncFolder } from '../../host/durable-file.ts';
import { type Catalog, loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type JsonObject } from '../../schema/json.ts';
import { joinRecord } from '../../schema/record.ts';
import { RULES } from '../../schema/rules/index.ts';
import { keys } from '../../store/keys.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { salvageEntries } from '../../store/lmdb/pages.ts';
import { toBytes } from '../../store/revision.ts';
import { type Head, Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { parsePrivateKey } from '../../sync/ssh/keys.ts';
import type { UnitFolder } from '../folder.ts';
import { assertUnit, lockFolder } from '../folder.ts';
import { DEFAULT_PORT, type UnitFacts } from '../identity.ts';
import { readPartner } from '../pair/partner.ts';

/** What is left of a damaged store that belongs to this unit. */
interface Kept {
  facts: UnitFacts;
  head: Partial<Head>;
  /** Unit halves, and of a few records the pair halves: the unit needs them to find its partner. */
  pair: Map<string, JsonObject>;
  unit: Map<string, JsonObject>;
  unreadable: string[];
}

/** Records that a unit needs before it has its configuration: which one of the pair it is, and where it listens. */
const ESSENTIAL = /^(ha|host|licence|users\/bal|interfaces\/[^/]+)$/;

/**
 * Rebuild while no daemon runs, also when the store cannot be opened. The partner cannot be asked, so the caller does
 * not know whether it holds a configuration; nothing is lost here, the old store is kept aside.
 * Throws `no-unit`, `unit-busy`, `not-paired`, `not-standby`, `bad-usage` when the HA mode is neither readable nor given.
 */
export async function rebuildOffline(options: {
  folder: UnitFolder;
  mode?: 'first' | 'second';
  force: boolean;
  now: Date;
}): Promise<RebuildAnswer> {
  const { folder, mode, force, now } = options;
  process.umask(0o077);
  finishRebuild(folder);
  assertUnit(folder);
  const unlock = await lockFolder(folder);
  try {
    const partner = await readPartner(folder.partner);
    if (partner === undefined) {
      throw new LockstepError('not-paired', 'This unit has no partner to be rebuilt from.', {
        hint: 'A single unit is mended by restoring a bundle.',
      });
    }
    const { head } = await salvage(folder, loadCatalog(folder.siteSchemas));
    if (head.role === 'active' && !force) throw activeUnit(partner.name, 'repeat this with --force');
    return await rebuildStore(folder, now, mode);
  } finally {
    unlock();
  }
}

export function activeUnit(partner: string, then: string): LockstepError {
  return new LockstepError(
    'not-standby',
    'This unit is active: rebuilt, it would be empty and nobody would serve.',
    {
      hint: `Type lockstep takeover on ${partner} first (with --force if this unit cannot hand over), then ${then}.`,
    },
  );
}

/**
 * Put a store in the place of the damaged one that knows its unit and nothing else: standby, never established, so
 * that it can be no source, and the partner's first update fills it. The old store and the files under config/ stay
 * aside. After a crash at any point either the old store or the whole new one is there.
 */
export async function rebuildStore(
  folder: UnitFolder,
  now: Date,
  mode?: 'first' | 'second',
): Promise<RebuildAnswer> {
  const catalog = loadCatalog(folder.siteSchemas);
  const kept = await salvage(folder, catalog);
  const known = kept.unit.get('ha')?.mode ?? mode;
  if (known !== 'first' && known !== 'second') {
    throw new LockstepError('bad-usage', 'The store does not tell any more which unit of the pair this is.', {
      hint: 'Say it: --mode first for HA1, --mode second for HA2.',
    });
  }
  const fresh = freshFolder(folder);
  rmSync(fresh, { recursive: true, force: true });
  await fill(fresh, catalog, kept, known, now);
  const stamp = now.toISOString().replaceAll(':', '').slice(0, 17);
  const aside = free(`${folder.store}.damaged-${stamp}`);
  // Files of the old configuration would look like edits to a store that does not know them.
  if (existsSync(folder.config)) renameSync(folder.config, free(`${folder.config}.damaged-${stamp}`));
  renameSync(folder.store, aside);
  renameSync(fresh, folder.store);
  for (const file of [folder.damage, folder.scrub]) rmSync(file, { force: true });
  await syncFolder(folder.dir);
  return {
    aside: basename(aside),
    mode: known,
    kept: [...kept.unit.keys()].sort(),
    unreadable: kept.unreadable,
  };
}

/** A rebuild that was cut off between its two renames: the new store is whole, and only has to take its place. */
export function finishRebuild(folder: UnitFolder): void {
  const fresh = freshFolder(folder);
  if (!existsSync(folder.store) && existsSync(fresh)) renameSync(fresh, folder.store);
}

function freshFolder(folder: UnitFolder): string {
  return `${folder.store}.new`;
}

function free(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

async function salvage(folder: UnitFolder, catalog: Catalog): Promise<Kept> {
  const file = join(folder.store, 'data.mdb');
  const wanted = [
    keys.unit(''),
    keys.pair('ha'),
    keys.pair('users/bal'),
    keys.pair('interfaces/'),
    keys.local('unit'),
    keys.head,
  ];
  const found = existsSync(file) ? await salvageEntries(file, wanted) : new Map<string, Buffer>();
  const kept: Kept = {
    facts: factsFromKey(folder),
    head: {},
    pair: new Map(),
    unit: new Map(),
    unreadable: [],
  };
  for (const [key, bytes] of found) {
    const value = parsed(bytes);
    const path = key.slice(2);
    if (key === keys.head) kept.head = value ?? {};
    else if (key === keys.local('unit')) kept.facts = asFacts(value) ?? kept.facts;
    else if (value === undefined || !isKnown(catalog, path)) kept.unreadable.push(path);
    else if (key.startsWith(keys.unit(''))) kept.unit.set(path, value);
    else if (ESSENTIAL.test(path)) kept.pair.set(path, value);
  }
  return kept;
}

async function fill(
  at: string,
  catalog: Catalog,
  kept: Kept,
  mode: 'first' | 'second',
  now: Date,
): Promise<void> {
  const port = openLmdb(at);
  const store = await Store.open({ port, catalog, rules: RULES, now: () => now });
  try {
    await store.writeLocal('unit', kept.facts);
    const commit = (changes: Change[]): Promise<unknown> =>
      store.commit({ changes, kind: 'init', author: 'lockstep', reason: 'rebuild from the partner' });
    const minimal: Change[] = [
      { op: 'put', path: 'ha', value: { mode } },
      { op: 'put', path: 'users/bal', value: {} },
    ];
    // A record that reads well may still say something that is not valid: then without what is not indispensable.
    await commit(essentials(catalog, kept, mode)).catch(() => commit(minimal));
    const asleep = [...kept.unit].filter(([path]) => !ESSENTIAL.test(path));
    const own = asleep.filter(([path]) => catalog.kindOf(path).scope === 'unit');
    for (const [path, value] of own)
      await commit([{ op: 'put', path, value }]).catch(() => kept.unreadable.push(path));
    // The other halves wait for the record that the partner sends.
    const halves = asleep.filter(([path]) => catalog.kindOf(path).scope === 'mixed');
    await port.batch({
      expect: [],
      put: halves.map(([path, value]) => [keys.unit(path), toBytes(value)]),
      remove: [],
    });
    await store.setRole('standby', Number.isSafeInteger(kept.head.epoch) ? (kept.head.epoch as number) : 0);
  } finally {
    await store.close();
  }
}

function essentials(catalog: Catalog, kept: Kept, mode: 'first' | 'second'): Change[] {
  const paths = new Set([
    'ha',
    'users/bal',
    ...[...kept.pair.keys(), ...kept.unit.keys()].filter(path => ESSENTIAL.test(path)),
  ]);
  return [...paths].flatMap((path): Change[] => {
    const halves = { pair: kept.pair.get(path) ?? {}, unit: kept.unit.get(path) };
    const value = joinRecord(catalog.kindOf(path), halves);
    if (value === undefined) return [];
    return [{ op: 'put', path, value: path === 'ha' ? { ...value, mode } : value }];
  });
}

/** `init` writes the id into the comment of the client key, where it is left when the store is lost. */
function factsFromKey({ clientKey, hostKey }: UnitFolder): UnitFacts {
  for (const file of [clientKey, hostKey]) {
    const id = /lockstep (?:client|host) (\S+)$/.exec(
      parsePrivateKey(readFileSync(file, 'utf8'), file).public,
    )?.[1];
    if (id !== undefined) return { id, port: DEFAULT_PORT, createdAt: '' };
  }
  throw new LockstepError('damaged-store', 'Neither the store nor the keys tell the id of this unit.', {
    hint: 'Make the unit anew with lockstep init, and pair it again.',
  });
}

function asFacts(value: JsonObject | undefined): UnitFacts | undefined {
  return typeof value?.id === 'string' &&
    typeof value.port === 'number' &&
    typeof value.createdAt === 'string'
    ? (value as unknown as UnitFacts)
    : undefined;
}

function isKnown(catalog: Catalog, path: string): boolean {
  try {
    return catalog.kindOf(path) !== undefined;
  } catch {
    return false;
  }
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const value = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
