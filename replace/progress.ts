import { all, type Condition } from './conditions.ts';
import type { Seen, UnitSeen } from './observe.ts';
import type { Letter } from './plan.ts';
import type { Step } from './step.ts';

/** Where a replacement stands. */
export interface Standing {
  /** Index of the step that comes next; the number of steps: all are done. */
  next: number;
  step: Step | undefined;
  /** Why its end does not hold yet. */
  missing: string[];
  /** Why it cannot be begun now. */
  obstacles: string[];
  /** Nothing is in the way, or undone again, but that units do not see each other, as after a restart: that passes. */
  passing: boolean;
}

interface Known {
  begun: ReadonlySet<string>;
  done: ReadonlySet<string>;
  /** What is in the way of any step. */
  guards?(step: Step): Condition;
}

/**
 * The first step whose end does not hold. It is measured every time; only what a later step has ended on purpose, and so
 * cannot be measured any more, is taken from the journal.
 */
export function standing(
  steps: readonly Step[],
  seen: Seen,
  { begun, done, guards = () => all() }: Known,
): Standing {
  for (const [next, step] of steps.entries()) {
    if (done.has(step.id) && step.until !== undefined && isBegun(steps, step.until, begun)) continue;
    const missing = step.after(seen);
    if (missing.length === 0) continue;
    const against = (now: Seen): string[] => [...new Set([...guards(step)(now), ...step.before(now)])];
    const obstacles = against(seen);
    const met = inSight(seen);
    const passing =
      obstacles.length > 0 ? against(met).length === 0 : done.has(step.id) && step.after(met).length === 0;
    return { next, step, missing, obstacles, passing };
  }
  return { next: steps.length, step: undefined, missing: [], obstacles: [], passing: false };
}

/** A step that ended another one stays behind us when a later one was begun too. */
function isBegun(steps: readonly Step[], id: string, begun: ReadonlySet<string>): boolean {
  const at = steps.findIndex(step => step.id === id);
  return at >= 0 && steps.slice(at).some(step => begun.has(step.id));
}

/** The same, as if all partners saw each other. */
function inSight(seen: Seen): Seen {
  const units: Seen['units'] = {};
  for (const [letter, unit] of Object.entries(seen.units) as [Letter, UnitSeen][])
    units[letter] = { ...unit, partner: unit.partner === null ? null : { ...unit.partner, seen: true } };
  return { ...seen, units };
}
