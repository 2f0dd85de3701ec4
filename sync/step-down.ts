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

/** Both are active, so neither could send the other anything before it stands down. */
export function incompleteBetweenActives(): LockstepError {
  return new LockstepError(
    'takeover-incomplete',
    'Both units are active, and the other one holds something else than this unit: it stands down only by force.',
    {
      hint: 'Type lockstep takeover --force on the unit that is to stay active; what only the other one holds becomes a branch, which lockstep merge brings back.',
    },
  );
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
