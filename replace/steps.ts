import { LockstepError } from '../schema/error.ts';
import { called, type Kind, type Plan } from './plan.ts';
import type { PlanKind } from './plan-kind.ts';
import { both } from './plans/both.ts';
import { disaster } from './plans/disaster.ts';
import { grow } from './plans/grow.ts';
import { one } from './plans/one.ts';
import { shrink } from './plans/shrink.ts';
import type { Step } from './step.ts';
import { StepMaker } from './step-maker.ts';

const PLANS: Record<Kind, PlanKind> = { both, one, disaster, grow, shrink };

/** The steps of one plan, in order. */
export function stepsOf(plan: Plan): Step[] {
  return PLANS[plan.kind].steps(new StepMaker(plan));
}

/** What `abort` does. Throws `replace-step`: it is too late. */
export function stepsBack(plan: Plan, begun: ReadonlySet<string>): Step[] {
  const kind = PLANS[plan.kind];
  const none = kind.noWayBack(letter => called(plan, letter), begun);
  if (none === undefined) return kind.stepsBack(new StepMaker(plan), begun);
  throw new LockstepError('replace-step', `There is no way back to the old units from here: ${none.why}.`, {
    hint: none.instead,
  });
}
