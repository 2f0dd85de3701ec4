import type { Damage, SyncStatus } from '../../api/contract/status.ts';
import { DAMAGE_HINT } from '../../store/damage.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import { fallBackSentence, fallenHereHint, fallenThereHint, hasFallenBack } from '../../sync/fall-back.ts';
import { words } from '../../sync/fit.ts';
import {
  BOTH_ACTIVE_HINT,
  MISFIT_HINT,
  mismatches,
  pacifiedHint,
  type UnitState,
  unitStateOf,
  updateRefusal,
} from '../../sync/pair-state.ts';
import { pausedError } from '../../sync/pause.ts';
import { type HeldBack, heldBack, type SyncState } from '../../sync/state.ts';
import { PACIFIED_HINT, pacifiedSentence } from '../store-care/starts.ts';
import type { StatusFacts } from './status-facts.ts';

/** Latest missing revisions that a status names. */
const MAX_MISSING = 10;

export function stateName({
  identity,
  partner,
  syncState,
  pacified,
  store,
}: Pick<StatusFacts, 'identity' | 'partner' | 'syncState' | 'pacified' | 'store'>): UnitState {
  return unitStateOf({
    isDamaged: store.damage !== null,
    isPacified: pacified !== undefined,
    mode: identity.mode,
    syncState: partner && syncState,
  });
}

export function syncStatus(facts: StatusFacts): SyncStatus {
  const state = stateName(facts);
  const refusal =
    (state === 'unreachable' ? facts.syncState?.downRefusal : undefined) ??
    facts.syncState?.refusal ??
    (facts.syncState === undefined ||
    facts.head.role !== 'active' ||
    state === 'unreachable' ||
    state === 'greeting'
      ? undefined
      : updateRefusal(facts.syncState)?.toJSON());
  const held = facts.syncState === undefined ? undefined : heldBack(facts.syncState);
  const words = sentence(state, facts, refusal?.message);
  const hint =
    facts.syncState?.downRefusal?.hint ??
    (state === 'unreachable' ? pacifiedHint(facts.syncState?.partner) : undefined) ??
    (state === 'damaged' && facts.store.damage === null ? (refusal?.hint ?? PARTNER_HINT) : hints[state]) ??
    refusal?.hint ??
    fellBackHint(state, facts) ??
    (state === 'refused' ? MISFIT_HINT : undefined) ??
    pausedThere(state, facts);
  return {
    state,
    sentence: words,
    ...(hint === undefined ? {} : { hint }),
    since: facts.since,
    inStep: inStep(state, facts),
    missing: facts.head.role !== 'active' || facts.partner === undefined ? null : missing(facts, held),
    lastUpdate: facts.lastUpdate ?? null,
    nextUpdateAt: facts.nextUpdateAt ?? null,
    intervalSeconds: facts.intervalSeconds,
    pause: facts.pause ?? null,
    refusal: refusal ?? null,
    heldBack: held === undefined ? null : { records: held.records, paths: held.paths },
  };
}

/** With records held back, all the others are there; which revisions made those is not looked for. */
function missing(facts: StatusFacts, held: HeldBack | undefined): SyncStatus['missing'] {
  if (held !== undefined) return { revisions: 0, records: held.records, latest: [] };
  return {
    revisions: facts.missing.length,
    records: facts.missingRecords,
    latest: facts.missing
      .slice(0, MAX_MISSING)
      .map(({ revision, author, reason, at }) => ({ revision, author, reason, at })),
  };
}

/** Known to be equal, known to differ, or not known. */
function inStep(state: UnitState, { head, syncState }: StatusFacts): boolean | null {
  if (state === 'single' || state === 'unpaired' || state === 'pacified' || syncState === undefined)
    return null;
  if (state === 'in-step') return true;
  if (state !== 'unreachable' && state !== 'greeting') return false;
  const common = syncState?.own.common ?? EMPTY_DIGEST;
  return common !== EMPTY_DIGEST && head.digest !== common ? false : null;
}

