/** Three-way: what a branch changed since both sides parted, laid over what stands now. Pure. */
import { canonicalize, type Json, type JsonObject } from '../schema/json.ts';
import type { BranchChange } from './branch.ts';
import type { Change } from './transition.ts';

export type Side = 'ours' | 'theirs';

/** Both sides changed one thing, and not alike. Absent values: not there. */
export interface Conflict {
  path: string;
  /** Top-level field; without it the conflict is about the whole record. */
  field?: string;
  base?: Json;
  ours?: Json;
  theirs?: Json;
}

export interface MergeInput {
  changes: BranchChange[];
  /** The shared half of a record as it stands now. */
  ours(path: string): JsonObject | undefined;
  /** Records that stand below a path now. */
  below(path: string): string[];
  /** Path of the record that one lives below. */
  parent(path: string): string | undefined;
  /** What the operator decided about a record or a field (`path/field`); undefined: nothing. */
  choose(place: string): Side | undefined;
}

export interface Merged {
  changes: Change[];
  conflicts: Conflict[];
}

export function merge(input: MergeInput): Merged {
  const merged: Merged = { changes: [], conflicts: [] };
  const touched = new Map(input.changes.map(change => [change.path, change]));
  const context: Context = { ...input, touched, settled: new Map() };
  // A record comes before what lives below it.
  for (const path of [...touched.keys()].sort()) {
    const there = mergeRecord(context, touched.get(path) as BranchChange, merged);
    context.settled.set(path, there);
  }
  return { ...merged, changes: withoutRepeatedRemovals(input, merged.changes) };
}

interface Context extends MergeInput {
  touched: Map<string, BranchChange>;
  /** Whether a record will be there after the merge. */
  settled: Map<string, boolean>;
}

/** Resolves to whether the record will be there. */
function mergeRecord(context: Context, change: BranchChange, { changes, conflicts }: Merged): boolean {
  const { path } = change;
  const base = change.base ?? undefined;
  const theirs = change.theirs ?? undefined;
  const ours = context.ours(path);
  const stays = ours !== undefined;
  if (same(ours, theirs) || same(theirs, base)) return stays;
  if (ours !== undefined && theirs !== undefined && !same(ours, base)) {
    const fields = mergeFields(context, path, { base: base ?? {}, ours, theirs }, conflicts);
    if (!same(fields, ours)) changes.push({ op: 'put', path, value: fields });
    return true;
  }
  if (!same(ours, base) || isTorn(context, path, theirs)) {
    const chosen = context.choose(path);
    if (chosen === undefined) conflicts.push({ path, ...present({ base, ours, theirs }) });
    if (chosen !== 'theirs') return stays;
  }
  changes.push(theirs === undefined ? { op: 'remove', path } : { op: 'put', path, value: theirs });
  return theirs !== undefined;
}

/** Whether taking theirs would lose something unseen below, or stand below something that is not there. */
function isTorn(context: Context, path: string, theirs: JsonObject | undefined): boolean {
  const { below, touched, parent, settled, ours } = context;
  if (theirs === undefined) return below(path).some(child => touched.get(child)?.theirs !== null);
  const above = parent(path);
  return above !== undefined && !(settled.get(above) ?? ours(above) !== undefined);
}

function mergeFields(
  input: MergeInput,
  path: string,
  { base, ours, theirs }: Record<'base' | Side, JsonObject>,
  conflicts: Conflict[],
): JsonObject {
  const fields: JsonObject = {};
  for (const field of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const [b, o, t] = [base[field], ours[field], theirs[field]];
    const clash = !same(o, t) && !same(o, b) && !same(t, b);
    const side = clash
      ? (input.choose(`${path}/${field}`) ?? input.choose(path))
      : same(o, b)
        ? 'theirs'
        : 'ours';
    if (side === undefined) conflicts.push({ path, field, ...present({ base: b, ours: o, theirs: t }) });
    const value = side === 'theirs' ? t : o;
    if (value !== undefined) fields[field] = value;
  }
  return fields;
}

/** A removal takes what is below along, and what is gone cannot be removed again. */
function withoutRepeatedRemovals(input: MergeInput, changes: Change[]): Change[] {
  const gone = new Set(changes.filter(({ op }) => op === 'remove').map(({ path }) => path));
  return changes.filter(({ op, path }) => {
    if (op !== 'remove') return true;
    for (let parent = input.parent(path); parent !== undefined; parent = input.parent(parent))
      if (gone.has(parent)) return false;
    return true;
  });
}

function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return canonicalize(one) === canonicalize(other);
}

function present(values: Record<'base' | Side, Json | undefined>): Pick<Conflict, 'base' | Side> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
