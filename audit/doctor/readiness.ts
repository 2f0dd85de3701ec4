import {
  type Check,
  type DoctorFacts,
  failure,
  notChecked,
  ok,
  UNKNOWN,
  type Verdict,
  warning,
} from './check.ts';
import type { Examination, Place, Readiness } from './examination.ts';

const CERTIFICATE = /^(certificates|intermediates)\//;

export const readinessChecks: Check[] = [
  {
    group: 'certificates',
    ofPair: true,
    code: 'records',
    holds: 'Everything that a record of the standby refers to is there.',
    why: 'The standby could not serve it after a takeover.',
    hint: 'lockstep status on the standby names each; lockstep verify-store looks for damage.',
    check: facts =>
      judge(facts, ({ path }) => path !== '' && !CERTIFICATE.test(path), 'every record finds what it needs'),
  },
];

/** The unit that waits: the one that would have to serve. */
export function standbyOf({ here, there }: DoctorFacts): Examination | undefined {
  return [here, there].find(unit => unit?.unit.role === 'standby') ?? undefined;
}

/** Its name, and what it says of its readiness; otherwise why that is not known. */
export function readinessOf(facts: DoctorFacts): { name: string; readiness: Readiness } | Verdict {
  const standby = standbyOf(facts);
  if (standby === undefined)
    return notChecked(
      facts.there === null ? `the standby looks at it, and ${UNKNOWN}` : 'no unit is standby',
    );
  const { readiness } = standby.state;
  if (readiness === null || readiness.checkedAt === null)
    return notChecked(`${standby.unit.name} has not looked at its records yet`, {
      hint: 'Try again in a moment.',
    });
  return { name: standby.unit.name, readiness };
}

function judge(facts: DoctorFacts, isMeant: (place: Place) => boolean, fine: string): Verdict {
  const found = readinessOf(facts);
  if ('outcome' in found) return found;
  const { name, readiness } = found;
  const sides = { here: `${name} looked at ${readiness.checkedAt}` };
  const meant = readiness.findings.filter(isMeant);
  if (meant.length === 0) return ok(fine, sides);
  const words = meant.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return meant.some(({ fails }) => fails) ? failure(words, sides) : warning(words, sides);
}
