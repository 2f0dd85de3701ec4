/** Giving the active role away. */
import { LockstepError } from '../schema/error.ts';
import type { Effect, OwnFacts, StepDown, SyncState } from './state.ts';

export function standDown(own: OwnFacts, { ticket, epoch }: Pick<StepDown, 'ticket' | 'epoch'>): Effect {
  return { do: 'become-standby', ticket, epoch, digest: own.digest };
}

export function stoodDown(): LockstepError {
  return new LockstepError('not-active', 'This unit stood down for its partner before the update was made.', {
    hint: 'Type force-update on the partner.',
  });
}

export function afterFailedLastUpdate({ own }: SyncState, stepDown: StepDown, error: LockstepError): Effect {
  if (stepDown.force || own.role === 'standby') return standDown(own, stepDown);
  return { do: 'answer', ticket: stepDown.ticket, error: incomplete(error.message) };
}

export function incomplete(because: string, firstHint = ''): LockstepError {
  return new LockstepError(
    'takeover-incomplete',
    `The active unit holds changes that this unit does not, and they cannot be sent. ${because}`,
    {
      hint: `${firstHint}lockstep takeover --force takes over without them; they become a branch, which lockstep merge brings back.`,
    },
  );
}
