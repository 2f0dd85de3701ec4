import { drillOf } from './backup.ts';
import {
  type Check,
  failure,
  notChecked,
  ofBoth,
  ofEach,
  ok,
  type Step,
  UNKNOWN,
  type Verdict,
  warning,
} from './check.ts';
import type { Examination } from './examination.ts';
import { readinessOf, standbyOf } from './readiness.ts';

const STEP = { group: 'step', ofPair: true } as const;
const DAY_MS = 86_400_000;
/** Certificates change more seldom than the rest. */
const CERTIFICATE_DAYS = 30;

/** A warning of these checks is a failure before the step. */
const RAISED: Record<Step, ReadonlySet<string>> = {
  takeover: new Set([
    'in-step',
    'paused',
    'same-release',
    'same-schema',
    'link-up',
    'certificates',
    'disk-space',
  ]),
  replace: new Set([
    'in-step',
    'paused',
    'provisional',
    'same-release',
    'same-schema',
    'branches',
    'partner-address',
  ]),
  'release-update': new Set(['in-step', 'paused', 'provisional', 'branches', 'disk-space', 'preferred-host']),
};
/** What a step does to the pair on purpose is no warning before it. */
const EXPECTED: Record<Step, ReadonlySet<string>> = {
  takeover: new Set(),
  replace: new Set(['preferred-host']),
  'release-update': new Set(['same-release', 'same-schema']),
};

const nothingUnsent: Check = {
  ...STEP,
  code: 'nothing-unsent',
  holds: 'The standby lacks nothing that was changed.',
  why: 'What was not sent is missing as soon as the other unit serves.',
  hint: 'lockstep force-update on the active unit.',
  check: facts => {
    const active = [facts.here, facts.there].find(unit => unit?.unit.role === 'active');
    if (!active) return failure(facts.there === null ? UNKNOWN : 'no unit is active');
    const { unsent, heldBack } = active.state;
    const here = `${unsent ?? 0} revisions unsent, ${heldBack} records held back`;
    return (unsent ?? 0) + heldBack === 0
      ? ok('all is sent', { here })
      : failure(`${active.unit.name} holds what its partner lacks`, { here });
  },
};

const ready: Check = {
  ...STEP,
  code: 'takeover-ready',
  holds: 'The standby could serve all that it holds.',
  why: 'What is not ready fails the moment it takes over.',
  hint: 'lockstep status on the standby names what would fail.',
  check: facts => {
    const found = readinessOf(facts);
    if ('outcome' in found)
      return failure(found.message, found.hint === undefined ? {} : { hint: found.hint });
    const { name, readiness } = found;
    const here = `${name} looked at ${readiness.checkedAt}`;
    const failing = readiness.findings.filter(({ fails }) => fails);
    if (readiness.ready === true) return ok('it is ready', { here });
    return failure(
      failing.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ') ||
        'it is not ready',
      { here },
    );
  },
};

const provedWithin = (days: number): Check => ({
  ...STEP,
  code: 'backup-proved',
  holds: `On each unit a drill of a backup has passed within ${days === 1 ? 'a day' : `${days} days`}.`,
  why: 'When the step goes wrong, the bundle is the way back.',
  hint: 'lockstep backup create, then lockstep backup drill FILE, on both units.',
  check: facts =>
    raised(
      facts.there === null
        ? notChecked(UNKNOWN)
        : ofEach(facts, unit => drillOf(unit, facts.now, days * DAY_MS)),
    ),
});

const partnerKnown: Check = {
  ...STEP,
  code: 'partner-examined',
  holds: 'Both units could be examined.',
  why: 'The step needs both, and half an examination tells half.',
  hint: 'Bring the partner back first: lockstep status there.',
  check: ({ there, thereUnknown }) => (there === null ? failure(thereUnknown) : ok('both were examined')),
};

function certificateBundleOf({ backup: { certificateBundle } }: Examination): string {
  return certificateBundle === null ? 'none' : `${certificateBundle.name}, ${certificateBundle.at}`;
}

const certificateBundle: Check = {
  ...STEP,
  code: 'certificate-bundle',
  holds: `There is a bundle of the certificates that is not older than ${CERTIFICATE_DAYS} days.`,
  why: 'A configuration bundle holds no private keys: should the unit that stays fail meanwhile, they are in no other place.',
  hint: 'lockstep certs backup makes one; whether its passphrase is known is seen by lockstep backup verify FILE.',
  check: facts =>
    ofBoth(facts, (here, there) => {
      const sides = { here: certificateBundleOf(here), there: certificateBundleOf(there) };
      if (here.certificates.keys + there.certificates.keys === 0)
        return ok('no unit holds a private key of a Virtual Service', sides);
      const at = [here, there]
        .flatMap(({ backup }) => backup.certificateBundle?.at ?? [])
        .sort()
        .at(-1);
      if (at === undefined) return warning('there is none in the folder of either unit', sides);
      return facts.now - Date.parse(at) > CERTIFICATE_DAYS * DAY_MS
        ? warning('the newest one is older', sides)
        : ok('there is one; its passphrase has to be known', sides);
    }),
};

const staysPreferred: Check = {
  ...STEP,
  code: 'preferred-host-set',
  holds: 'The unit that stays is preferred.',
  why: 'Otherwise the new unit may become active before it holds the configuration.',
  hint: 'lockstep set ha/preferredHost first, or second: the one that is active now.',
  check: facts =>
    ofBoth(facts, (here, there) => {
      const active = [here, there].find(({ unit }) => unit.role === 'active');
      const sides = { here: here.ha.preferredHost };
      return active !== undefined && here.ha.preferredHost === active.unit.mode
        ? ok(`${active.unit.name} is preferred`, sides)
        : failure(
            `${active?.unit.name ?? 'the active unit'} is not preferred, so either unit may be active`,
            sides,
          );
    }),
};

const standbyFirst: Check = {
  ...STEP,
  code: 'standby-first',
  holds: 'It is known which unit is updated first.',
  why: 'The standby first means one takeover and no gap; the active unit first means two.',
  hint: 'Exactly one unit must be active: lockstep status.',
  check: facts => {
    const standby = standbyOf(facts);
    if (facts.there === null || standby === undefined)
      return failure(facts.there === null ? UNKNOWN : 'no unit is standby');
    const other = standby === facts.here ? facts.there : facts.here;
    const releases = {
      here: `release ${facts.here.unit.release}`,
      there: `release ${facts.there.unit.release}`,
    };
    return standby.unit.release === other.unit.release
      ? ok(
          `first ${standby.unit.name}, which is standby; then lockstep takeover there; then ${other.unit.name}`,
          releases,
        )
      : ok(`one unit runs another release already: finish the rollout with the other one`, releases);
  },
};

export const STEP_CHECKS: Record<Step, Check[]> = {
  takeover: [ready, nothingUnsent],
  replace: [partnerKnown, nothingUnsent, provedWithin(1), certificateBundle, staysPreferred],
  'release-update': [partnerKnown, standbyFirst, nothingUnsent, provedWithin(7)],
};

function raised(verdict: Verdict): Verdict {
  return verdict.outcome === 'ok' ? verdict : { ...verdict, outcome: 'failure' };
}

/** A verdict as it counts before `step`. */
export function before(step: Step | undefined, code: string, verdict: Verdict): Verdict {
  if (step === undefined || verdict.outcome !== 'warning') return verdict;
  if (RAISED[step].has(code)) return raised(verdict);
  return EXPECTED[step].has(code) ? { ...verdict, outcome: 'ok' } : verdict;
}
