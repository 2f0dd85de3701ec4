import { LockstepError } from '../../schema/error.ts';
import { addressChecks } from './addresses.ts';
import { backupChecks } from './backup.ts';
import { certificateChecks } from './certificates.ts';
import type { Check, DoctorFacts, DoctorFinding, Outcome, Step } from './check.ts';
import { connectionChecks } from './connection.ts';
import { interfaceChecks } from './interfaces.ts';
import { machineChecks } from './machine.ts';
import { outsideChecks } from './outside.ts';
import { pairChecks } from './pair.ts';
import { passwordChecks } from './passwords.ts';
import { readinessChecks } from './readiness.ts';
import { releaseChecks } from './release.ts';
import { ruleChecks } from './rules.ts';
import { before, STEP_CHECKS } from './steps.ts';
import { timeChecks } from './time.ts';

export const CHECKS: readonly Check[] = [
  ...pairChecks,
  ...passwordChecks,
  ...connectionChecks,
  ...addressChecks,
  ...interfaceChecks,
  ...ruleChecks,
  ...releaseChecks,
  ...timeChecks,
  ...machineChecks,
  ...certificateChecks,
  ...readinessChecks,
  ...backupChecks,
  ...outsideChecks,
];

/**
 * What every check says of these facts, in the order of the checks; judged for `step` where one is named.
 * Throws `not-paired` for a step of a single unit.
 */
export function examine(facts: DoctorFacts, step?: Step): DoctorFinding[] {
  const checks = [...CHECKS, ...(step === undefined ? [] : STEP_CHECKS[step])];
  const single = facts.here.unit.mode === 'single';
  if (single && step !== undefined)
    throw new LockstepError('not-paired', 'This is a single unit; the steps are those of a pair.', {
      hint: 'lockstep doctor, without --before.',
    });
  return checks
    .filter(({ ofPair }) => !(single && ofPair === true))
    .map(({ code, group, holds, why, hint, check }) => {
      const verdict = before(step, code, check(facts));
      const wrong = verdict.outcome === 'warning' || verdict.outcome === 'failure';
      return { code, group, holds, why, ...(wrong && hint !== undefined ? { hint } : {}), ...verdict };
    });
}

export function countOf(findings: DoctorFinding[]): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { ok: 0, warning: 0, failure: 0, 'not-checked': 0 };
  for (const { outcome } of findings) counts[outcome]++;
  return counts;
}
