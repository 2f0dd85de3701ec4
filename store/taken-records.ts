import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { type SplitRecord, unitScopedFields } from '../schema/record.ts';
import type { Head } from './head.ts';
import { notStandby, senderFellBack, staleEpoch, unitScope } from './refusals.ts';
import type { PairChange, TrialUpdate, UpdateRequest } from './requests.ts';
import { hasEffect, type Transition } from './transition.ts';
import type { RecordReader } from './view.ts';
import { witnessOf } from './witness.ts';

const NEITHER: SplitRecord = { pair: undefined, unit: undefined };

/**
 * What an update does to the records here. `held`: how many shared records there are; where there are none, none is looked for.
 * Throws `unknown-path`, `bad-message`, and `unit-scope` whatever the sender believes.
 */
export async function takenTransitions(
  catalog: Catalog,
  records: RecordReader,
  changes: PairChange[],
  held: number,
): Promise<Transition[]> {
  const transitions: Transition[] = [];
  const seen = new Set<string>();
  const rest = pauses();
  for (const { path, value, prepared } of changes) {
    const pause = rest();
    if (pause !== undefined) await pause;
    const kind = prepared?.kind ?? catalog.kindOf(path);
    if (seen.has(path)) throw new LockstepError('bad-message', `The update names ${path} twice.`);
    seen.add(path);
    if (prepared === undefined) assertShared(kind, path, value);
    const before = held === 0 && kind.scope === 'pair' ? NEITHER : await records.split(path, kind);
    const after = { pair: value ?? undefined, unit: before.unit };
    const transition = { path, kind, before, after, prepared };
    if (hasEffect(transition)) transitions.push(transition);
  }
  return transitions;
}

/** Throws `unit-scope` for what belongs to one unit alone. */
export function assertShared(kind: Kind, path: string, half: JsonObject | null): void {
  const crossing = half === null ? [] : unitScopedFields(kind, half);
  if (kind.scope === 'unit' || crossing.length > 0) throw unitScope(path, crossing);
}

/** Throws `not-standby`, `stale-epoch`. */
export function assertMayTake(update: Pick<TrialUpdate, 'from' | 'epoch'>, head: Head): void {
  if (head.role !== 'standby') throw notStandby(update, head);
  if (update.epoch < head.epoch) throw staleEpoch(update, head);
}

/**
 * Throws `fallen-back` for a sender that is older than what this unit took from it. It ought to know by itself; a
 * release that keeps no witness does not: such a one compares the trees where it ought to know the state that it sent.
 */
export function assertNotOlder(update: UpdateRequest, head: Head): void {
  const { source, from, changes, brought, target } = update;
  const seen = source && witnessOf(source.store, head.witnessed);
  if (source === undefined || seen === undefined) return;
  const forgot =
    source.store === '' &&
    source.exact &&
    seen.digest === head.digest &&
    changes.length > 0 &&
    brought.length === 0;
  if (source.revision < seen.revision || (forgot && target !== head.digest))
    throw senderFellBack(from, source.revision, seen.revision);
}
