import type { Status } from '../../api/contract/status.ts';
import { type Examination, MAX_CHARACTERS, MOST, type Place } from '../../audit/doctor/examination.ts';
import type { Problem } from '../../schema/error.ts';
import { type BackupPlan, planFault } from '../backups/schedule-plan.ts';
import { pacifiedSentence } from '../store-care/starts.ts';

/** What `status` says of this unit and its part in the pair. */
export function stateOf({
  unit,
  sync,
  store,
  takeover,
  files,
  branches,
  provisional,
}: Status): Examination['state'] {
  return {
    sync: sync.state,
    sentence: cut(sync.sentence),
    inStep: sync.inStep,
    unsent: sync.missing?.revisions ?? null,
    heldBack: sync.heldBack?.records ?? 0,
    branches: branches.length,
    pacified: maybe(unit.pacified, pacifiedSentence),
    damaged: maybe(store.damage?.findings[0], ({ path, reason }) => `${path} ${reason}`),
    refused: maybe(store.refused, ({ since, reason }) => `since ${since}: ${reason}`),
    unconfirmed: maybe(unit.unconfirmed, ({ by, why }) => `restored by ${by}: ${why}`),
    paused: maybe(sync.pause, ({ by, reason }) => `paused by ${by}: ${reason}`),
    provisional: maybe(
      provisional,
      ({ author, reason, secondsLeft }) => `a change of ${author} is undone in ${secondsLeft} s: ${reason}`,
    ),
    readiness: takeover && {
      ...takeover,
      findings: takeover.findings.map(each => ({ ...placeOf(each), fails: each.fails })),
    },
    files: files
      .slice(0, MOST)
      .map(({ code, file, reason }) => placeOf({ code, path: file, message: reason })),
  };
}

export function backupOf(
  { schedule, lastRun, drill }: Status['backup'],
  plan: BackupPlan,
  certificateBundle: Examination['backup']['certificateBundle'],
): Examination['backup'] {
  return {
    method: schedule?.method ?? null,
    day: plan.times.day,
    lastRunAt: lastRun?.at ?? null,
    lastRunFault: maybe(lastRun?.reason, String),
    drillAt: drill.last?.at ?? null,
    drillFault: maybe(drill.last?.reason, String),
    provedName: drill.passed?.name ?? null,
    provedAt: drill.passed?.at ?? null,
    certificateBundle,
    passphrase: plan.passphrase !== undefined,
    fault: planFault(plan)?.message ?? null,
  };
}

export function placeOf({ code, path, message }: Problem): Place {
  return { code, path: cut(path), message: cut(message) };
}

/** A partner takes no longer ones. */
export function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS);
}

/** `sentence` of something that may not be there. */
function maybe<Thing>(thing: Thing | null | undefined, sentence: (thing: Thing) => string): string | null {
  return thing === null || thing === undefined ? null : cut(sentence(thing));
}
