import type { Finding } from '../../api/contract/shapes.ts';
import type { Status, TakeoverReadiness } from '../../api/contract/status.ts';
import type { Problem } from '../../schema/error.ts';
import type { Hello } from '../../sync/message.ts';
import { mismatches } from '../../sync/pair-state.ts';
import type { OwnFacts, SyncState } from '../../sync/state.ts';
import { takeOverRefusal } from '../../sync/takeover-refusal.ts';
import type { CheckedRecords } from '../store-care/record-checks.ts';

/** Edits that were refused wait through a takeover as they did before: they keep nobody from it. */
const WAITING = new Set(['not-active', 'conflict', 'kept-beside']);
/** Findings that a status names. */
const MAX_FINDINGS = 20;

export interface ReadinessFacts {
  syncState: SyncState | undefined;
  records: CheckedRecords;
  files: Status['files'];
  /** Its disk takes nothing. */
  disk?: Problem | undefined;
}

/** What would fail if this unit took over now; null for a unit that is no standby of a pair. */
export function takeoverReadiness({
  syncState,
  records,
  files,
  disk,
}: ReadinessFacts): TakeoverReadiness | null {
  if (syncState === undefined || syncState.own.role === 'active') return null;
  const findings = [
    ...pairFindings(syncState),
    ...(disk === undefined ? [] : [{ ...disk, fails: true }]),
    ...files.map(({ code, path, reason }) => ({ code, path, message: reason, fails: !WAITING.has(code) })),
    ...records.findings,
  ].sort((one, other) => Number(other.fails) - Number(one.fails));
  const fails = findings.some(finding => finding.fails);
  return {
    ready: fails ? false : records.checkedAt === undefined ? null : true,
    findings: findings.slice(0, MAX_FINDINGS),
    count: findings.length,
    checkedAt: records.checkedAt ?? null,
  };
}

function pairFindings(state: SyncState): Finding[] {
  const { own, partner } = state;
  // What is under way at this moment says nothing about the next one.
  const refusal = takeOverRefusal({ ...state, work: { step: 'idle' } }, false);
  const refused: Finding[] =
    refusal === undefined ? [] : [finding(refusal.code, refusal.message, refusal.hint)];
  if (partner === undefined) return refused;
  const different = mismatches(own, partner).map(({ what, ours, theirs }) =>
    finding('mismatch', `${what} here ${ours}, on ${partner.name} ${theirs}`, 'Make them equal.'),
  );
  const isPaused = partner.role === 'active' && partner.paused && partner.digest !== own.digest;
  const paused = isPaused
    ? [
        finding(
          'paused',
          `the updates of ${partner.name} are paused, and it holds changes that this unit lacks`,
          `Type lockstep resume on ${partner.name}.`,
        ),
      ]
    : [];
  return [...refused, ...different, ...releaseFindings(own, partner), ...paused];
}

/** Another release alone does no harm; what the active unit holds back because of it would be missing here. */
function releaseFindings(own: OwnFacts, { name, release, role, heldBack }: Hello): Finding[] {
  if (release === own.release) return [];
  const what = `release here ${own.release}, on ${name} ${release}`;
  const other = { ...finding('other-release', what, 'Bring both units to the same release.'), fails: false };
  if (role !== 'active' || heldBack === 0) return [other];
  return [
    other,
    finding(
      'held-back',
      `${name} holds back ${heldBack} of its records until both run one release`,
      undefined,
    ),
  ];
}

/** About the unit as a whole, so without a path. */
function finding(code: string, message: string, hint: string | undefined): Finding {
  const sentence = message.replace(/\.$/, '');
  return { code, path: '', message: sentence, ...(hint === undefined ? {} : { hint }), fails: true };
}
