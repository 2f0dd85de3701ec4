/** Why a unit may not take over now. */
import { LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { fallenBack, hasFallenBack } from './fall-back.ts';
import { unconfirmed } from './pair-state.ts';
import type { SyncState } from './state.ts';

export function takeOverRefusal(state: SyncState, forced: boolean): LockstepError | undefined {
  const { own, partner, link, work } = state;
  const fallen = link === 'up' && hasFallenBack(state);
  const contested =
    fallen || (link === 'up' && (partner?.role === 'active' || (partner?.epoch ?? 0) > own.epoch));
  if (own.role === 'active' && !contested) {
    return new LockstepError('not-standby', 'This unit is active already.', { facts: { epoch: own.epoch } });
  }
  if (work.step === 'taking-over') return takingOver();
  if (work.step !== 'idle') {
    return new LockstepError('conflict', 'An update is under way.', { hint: 'Try again in a moment.' });
  }
  // The active partner makes a standby that fell back whole before it stands down.
  const mended = own.role === 'standby' && partner?.role === 'active' && partner.fellBack === undefined;
  if (fallen && !forced && !mended) return fallenBack(state);
  if (own.digest === EMPTY_DIGEST || (!own.established && !(forced && partner?.established !== true))) {
    return new LockstepError(
      'never-a-source',
      'This unit was never updated by its partner, so it cannot become the source.',
      {
        hint: 'Force an update from the active unit first.',
      },
    );
  }
  return own.unconfirmed && !forced ? unconfirmed() : undefined;
}

export function takingOver(): LockstepError {
  return new LockstepError('conflict', 'A takeover is under way already.', {
    hint: 'Try again in a moment.',
  });
}

/** The partner was asked to step down and said nothing more: what it did is not known here. */
export function unanswered({ own, partner }: SyncState, because: string): LockstepError {
  const who = partner?.name ?? 'The partner';
  return new LockstepError(
    'partner-unreachable',
    `${who} was asked to step down and did not answer (${because.replace(/\.$/, '')}). This unit is still ${own.role}, in epoch ${own.epoch}; ${who} may have stepped down, or does so when it goes on.`,
    {
      hint:
        own.role === 'standby'
          ? `Type lockstep takeover again: while ${who} is not seen, this unit takes over without it.`
          : `This unit goes on as active. Type lockstep takeover --force again when ${who} is seen.`,
      facts: { role: own.role, epoch: own.epoch },
    },
  );
}
