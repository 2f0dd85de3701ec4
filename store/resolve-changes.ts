import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { assertPlainJson, isObject, type Json, type JsonObject } from '../schema/json.ts';
import {
  joinRecord,
  type SplitRecord,
  splitRecord,
  unmaskSecrets,
  withIdentity,
  withValueAt,
} from '../schema/record.ts';
import { type Change, hasEffect, type Transition } from './transition.ts';
import type { RecordReader } from './view.ts';

/**
 * Turn changes into what they do to records, in their order; records that end as they were are left out.
 * Throws `unknown-path`, `bad-id`, `no-such-record`, `id-mismatch`, `secret-unknown`, `invalid-value`.
 */
export async function resolveChanges(
  catalog: Catalog,
  records: RecordReader,
  changes: Change[],
): Promise<Transition[]> {
  const drafts = new Map<string, Transition>();
  const draftOf = async (path: string): Promise<Transition> => {
    const known = drafts.get(path);
    if (known !== undefined) return known;
    const kind = catalog.kindOf(path);
    const before = await records.split(path, kind);
    const draft = { path, kind, before, after: before };
    drafts.set(path, draft);
    return draft;
  };
  /** What this change itself wrote: a removal finds the rest in the store. */
  const written = new Set<string>();
  const rest = pauses();
  for (const change of changes) {
    const pause = rest();
    if (pause !== undefined) await pause;
    if (change.op === 'remove') await removeBelow(catalog, records, change.path, written, draftOf);
    else {
      applyTo(await draftOf(change.path), change);
      written.add(change.path);
    }
  }
  return [...drafts.values()].filter(hasEffect);
}

async function removeBelow(
  catalog: Catalog,
  records: RecordReader,
  path: string,
  written: Set<string>,
  draftOf: (path: string) => Promise<Transition>,
): Promise<void> {
  catalog.resolve(path);
  const below = new Set<string>();
  for await (const each of records.paths(path)) below.add(each);
  const prefix = `${path}/`;
  for (const draft of written) if (draft === path || draft.startsWith(prefix)) below.add(draft);
  if (below.size === 0)
    throw new LockstepError('no-such-record', `There is nothing at ${path}.`, { facts: { path } });
  for (const each of below) (await draftOf(each)).after = { pair: undefined, unit: undefined };
}

function applyTo(draft: Transition, change: Exclude<Change, { op: 'remove' }>): void {
  const current = joinRecord(draft.kind, draft.after);
  if (change.op === 'put') draft.after = put(draft, change.value, current);
  else draft.after = splitRecord(draft.kind, withField(draft, change, current));
}

function put(draft: Transition, given: JsonObject, current: JsonObject | undefined): SplitRecord {
  assertPlainJson(given, draft.path);
  const value = unmaskSecrets(draft.kind, draft.path, withIdentity(draft.kind, draft.path, given), current);
  const { pair, unit } = splitRecord(draft.kind, value);
  return { pair, unit: unit ?? (draft.kind.scope === 'mixed' ? draft.after.unit : undefined) };
}

function withField(
  draft: Transition,
  change: { op: 'set' | 'unset'; field: string[]; value?: Json },
  current: JsonObject | undefined,
): JsonObject {
  if (change.op === 'unset' && current === undefined) {
    throw new LockstepError('no-such-record', `There is nothing at ${draft.path}.`, {
      facts: { path: draft.path },
    });
  }
  if (change.value !== undefined) assertPlainJson(change.value, draft.path);
  const value = withValueAt(
    current ?? withIdentity(draft.kind, draft.path, {}),
    change.field,
    change.op === 'set' ? change.value : undefined,
  );
  if (!isObject(value)) throw new LockstepError('invalid-value', `${draft.path} must be an object.`);
  return unmaskSecrets(draft.kind, draft.path, withIdentity(draft.kind, draft.path, value), current);
}
