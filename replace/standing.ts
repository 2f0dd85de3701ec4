import type { Seen } from './observe.ts';
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
}

/**
 * The first step whose end does not hold. It is measured every time; only what a later step has ended on purpose, and so
 * cannot be measured any more, is taken from the journal.
 */
export function standing(
  steps: readonly Step[],
  seen: Seen,
  { begun, done }: { begun: ReadonlySet<string>; done: ReadonlySet<string> },
): Standing {
  for (const [next, step] of steps.entries()) {
    if (done.has(step.id) && step.until !== undefined && isBegun(steps, step.until, begun)) continue;
    const missing = step.after(seen);
    if (missing.length > 0) return { next, step, missing, obstacles: step.before(seen) };
  }
  return { next: steps.length, step: undefined, missing: [], obstacles: [] };
}

/** A step that ended another one stays behind us when a later one was begun too. */
function isBegun(steps: readonly Step[], id: string, begun: ReadonlySet<string>): boolean {
  const at = steps.findIndex(step => step.id === id);
  return at >= 0 && steps.slice(at).some(step => begun.has(step.id));
}
