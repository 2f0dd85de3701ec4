import type { Examination } from './examination.ts';

/** The steps before which a pair can be judged more strictly. */
export const STEPS = ['takeover', 'replace', 'release-update'] as const;
export type Step = (typeof STEPS)[number];

/** All that the checks look at. */
export interface DoctorFacts {
  /** The unit that was asked. */
  here: Examination;
  /** null: what the partner would say is not known, `thereUnknown` says why. */
  there: Examination | null;
  thereUnknown: string;
  /** null: not measured. */
  latencyMs: number | null;
  /** The partner's clock minus ours; null: not measured. */
  skewMs: number | null;
  /** Whether both know the same password of bal; null: not proved, `balUnknown` says why. */
  sameBal: boolean | null;
  balUnknown: string;
  /** Milliseconds since 1970. */
  now: number;
}

export type Outcome = 'ok' | 'warning' | 'failure' | 'not-checked';

/** What one check says. */
export interface Verdict {
  outcome: Outcome;
  /** What was found, in one sentence without its end. */
  message: string;
  /** The fact on this unit, and on its partner. */
  here?: string;
  there?: string;
  /** What to type, or to do. */
  hint?: string;
}

/** One thing that must hold; `check` is asked only where it `applies`. */
export interface Check {
  code: string;
  group: Group;
  /** What must hold, in one sentence. */
  holds: string;
  /** Why it matters, in one sentence. */
  why: string;
  hint?: string;
  /** Only of a unit that is set up for a pair. */
  ofPair?: true;
  check(facts: DoctorFacts): Verdict;
}

/** What a check is about. */
export type Group =
  | 'pair'
  | 'connection'
  | 'addresses'
  | 'interfaces'
  | 'services'
  | 'release'
  | 'time'
  | 'machine'
  | 'certificates'
  | 'backup'
  | 'step'
  | 'outside';

/** What the doctor says of one check. */
export interface DoctorFinding extends Verdict {
  code: string;
  group: Group;
  holds: string;
  why: string;
}

export const ok = (message: string, facts: Pick<Verdict, 'here' | 'there'> = {}): Verdict => ({
  outcome: 'ok',
  message,
  ...facts,
});
export const warning = (message: string, more: Omit<Verdict, 'outcome' | 'message'> = {}): Verdict => ({
  outcome: 'warning',
  message,
  ...more,
});
export const failure = (message: string, more: Omit<Verdict, 'outcome' | 'message'> = {}): Verdict => ({
  outcome: 'failure',
  message,
  ...more,
});
export const notChecked = (message: string, more: Omit<Verdict, 'outcome' | 'message'> = {}): Verdict => ({
  outcome: 'not-checked',
  message,
  ...more,
});

/** The answer says once why. */
export const UNKNOWN = 'the partner could not be asked';

/** What `judge` says of both units, or that the partner's facts are missing. */
export function ofBoth(
  { here, there }: DoctorFacts,
  judge: (here: Examination, there: Examination) => Verdict,
): Verdict {
  return there === null ? notChecked(UNKNOWN) : judge(here, there);
}

/** The worst that `judge` says of one unit, with the fact of each; what is well here alone is not known to be well. */
export function ofEach(
  { here, there }: DoctorFacts,
  judge: (unit: Examination) => Verdict & { fact: string },
): Verdict {
  const { fact, ...own } = judge(here);
  if (here.unit.mode === 'single') return { ...own, here: fact };
  if (there === null) {
    if (own.outcome === 'ok') return notChecked(`so it is here; ${UNKNOWN}`, { here: fact });
    return { ...own, message: named(here, own), here: fact };
  }
  const { fact: theirs, ...other } = judge(there);
  const [worst, unit] = RANK[other.outcome] > RANK[own.outcome] ? [other, there] : [own, here];
  return { ...worst, message: named(unit, worst), here: fact, there: theirs };
}

const RANK: Record<Outcome, number> = { ok: 0, 'not-checked': 1, warning: 2, failure: 3 };

function named({ unit }: Examination, { outcome, message }: Verdict): string {
  return outcome === 'ok' ? message : `${unit.name}: ${message}`;
}

/** Both values side by side; they must be the same. */
export function same(
  facts: DoctorFacts,
  what: string,
  value: (unit: Examination) => string,
  otherwise: (message: string, more: Omit<Verdict, 'outcome' | 'message'>) => Verdict,
): Verdict {
  return ofBoth(facts, (here, there) => {
    const sides = { here: value(here), there: value(there) };
    return sides.here === sides.there
      ? ok(`both have ${what} ${sides.here}`, sides)
      : otherwise(`${what} differs`, sides);
  });
}