const hints: Partial<Record<UnitState, string>> = {
  pacified: PACIFIED_HINT,
  unpaired: 'Type lockstep pair --invite on one unit, and what it prints on the other.',
  'held-back':
    'Bring both units to the same release, with the same kinds of the site (schema.d); the rest then follows by itself.',
  'both-active': BOTH_ACTIVE_HINT,
  damaged: DAMAGE_HINT,
  'no-active': 'Type lockstep takeover on the unit that is to serve.',
  unreachable:
    'Is lockstep serve running there, and TCP port 6973 open between the units? If it has another address now: lockstep pair ADDRESS',
};

const PARTNER_HINT =
  'lockstep status there says what is damaged; lockstep rebuild --from-partner, typed there, makes it anew.';

function pausedThere(state: UnitState, { partner }: StatusFacts): string | undefined {
  return state === 'paused'
    ? `lockstep status on ${partner?.name ?? 'the partner'} says why; lockstep resume there ends it.`
    : undefined;
}

function fellBackHint(state: UnitState, { partner, syncState }: StatusFacts): string | undefined {
  if (state !== 'fallen-back' || syncState === undefined) return undefined;
  const who = partner?.name ?? 'the partner';
  return hasFallenBack(syncState) ? fallenHereHint(who) : fallenThereHint(who);
}

function sentence(
  state: UnitState,
  { head, partner, syncState, pause, pacified, store }: StatusFacts,
  refusal: string | undefined,
): string {
  const who = partner?.name ?? 'the partner';
  const because = syncState?.downBecause ?? 'no connection';
  switch (state) {
    case 'single':
      return 'This is a single unit; there is nobody to be in step with.';
    case 'unpaired':
      return 'This unit is set up for a pair, but has no partner yet.';
    case 'unreachable':
      return `${who} is not seen: ${because.replace(/\.$/, '')}.`;
    case 'greeting':
      return `Connecting to ${who}.`;
    case 'refused':
      return refusal ?? misfit(who, syncState);
    case 'damaged':
      return store.damage === null
        ? `The store of ${who} is damaged; it neither sends nor takes updates.`
        : damaged(store.damage);
    case 'fallen-back':
      return fellBackWords(who, syncState);
    case 'both-active':
      return 'Both units are active; neither sends updates.';
    case 'no-active':
      return 'Both units are standby; nobody serves.';
    case 'updating':
    case 'comparing':
      return `An update to ${who} is under way.`;
    case 'taking-over':
      return `This unit is taking over from ${who}.`;
    case 'in-step':
      return `In step: ${who} holds the same configuration.`;
    case 'held-back':
      return heldBackWords(who, syncState);
    case 'pacified':
      return pacifiedSentence({ restarts: pacified?.restarts ?? 0 });
    case 'paused':
      return pause === undefined
        ? `This unit lacks changes that were made on ${who}, whose updates are paused.`
        : `${who} lacks changes that were made here: ${pausedError(pause).message}`;
    case 'behind':
      return head.role === 'active'
        ? `${who} lacks changes that were made here.`
        : `This unit lacks changes that were made on ${who}.`;
  }
}

function fellBackWords(who: string, syncState: SyncState | undefined): string {
  const here = syncState !== undefined && hasFallenBack(syncState);
  return here
    ? fallBackSentence('This unit', syncState.own.fellBack ?? syncState.fallen, who)
    : fallBackSentence(who, syncState?.partner?.fellBack, 'this unit');
}

function heldBackWords(who: string, syncState: SyncState | undefined): string {
  const { own, partner } = syncState ?? {};
  const records = (syncState && heldBack(syncState)?.records) ?? partner?.heldBack ?? 0;
  const count = records === 1 ? '1 record waits' : `${records} records wait`;
  return own?.release === partner?.release
    ? `${who} describes some kinds of record differently: ${count} until both describe them alike; all else is equal.`
    : `${who} runs release ${partner?.release}, this unit ${own?.release}: ${count} until both run the same; all else is equal.`;
}

function damaged({ findings, more }: Damage): string {
  const [first] = findings;
  const others = findings.length + more - 1;
  return `The store of this unit is damaged: ${first?.path} ${first?.reason}${others > 0 ? `, and ${others} more` : ''}.`;
}

/** A standby refuses nothing itself, so it says what differs. */
function misfit(who: string, syncState: SyncState | undefined): string {
  const { own, partner } = syncState ?? {};
  const different = own === undefined || partner === undefined ? '' : words(mismatches(own, partner));
  return `${who} does not fit to this unit${different === '' ? '' : `: ${different}`}.`;
}
