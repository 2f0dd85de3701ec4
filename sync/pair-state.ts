/** How this unit stands to its partner, as far as the facts tell. */
import { LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { fallenBack, hasFallenBack } from './fall-back.ts';
import { contradictions, type Misfit, words } from './fit.ts';
import type { HaMode, Hello } from './message.ts';
import { pausedError } from './pause.ts';
import { heldBack, type OwnFacts, type SyncState } from './state.ts';

export type StateName =
  | 'unreachable'
  | 'greeting'
  | 'refused'
  | 'damaged'
  | 'fallen-back'
  | 'both-active'
  | 'no-active'
  | 'updating'
  | 'comparing'
  | 'taking-over'
  | 'in-step'
  | 'held-back'
  | 'paused'
  | 'behind';

/** Both hold what the other may not, so nothing but force lets one of them stand down. */
export const BOTH_ACTIVE_HINT =
  'Decide which unit stays active, and type lockstep takeover --force there; what only the other one holds becomes a branch, which lockstep branches shows.';

/** The one name of a state, shown by `status`. */
export function nameOf(state: SyncState): StateName {
  const { own, partner, work } = state;
  if (work.step === 'taking-over') return 'taking-over';
  if (state.link === 'down') return 'unreachable';
  if (state.link === 'greeting' || partner === undefined) return 'greeting';
  if (mismatches(own, partner).length > 0) return 'refused';
  if (own.damaged || partner.damaged) return 'damaged';
  if (isFallenBack(state)) return 'fallen-back';
  if (own.role === partner.role) return own.role === 'active' ? 'both-active' : 'no-active';
  if (work.step === 'comparing') return 'comparing';
  if (work.step !== 'idle') return 'updating';
  // Equal now, and yet the next change would be refused: better told before there is one.
  if (own.role === 'active' && isTakeoverUnfinished(own, partner)) return 'refused';
  if (own.digest === partner.digest) return state.copying ? 'updating' : 'in-step';
  if (heldBack(state) !== undefined || (own.role === 'standby' && partner.heldBack > 0)) return 'held-back';
  const refusal = own.role === 'active' ? updateRefusal(state) : undefined;
  if (refusal?.code === 'paused' || (own.role === 'standby' && partner.paused)) return 'paused';
  return state.refusal !== undefined || refusal !== undefined ? 'refused' : 'behind';
}

/** An active unit whose disk fell back sends nothing; a standby is mended by the next update. */
function isFallenBack(state: SyncState): boolean {
  const { own, partner } = state;
  return (
    (own.role === 'active' && hasFallenBack(state)) ||
    (partner?.role === 'active' && partner.fellBack !== undefined)
  );
}

/** Things that must be equal (or, for the HA mode, different) before configuration may cross. */
export function mismatches(
  own: Pick<OwnFacts, 'protocol' | 'pairId' | 'mode' | 'model'>,
  partner: Hello,
): { what: string; ours: string; theirs: string }[] {
  const compared: [string, string, string, boolean][] = [
    ['protocol', String(own.protocol), String(partner.protocol), own.protocol === partner.protocol],
    ['pair identity', own.pairId, partner.pairId, own.pairId === partner.pairId],
    ['HA mode', own.mode, partner.mode, own.mode !== partner.mode],
    ['model', own.model, partner.model, own.model === partner.model],
  ];
  return compared.filter(([, , , good]) => !good).map(([what, ours, theirs]) => ({ what, ours, theirs }));
}

/** Why no update can go out now; undefined when one can. */
export function updateRefusal(state: SyncState): LockstepError | undefined {
  const { own, partner } = state;
  if (own.role !== 'active') {
    return new LockstepError('not-active', 'This unit is standby: updates go out from the active unit.', {
      hint: 'Type force-update on the active unit.',
    });
  }
  if (state.link !== 'up' || partner === undefined) {
    return new LockstepError(
      'partner-unreachable',
      `The partner is not seen: ${state.downBecause.replace(/\.$/, '')}.`,
      {
        hint:
          pacifiedHint(partner) ??
          'Is lockstep serve running there, and port 6973 open? The next attempt comes by itself.',
      },
    );
  }
  const different = mismatches(own, partner);
  if (different.length > 0) return mismatchError(different);
  const damaged = own.damaged ? own : partner.damaged ? partner : undefined;
  if (damaged !== undefined) return damagedUnit(damaged.name);
  if (hasFallenBack(state)) return fallenBack(state);
  if (partner.role === 'active') {
    return new LockstepError('both-active', 'Both units are active; neither sends updates.', {
      hint: BOTH_ACTIVE_HINT,
      facts: { epoch: own.epoch, partnerEpoch: partner.epoch },
    });
  }
  if (isTakeoverUnfinished(own, partner)) return unfinishedTakeover(own, partner);
  return sourceRefusal(own, partner) ?? (own.pause === undefined ? undefined : pausedError(own.pause));
}

/** What ends it, where the last that was heard of the partner is that it is pacified. */
export function pacifiedHint(partner: Hello | undefined): string | undefined {
  return partner?.pacified === true
    ? `${partner.name} is pacified: look in its log for why it ended, mend that, then type lockstep resume on ${partner.name}.`
    : undefined;
}

/** The partner holds everything that it can. */
function holdsAll(state: SyncState): boolean {
  return state.own.digest === state.partner?.digest || heldBack(state) !== undefined;
}

export function wantsUpdate(state: SyncState): boolean {
  return (
    state.work.step === 'idle' &&
    updateRefusal(state) === undefined &&
    !(holdsAll(state) && state.own.provisional === state.partner?.provisional)
  );
}

function damagedUnit(name: string): LockstepError {
  return new LockstepError(
    'damaged-store',
    `The store of ${name} is damaged: it neither sends nor takes updates.`,
    {
      hint: `lockstep status on ${name} says what is damaged; lockstep rebuild --from-partner makes it anew.`,
    },
  );
}

/** The partner stood down for this unit, but its word never came: it takes nothing of the old epoch any more. */
function isTakeoverUnfinished(own: OwnFacts, partner: Hello): boolean {
  return partner.epoch > own.epoch;
}

function unfinishedTakeover(own: OwnFacts, partner: Hello): LockstepError {
  return new LockstepError(
    'stale-epoch',
    `The partner is in epoch ${partner.epoch}, this unit in epoch ${own.epoch}: a takeover was not finished.`,
    {
      hint: 'Type lockstep takeover on this unit.',
      facts: { epoch: own.epoch, partnerEpoch: partner.epoch },
    },
  );
}

function sourceRefusal(own: OwnFacts, partner: Hello): LockstepError | undefined {
  const empty = own.digest === EMPTY_DIGEST;
  if (!empty && (own.established || !partner.established)) return own.unconfirmed ? unconfirmed() : undefined;
  return new LockstepError(
    'never-a-source',
    empty
      ? 'This unit is empty, so it cannot be the source.'
      : 'This unit is new to the pair; the partner holds the configuration of the pair.',
    {
      hint: 'Type lockstep takeover on the partner; this unit then receives its configuration.',
    },
  );
}

/** Restored, and not looked at by anybody: an old backup must not roll back the pair. */
export function unconfirmed(): LockstepError {
  return new LockstepError(
    'never-a-source',
    'What this unit holds was restored, and nobody has confirmed it as the source.',
    {
      hint: 'Look at it, then type lockstep confirm-source here; or take an update from the partner.',
    },
  );
}

type Mismatches = ReturnType<typeof mismatches>;

export const MISFIT_HINT = 'Make them equal; updates then start by themselves.';

function mismatchError(different: Mismatches): LockstepError {
  const named = different.map(each =>
    each.what === 'HA mode' ? `both are HA ${each.ours} mode` : words([each]),
  );
  return new LockstepError('mismatch', `The units do not fit together: ${named.join('; ')}.`, {
    hint: MISFIT_HINT,
    facts: { different },
  });
}

/** The same, for the partner to read: what is here for this unit is there for that one, so no side is named. */
export function mismatchToldThere(different: Mismatches): LockstepError {
  const named = different.map(({ what }) => what).join(', ');
  return new LockstepError('mismatch', `The units do not fit together: ${named} differ.`, {
    facts: { different },
  });
}

/** What one of the two is about to lose: only before they were first in step. */
export function contradicting({ own, partner, link }: SyncState): Misfit[] {
  if (link !== 'up' || own.ha === undefined || partner?.ha === undefined) return [];
  return own.established && partner.established ? [] : contradictions(own.ha, partner.ha);
}

/** Why the two are no pair yet, in words; empty when they are, or that is not known. */
export function misfitWords(state: SyncState | undefined): string {
  if (state?.link !== 'up' || state.partner === undefined) return '';
  return words([...mismatches(state.own, state.partner), ...contradicting(state)]);
}

/** What a unit and its pair are, also where there is no pair. */
export type UnitState = StateName | 'single' | 'unpaired' | 'pacified';

export function unitStateOf(unit: {
  isDamaged: boolean;
  isPacified: boolean;
  mode: 'single' | HaMode;
  /** undefined without a partner. */
  syncState: SyncState | undefined;
}): UnitState {
  if (unit.isDamaged) return 'damaged';
  if (unit.isPacified) return 'pacified';
  if (unit.syncState === undefined) return unit.mode === 'single' ? 'single' : 'unpaired';
  return nameOf(unit.syncState);
}
