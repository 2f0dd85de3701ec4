/** Why a unit may not take over now. */
import { LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { unconfirmed } from './standing.ts';
import type { SyncState } from './state.ts';

export function takeOverRefusal(
  { own, partner, link, work }: SyncState,
  forced: boolean,
): LockstepError | undefined {
  const contested = link === 'up' && (partner?.role === 'active' || (partner?.epoch ?? 0) > own.epoch);
  if (own.role === 'active' && !contested) {
    return new LockstepError('not-standby', 'This unit is active already.', { facts: { epoch: own.epoch } });
  }
  if (work.step === 'taking-over') return takingOver();
  if (work.step !== 'idle') {
    return new LockstepError('conflict', 'An update is under way.', { hint: 'Try again in a moment.' });
  }
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
