import {
  type Check,
  type DoctorFacts,
  failure,
  notChecked,
  ofEach,
  ok,
  type Verdict,
  warning,
} from './check.ts';
import type { Examination, Place } from './examination.ts';
import { readinessOf } from './readiness.ts';

const MAX_NAMED = 10;
const CERTIFICATE = /^(certificates|intermediates)\//;

export const certificateChecks: Check[] = [
  {
    group: 'certificates',
    code: 'certificates',
    holds: 'Every certificate of each unit is valid, has its key, and is for the hosts that it is shown for.',
    why: 'Clients turn away from a service whose certificate has expired, and administrators from the web interface.',
    hint: 'lockstep certs list on that unit; lockstep certs add NAME FILE… --replace on the active one, with --web on the unit itself.',
    check: facts => orUnread(facts, ofEach(facts, judge)),
  },
];

/** By the days, hosts and keys that each unit counts, and by what the standby has found when it looked into them. */
function judge({ certificates, state }: Examination): Verdict & { fact: string } {
  const { count, next, findings } = certificates;
  const fact = next === null ? 'none' : `${count}; the first to end is ${next.name}, in ${days(next.days)}`;
  const named = new Set(findings.map(({ path }) => path));
  const looked = (state.readiness?.findings ?? []).filter(
    ({ path }) => CERTIFICATE.test(path) && !named.has(path),
  );
  const all = [...findings, ...looked];
  if (all.length === 0) return { ...ok('every certificate serves'), fact };
  const outcome = all.some(({ fails }) => fails) ? failure : warning;
  return { ...outcome(wordsOf(all)), fact };
}

/** What a unit counts is not all: whether each key fits is looked at by the standby. */
function orUnread(facts: DoctorFacts, verdict: Verdict): Verdict {
  if (verdict.outcome !== 'ok' || facts.here.unit.mode === 'single') return verdict;
  const found = readinessOf(facts);
  if (!('outcome' in found)) return verdict;
  const { outcome: _outcome, message: _message, ...sides } = verdict;
  return notChecked(`each serves by day and host; whether the keys fit is not known: ${found.message}`, {
    ...sides,
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
}

function wordsOf(places: Place[]): string {
  const more = places.length > MAX_NAMED ? `; and ${places.length - MAX_NAMED} more` : '';
  return `${places
    .slice(0, MAX_NAMED)
    .map(({ path, message }) => `${path}: ${message}`)
    .join('; ')}${more}`;
}

function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}
