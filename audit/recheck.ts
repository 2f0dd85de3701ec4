/** Findings of an audit that was made while the sides moved: asked for again, so that what is on its way is not called lost. */
import { ALARMING, classifyAll, type Difference, type DriftClass, type Verdict } from './classify.ts';
import { type CompareOptions, difference } from './compare.ts';
import type { Opening, RecordFacts, Side } from './facts.ts';
import type { Compared } from './report.ts';

/** Broken records show it by themselves: both their halves are of one moment. */
const PROVED_ALONE: ReadonlySet<DriftClass> = new Set(['corruption']);

/**
 * What was compared from two moments says nothing of records that look missed or edited. They are asked for again in the
 * order that no movement can bend: the last receipt that the active unit has; then the records of the standby, which holds all
 * that the receipt covers; then those of the active unit, which show every change that came after it. What still stands out
 * is so. Where a role changes meanwhile nothing is told of these records. Two further exchanges with `b` where something
 * looks odd, three where it is.
 */
export async function recheck(
  found: Compared,
  a: Side,
  b: Side,
  { catalog, nonce }: CompareOptions,
): Promise<Compared> {
  const odd = (verdict: Verdict | undefined): boolean =>
    verdict !== undefined && ALARMING.has(verdict.class) && !PROVED_ALONE.has(verdict.class);
  const suspects = found.differences.filter((_, index) => odd(found.verdicts[index]));
  if (suspects.length === 0) return found;

  let { exchanges } = found;
  const ends = { a: a.now ?? a, b: b.now ?? b };
  const open = (end: 'a' | 'b'): Promise<Opening> => {
    if (end === 'b') exchanges++;
    const known = { digest: found[end].digest, schemaDigest: catalog.digest };
    return ends[end].ask({ ask: 'open', nonce, all: false, ...known });
  };
  const paths = suspects.map(each => each.a.path);
  const records = async (end: 'a' | 'b'): Promise<RecordFacts[]> => {
    if (end === 'b') exchanges++;
    return (await ends[end].ask({ ask: 'details', nonce, paths })).details;
  };

  const [active, standby] = found.a.role === 'active' ? (['a', 'b'] as const) : (['b', 'a'] as const);
  const first = { [active]: await open(active), [standby]: await open(standby) } as Ends;
  const held = { [standby]: await records(standby), [active]: await records(active) } as Halves;
  const differing = paths.flatMap((_, index): Difference[] => {
    const [one, other] = [held.a[index], held.b[index]];
    if (one === undefined || other === undefined || one.hash === other.hash) return [];
    return [difference(one, other, withKinds(first.a, found.a), withKinds(first.b, found.b), catalog)];
  });
  const again = classifyAll(differing, first.a, first.b);
  const isBent = async (): Promise<boolean> =>
    isOther(found.a, first.a) ||
    isOther(found.b, first.b) ||
    isOther(first.a, await open('a')) ||
    isOther(first.b, await open('b'));
  const keep =
    again.some(odd) && (await isBent()) ? again.map(verdict => !odd(verdict)) : again.map(() => true);
  return {
    ...found,
    differences: [
      ...found.differences.filter((_, index) => !odd(found.verdicts[index])),
      ...differing.filter((_, index) => keep[index]),
    ],
    verdicts: [
      ...found.verdicts.filter(verdict => !odd(verdict)),
      ...again.filter((_, index) => keep[index]),
    ],
    exchanges,
  };
}

type Ends = { a: Opening; b: Opening };
type Halves = { a: RecordFacts[]; b: RecordFacts[] };

/** Another part in the pair than before: receipts and records do not belong together. */
function isOther(before: Opening, after: Opening): boolean {
  return before.role !== after.role || before.epoch !== after.epoch || before.unitId !== after.unitId;
}

/** Kinds do not change while a unit runs, so they are told once. */
function withKinds(now: Opening, before: Opening): Opening {
  return before.kinds === undefined ? now : { ...now, kinds: before.kinds };
}
