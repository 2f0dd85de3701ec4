/** The steps of a takeover, on the unit that takes over and on the one that is asked to step down. */
import type { Role } from '../store/store.ts';
import { fallenBack, hasFallenBack, holdsNothingOfItsOwn } from './fall-back.ts';
import { updateRefusal } from './pair-state.ts';
import { asError } from './partner-error.ts';
import { type Step, type SyncEvent, type SyncState, still, type Ticket } from './state.ts';
import { incomplete, incompleteBetweenActives, standDown } from './step-down.ts';
import { takeOverRefusal, takingOver, unanswered } from './takeover-refusal.ts';
import { begin } from './update-steps.ts';

export function takeOver(state: SyncState, ticket: Ticket, forced: boolean): Step {
  const error = takeOverRefusal(state, forced);
  if (error !== undefined) return { state, effects: [{ do: 'answer', ticket, error }] };
  const epoch = Math.max(state.own.epoch, state.partner?.epoch ?? 0) + 1;
  if (state.link === 'down')
    return { state, effects: [{ do: 'become-active', ticket, epoch, partnerSteppedDown: false }] };
  const run = state.run + 1;
  return {
    state: { ...state, run, work: { step: 'taking-over', ticket, epoch, force: forced } },
    effects: [{ do: 'ask-step-down', run, epoch, force: forced }],
  };
}

export function steppedDown(state: SyncState, run: number): Step {
  if (state.work.step !== 'taking-over' || run !== state.run) return still(state);
  const { ticket, epoch, force } = state.work;
  const decided = force && hasFallenBack(state) ? { overrules: state.partner?.common ?? '' } : {};
  const partner =
    state.partner === undefined ? undefined : { ...state.partner, role: 'standby' as Role, epoch };
  return {
    state: { ...state, partner, work: { step: 'idle' } },
    effects: [{ do: 'become-active', ticket, epoch, partnerSteppedDown: true, ...decided }],
  };
}

export function notSteppedDown(
  state: SyncState,
  { run, error }: Extract<SyncEvent, { type: 'not-stepped-down' }>,
): Step {
  if (state.work.step !== 'taking-over' || run !== state.run) return still(state);
  return {
    state: { ...state, work: { step: 'idle' } },
    effects: [
      {
        do: 'answer',
        ticket: state.work.ticket,
        error: error.code === 'partner-unreachable' ? unanswered(state, error.message) : asError(error),
      },
    ],
  };
}

/** Before this unit steps down, the one that takes over must hold everything; `force` gives that up. */
export function askedToStepDown(
  state: SyncState,
  { ticket, epoch, force: forced, digest }: Extract<SyncEvent, { type: 'asked-to-step-down' }>,
): Step {
  const give = standDown(state.own, { ticket, epoch });
  const idle = state.work.step === 'idle';
  if (state.work.step === 'taking-over') {
    return { state, effects: [{ do: 'answer', ticket, error: takingOver() }] };
  }
  // While an update is on its way, the partner is about to hold something else than it says.
  if (state.own.role === 'standby' || (idle && state.own.digest === digest))
    return { state, effects: [give] };
  if (hasFallenBack(state)) {
    // A release that keeps no witness would not take over from a unit that stands down with something else.
    const free = holdsNothingOfItsOwn(state.own) && state.partner?.witnessed !== undefined;
    return { state, effects: [forced || free ? give : { do: 'answer', ticket, error: fallenBack(state) }] };
  }
  const error = updateRefusal(state);
  if (error === undefined && state.stepDown === undefined) {
    const asked: SyncState = { ...state, stepDown: { ticket, epoch, force: forced } };
    return idle ? begin(asked, []) : still(asked);
  }
  if (forced) return { state, effects: [give] };
  if (error?.code === 'both-active')
    return { state, effects: [{ do: 'answer', ticket, error: incompleteBetweenActives() }] };
  const firstHint = error?.code === 'paused' ? 'lockstep resume on the active unit sends them. ' : '';
  const refused = incomplete(error?.message ?? 'Another takeover is under way.', firstHint);
  return { state, effects: [{ do: 'answer', ticket, error: refused }] };
}
