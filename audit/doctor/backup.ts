import { type Check, failure, notChecked, ofEach, ok, warning } from './check.ts';
import type { Examination } from './examination.ts';

const DAY_MS = 86_400_000;
/** A drill that is older proves little of what would be restored today. */
const MAX_DRILL_DAYS = 30;

const STATUS_HINT = 'lockstep status on that unit says how to set what is lacking.';

export const backupChecks: Check[] = [
  {
    group: 'backup',
    code: 'backup-schedule',
    holds: 'Each unit makes backups by itself.',
    why: 'A configuration that is lost on both units comes back from a bundle only.',
    hint: 'lockstep set backupSchedule/enabled true, with method, hour and minute.',
    check: facts =>
      ofEach(facts, ({ backup: { method } }) =>
        method === null
          ? { ...warning('no backup schedule is switched on'), fact: 'none' }
          : { ...ok('there is a schedule'), fact: method },
      ),
  },
  {
    group: 'backup',
    code: 'backup-passphrase',
    holds: 'Each unit has a passphrase for its bundles, and all else that a run needs.',
    why: 'The passphrase is not shared: a unit without one makes no bundle when it becomes active.',
    hint: 'lockstep set backupSchedule/passphrase on the unit that lacks it.',
    check: facts =>
      ofEach(facts, ({ backup: { method, passphrase, fault } }) => {
        const fact = passphrase ? 'set' : 'not set';
        if (fault !== null && method !== null)
          return { ...failure(bare(fault), passphrase ? { hint: STATUS_HINT } : {}), fact };
        return passphrase
          ? { ...ok('it is set'), fact }
          : { ...warning('no passphrase for bundles is set'), fact };
      }),
  },
  {
    group: 'backup',
    code: 'backup-run',
    holds: 'The last scheduled backup of each unit was made, and is not old.',
    why: 'A schedule that fails in silence is found out when the bundle is needed.',
    hint: 'lockstep status says what failed; lockstep backup create makes one now.',
    check: facts =>
      ofEach(facts, ({ backup: { method, day, lastRunAt, lastRunFault } }) => {
        const fact = lastRunAt ?? 'never';
        if (lastRunFault !== null)
          return { ...failure(`the last backup failed: ${bare(lastRunFault)}`), fact };
        if (method === null) return { ...notChecked('no backup schedule is switched on'), fact };
        if (lastRunAt === null) return { ...warning('no scheduled backup was made yet'), fact };
        const mostDays = day === 0 ? 2 : 8;
        return facts.now - Date.parse(lastRunAt) > mostDays * DAY_MS
          ? { ...warning(`the last backup is older than ${mostDays} days`), fact }
          : { ...ok('it was made'), fact };
      }),
  },
  {
    group: 'backup',
    code: 'backup-drill',
    holds: `A drill of a backup has passed on each unit within ${MAX_DRILL_DAYS} days.`,
    why: 'Only a bundle that was restored on trial is known to give back what it was made of.',
    hint: 'lockstep backup drill FILE restores one on a scratch unit.',
    check: facts => ofEach(facts, unit => drillOf(unit, facts.now, MAX_DRILL_DAYS * DAY_MS)),
  },
];

/** What the last drills say; one that passed longer ago than `mostMs` is a warning. */
export function drillOf({ backup }: Examination, now: number, mostMs: number) {
  const { drillFault, provedAt, provedName } = backup;
  const fact = provedAt === null ? 'none passed' : `${provedName} passed at ${provedAt}`;
  if (drillFault !== null) return { ...failure(`the last drill failed: ${bare(drillFault)}`), fact };
  if (provedAt === null) return { ...warning('no drill of a backup has ever passed'), fact };
  const old = now - Date.parse(provedAt) > mostMs;
  return old
    ? {
        ...warning(`no drill has passed for ${Math.floor((now - Date.parse(provedAt)) / DAY_MS)} days`),
        fact,
      }
    : { ...ok('a drill has passed'), fact };
}

function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
