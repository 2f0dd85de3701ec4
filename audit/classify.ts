/** Why two sides differ in a record. Pure: facts in, one class out. */
import type { Opening, RecordFacts, TraceFacts } from './facts.ts';

/**
 * not-sent: changed on the active unit, and not sent yet · missed: confirmed, but not there · local-edit: changed on that unit, and
 * not by an update · corruption: not what its own hash says · release: the two describe its kind differently, or it needs one of
 * those · mirror: a file that is not what the store holds · by-design: belongs to each unit alone · changed: the two are not units of
 * one pair, so nothing says that they ought to be equal.
 */
export const CLASSES = [
  'corruption',
  'local-edit',
  'missed',
  'not-sent',
  'changed',
  'mirror',
  'release',
  'by-design',
] as const;
export type DriftClass = (typeof CLASSES)[number];

/** Classes that are no drift: nobody has to do anything. */
export const NO_DRIFT: ReadonlySet<DriftClass> = new Set(['release', 'by-design']);
/** Classes that ought not to be there at all, whatever the operator does: they raise an alarm. */
export const ALARMING: ReadonlySet<DriftClass> = new Set(['corruption', 'local-edit', 'missed']);

export type Which = 'a' | 'b' | 'both';

export interface Verdict {
  class: DriftClass;
  /** Where the fault lies, or who lacks it. */
  on?: Which;
  /** The revision that the class is about, of the unit that made it. */
  by?: TraceFacts;
}

export interface Difference {
  a: RecordFacts;
  b: RecordFacts;
  /** Both sides describe the kind of the record alike. */
  sameKind: boolean;
}

type Ends = Pick<Opening, 'is' | 'role' | 'common' | 'commonRevision' | 'pairId'>;

/** The class of each difference; it hangs on the others only where a record needs one that is held back. */
export function classifyAll(differences: Difference[], a: Ends, b: Ends): Verdict[] {
  const heldBack = heldBackPaths(differences);
  return differences.map(difference =>
    classify({ ...difference, sameKind: !heldBack.has(difference.a.path) }, a, b),
  );
}

export function classify({ a, b, sameKind }: Difference, endA: Ends, endB: Ends): Verdict {
  const broken = which(!a.intact, !b.intact);
  if (broken !== undefined) return { class: 'corruption', on: broken };
  if (!sameKind) return { class: 'release' };
  if (endA.is !== 'unit' || endB.is !== 'unit') return changed(a, b, endA);
  if (areStrangers(endA, endB)) return { class: 'changed' };
  const edited = which(isEdit(a, endA), isEdit(b, endB));
  if (endA.role === endB.role) return edited === undefined ? { class: 'missed' } : edit(edited, a, b);
  const aActive = endA.role === 'active';
  const active = aActive ? a : b;
  const [activeEnd, standbyEnd] = aActive ? [endA, endB] : [endB, endA];
  const standbyIs: Which = aActive ? 'b' : 'a';
  if (standbyEnd.common !== '' && (edited === 'both' || edited === standbyIs)) return edit(standbyIs, a, b);
  if (active.trace === undefined ? active.hash !== null : !active.trace.asWritten)
    return { class: 'local-edit', on: aActive ? 'a' : 'b' };
  const by = active.trace;
  const isSent = standbyEnd.common !== '' && (by === undefined || by.revision <= activeEnd.commonRevision);
  return { class: isSent ? 'missed' : 'not-sent', on: standbyIs, ...(by === undefined ? {} : { by }) };
}

function areStrangers({ pairId: one }: Ends, { pairId: other }: Ends): boolean {
  return one !== undefined && other !== undefined && (one !== other || one === '');
}

/** Changed by this unit itself since it was last known to be equal to the other, or by a hand that left no revision. */
function isEdit({ trace, hash }: RecordFacts, { commonRevision }: Ends): boolean {
  if (trace === undefined) return hash !== null;
  return !trace.asWritten || (trace.kind !== 'update' && trace.revision > commonRevision);
}

function edit(on: Which, a: RecordFacts, b: RecordFacts): Verdict {
  const trace = on === 'a' ? a.trace : b.trace;
  return { class: 'local-edit', on, ...(trace?.asWritten ? { by: trace } : {}) };
}

/** The side that is a unit, or else the later one, knows who changed it. */
function changed(a: RecordFacts, b: RecordFacts, endA: Ends): Verdict {
  const [one, other] = endA.is === 'unit' ? [a, b] : [b, a];
  const by = later(one.trace, other.trace);
  return { class: 'changed', ...(by === undefined ? {} : { by }) };
}

function later(one: TraceFacts | undefined, other: TraceFacts | undefined): TraceFacts | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.revision > one.revision ? other : one;
}

/** Records of kinds that the two describe differently, and those that a side cannot hold without one of them. */
function heldBackPaths(differences: Difference[]): Set<string> {
  const held = new Set(differences.filter(({ sameKind }) => !sameKind).map(({ a }) => a.path));
  const lacks = new Set(
    differences.flatMap(({ a, b }) => (a.hash === null || b.hash === null ? [a.path] : [])),
  );
  for (let before = -1; before !== held.size; ) {
    before = held.size;
    for (const { a, b } of differences) {
      const needs = [...a.needs, ...b.needs];
      if (!held.has(a.path) && needs.some(path => held.has(path) && lacks.has(path))) held.add(a.path);
    }
  }
  return held;
}

function which(a: boolean, b: boolean): Which | undefined {
  if (a && b) return 'both';
  return a ? 'a' : b ? 'b' : undefined;
}
