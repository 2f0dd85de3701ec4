/** What an audit has found, ready to be shown, sent or kept. */
import { CLASSES, type Difference, type DriftClass, NO_DRIFT, type Verdict, type Which } from './classify.ts';
import type { Opening } from './facts.ts';
import { differingFields, type FieldDifference } from './fields.ts';

export interface AuditFinding {
  /** A record; or a file of the mirror, or a place in the store. */
  path: string;
  class: DriftClass;
  /** Where the fault lies, or who lacks it. */
  on?: Which;
  /** Of a record that only one side has, all fields are named. */
  fields: FieldDifference[];
  /** The record is on this side only. */
  only?: 'a' | 'b';
  /** The revision that it is about: of the unit that made it. */
  revision?: number;
  by?: string;
  at?: string;
  reason?: string;
  /** ISO 8601; set by whoever keeps a memory of findings. */
  firstSeen?: string;
}

/** What is told of a side. */
export type AuditEnd = Pick<Opening, 'is' | 'name' | 'role' | 'revision' | 'digest' | 'epoch' | 'release'>;

export interface AuditReport {
  /** ISO 8601. */
  at: string;
  a: AuditEnd;
  b: AuditEnd;
  verdict: 'same' | 'drift' | 'damaged';
  /** How many findings there are of each class. */
  counts: Partial<Record<DriftClass, number>>;
  /** The first 1,000, worst first. */
  findings: AuditFinding[];
  more: number;
  /** Exchanges with the side that is far away. */
  exchanges: number;
  ms: number;
  /** False: something was changed while it was looked at, and kept changing. */
  settled: boolean;
}

const MAX_FINDINGS = 1000;

export interface Compared {
  a: Opening;
  b: Opening;
  differences: Difference[];
  verdicts: Verdict[];
  /** Differing records that nothing is told of, because there are so many. */
  untold: number;
  settled: boolean;
  exchanges: number;
}

/** `with by-design`: only where both sides were asked for it. */
export function makeReport(compared: Compared, at: string, ms: number): AuditReport {
  const { a, b, settled, exchanges } = compared;
  const records = compared.differences.map((difference, index) =>
    recordFinding(difference, compared.verdicts[index] as Verdict),
  );
  const named = new Set(records.filter(({ class: found }) => found === 'corruption').map(({ path }) => path));
  const damage = [...damageOf(a, 'a'), ...damageOf(b, 'b')].filter(({ path }) => !named.has(path));
  const all = [...records, ...damage, ...filesOf(a, 'a'), ...filesOf(b, 'b'), ...ownOf(a, b)].sort(byClass);
  const counts: AuditReport['counts'] = {};
  for (const { class: found } of all) counts[found] = (counts[found] ?? 0) + 1;
  return {
    at,
    a: endOf(a),
    b: endOf(b),
    verdict: verdictOf(all, compared),
    counts,
    findings: all.slice(0, MAX_FINDINGS),
    more: compared.untold + Math.max(0, all.length - MAX_FINDINGS),
    exchanges,
    ms,
    settled,
  };
}

function verdictOf(all: AuditFinding[], { a, b, untold }: Compared): AuditReport['verdict'] {
  if (a.damaged + b.damaged > 0 || all.some(finding => finding.class === 'corruption')) return 'damaged';
  return untold > 0 || all.some(finding => !NO_DRIFT.has(finding.class)) ? 'drift' : 'same';
}

function recordFinding({ a, b }: Difference, verdict: Verdict): AuditFinding {
  const { class: found, on, by } = verdict;
  return {
    path: a.path,
    class: found,
    ...(on === undefined ? {} : { on }),
    fields: differingFields(a.value, b.value),
    ...(b.hash === null && a.hash !== null ? { only: 'a' as const } : {}),
    ...(a.hash === null && b.hash !== null ? { only: 'b' as const } : {}),
    ...(by === undefined ? {} : { revision: by.revision, by: by.author, at: by.at, reason: by.reason }),
  };
}

function damageOf({ damage }: Opening, on: 'a' | 'b'): AuditFinding[] {
  return damage.map(({ path, reason }) => ({ path, class: 'corruption', on, fields: [], reason }));
}

function filesOf({ mirror }: Opening, on: 'a' | 'b'): AuditFinding[] {
  return mirror.map(({ file, reason }) => ({
    path: `config/${file}`,
    class: 'mirror',
    on,
    fields: [],
    reason,
  }));
}

/** Fields that belong to the unit alone; of what only one unit has, too. */
function ownOf(a: Opening, b: Opening): AuditFinding[] {
  if (a.own === undefined || b.own === undefined) return [];
  const [ours, theirs] = [new Map(a.own), new Map(b.own)];
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((path): AuditFinding[] => {
    const [one, other] = [ours.get(path) ?? {}, theirs.get(path) ?? {}];
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
    const fields = names
      .filter(name => one[name] !== other[name])
      .map(field => ({ field, hidden: true as const }));
    return fields.length === 0 ? [] : [{ path, class: 'by-design', fields }];
  });
}

function byClass(one: AuditFinding, other: AuditFinding): number {
  const order = CLASSES.indexOf(one.class) - CLASSES.indexOf(other.class);
  return order !== 0 ? order : one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}

function endOf({ is, name, role, revision, digest, epoch, release }: Opening): AuditEnd {
  return { is, name, role, revision, digest, epoch, release };
}
