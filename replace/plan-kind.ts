import type { Letter } from './plan.ts';
import type { Step } from './step.ts';
import type { StepMaker } from './step-maker.ts';

/** What each kind of plan says for itself: docs/REPLACEMENT.md tells it for people. */
export interface PlanKind {
  /** In order. */
  steps(make: StepMaker): Step[];
  /** Back to the old units, as far as the steps that were begun ask for it. */
  stepsBack(make: StepMaker, begun: ReadonlySet<string>): Step[];
  /**
   * Why there is no way back, and what can be done instead; undefined: there is one. It ends where an old unit is given up for
   * a new one: nobody can let it in again without giving the new one up.
   */
  noWayBack(
    name: (letter: Letter) => string,
    begun: ReadonlySet<string>,
  ): { why: string; instead: string } | undefined;
}

export const ANEW =
  'A unit that was given up comes back by a plan of its own (kind one), after a new lockstep init.';
