/** Which revisions a unit keeps. Pure: facts in, one revision and its reason out. */

/** How much history is kept (schema/kinds/history.schema.json). */
export interface Retention {
  /** So many of the newest revisions stay, however old they are. */
  least: number;
  /** Older ones go … */
  days: number;
  /** … and of younger ones, those that come on top of so many. */
  most: number;
}

export interface HistoryFacts {
  newest: number;
  /** The oldest revision that is kept now; 0: all are. */
  oldest: number;
  /** The newest revision that is older than `Retention.days`; 0: none is. */
  aged: number;
  /** Revisions from which on the history is needed, and what for. */
  needed: readonly Need[];
}

export interface Need {
  revision: number;
  /** partner: what came after its last receipt is sent to it, or becomes a branch · files: the mirror goes on from it at a start. */
  by: 'partner' | 'files';
}

/** What decides: a bound of the retention, or that older ones are still needed. */
export interface Kept {
  revision: number;
  because: keyof Retention | Need['by'];
}

/** The oldest revision to keep, and why not a later one. Never one before `oldest`: what is gone does not come back. */
export function oldestToKeep({ least, most }: Retention, facts: HistoryFacts): Kept {
  const { newest, oldest, aged, needed } = facts;
  const byMost: Kept = { revision: newest - most + 1, because: 'most' };
  const byDays: Kept = { revision: aged + 1, because: 'days' };
  const byLeast: Kept = { revision: newest - least + 1, because: 'least' };
  const asked = byMost.revision > byDays.revision ? byMost : byDays;
  const needs = needed.map(({ revision, by }): Kept => ({ revision, because: by }));
  const first = [byLeast, ...needs].reduce(
    (one, other) => (other.revision < one.revision ? other : one),
    asked,
  );
  return { ...first, revision: Math.max(first.revision, oldest) };
}
