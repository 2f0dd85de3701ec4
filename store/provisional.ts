/**
 * A provisional change: unless somebody confirms it in time, it is undone (docs/DOMAIN.md, Changing with a net). Its shared
 * half is undone by whichever unit is active then; its unit half by the unit on which it was made.
 */

import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { isSameJson, type JsonObject } from '../schema/json.ts';
import type { Provisional } from './head.ts';
import { keys } from './keys.ts';
import { type Batch, type Entry, type Reader, withPrefix } from './port.ts';
import { fromBytes, toBytes } from './revision.ts';
import { hasEffect, type Transition, touchesPair } from './transition.ts';
import type { RecordReader } from './view.ts';

/** Which halves are meant. */
export interface Halves {
  pair: boolean;
  unit: boolean;
}

/** A half as it was; null: not there. */
interface Before {
  half: JsonObject | null;
}

type Entries = Pick<Batch, 'put' | 'remove'>;

/** What each half was before, unless an earlier provisional change knows that already. */
export async function provisionalEntries(
  reader: Reader,
  transitions: Transition[],
): Promise<Entries & Halves> {
  const put: Entry[] = [];
  const touched: Halves = { pair: false, unit: false };
  const keep = async (key: string, half: JsonObject | undefined): Promise<void> => {
    if ((await reader.get(key)) === undefined) put.push([key, toBytes({ half: half ?? null })]);
  };
  for (const transition of transitions) {
    const { path, before, after } = transition;
    if (touchesPair(transition)) {
      touched.pair = true;
      await keep(keys.pairBefore(path), before.pair);
    }
    if (!isSameJson(before.unit, after.unit)) {
      touched.unit = true;
      await keep(keys.unitBefore(path), before.unit);
    }
  }
  return { put, remove: [], ...touched };
}

/** The shared half of each record that a provisional change touched, as it was before. */
export async function* pairBefore(reader: Reader): AsyncIterable<[path: string, half: JsonObject | null]> {
  const prefix = keys.pairBefore('');
  for await (const [key, value] of reader.range(withPrefix(prefix)))
    yield [key.slice(prefix.length), (fromBytes<Before & JsonObject>(value) as Before).half];
}

/** What came with an update, in place of what was there. */
export async function entriesOfUpdate(
  reader: Reader,
  changes: { path: string; undo?: JsonObject | null }[],
): Promise<Entries> {
  const put = changes
    .filter(({ undo }) => undo !== undefined)
    .map(({ path, undo }): Entry => [keys.pairBefore(path), toBytes({ half: undo ?? null })]);
  const kept = new Set(put.map(([key]) => key));
  const { remove } = await provisionalRemoval(reader, { pair: true, unit: false });
  return { put, remove: remove.filter(key => !kept.has(key)) };
}

export async function provisionalRemoval(reader: Reader, halves: Halves): Promise<Entries> {
  const remove: string[] = [];
  for (const prefix of prefixes(halves))
    for await (const [key] of reader.range(withPrefix(prefix))) remove.push(key);
  return { put: [], remove };
}

/** What undoes the provisional changes. */
export async function undoing(
  catalog: Catalog,
  reader: Reader,
  records: RecordReader,
  halves: Halves,
): Promise<Transition[]> {
  const drafts = new Map<string, Transition>();
  for (const prefix of prefixes(halves)) {
    for await (const [key, value] of reader.range(withPrefix(prefix))) {
      const path = key.slice(prefix.length);
      const before = await records.split(path);
      const draft = drafts.get(path) ?? { path, kind: catalog.kindOf(path), before, after: before };
      const half = (fromBytes<Before & JsonObject>(value) as Before).half ?? undefined;
      const after = prefix === keys.pairBefore('') ? { pair: half } : { unit: half };
      drafts.set(path, { ...draft, after: { ...draft.after, ...after } });
    }
  }
  return [...drafts.values()].filter(hasEffect);
}

function prefixes({ pair, unit }: Halves): string[] {
  return [...(pair ? [keys.pairBefore('')] : []), ...(unit ? [keys.unitBefore('')] : [])];
}

/** While a change waits to be confirmed, no other may come between: undoing it must give the state before. */
export function waitsToBeConfirmed({ author, reason, at, minutes }: Provisional): LockstepError {
  return new LockstepError(
    'provisional',
    `A change of ${author} waits to be confirmed within ${minutes} min (${reason}); until then nothing else is changed.`,
    {
      hint: 'lockstep confirm keeps it, lockstep confirm --undo takes it back.',
      facts: { author, reason, at, minutes },
    },
  );
}

/** `elsewhere`: it waits on the active unit, and this one is standby. */
export function nothingToConfirm(elsewhere: Provisional | undefined): LockstepError {
  if (elsewhere !== undefined)
    return new LockstepError(
      'not-active',
      'This unit is standby; the change is confirmed on the active unit.',
      {
        hint: 'Type lockstep confirm there.',
      },
    );
  return new LockstepError('nothing-to-confirm', 'No change waits to be confirmed.', {
    hint: 'It may have been undone already: lockstep history tells.',
  });
}
