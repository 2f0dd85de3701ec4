import { type ErrorBody, LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { evidenceOf, holdsNothingOfItsOwn, looksForFork, mayRelieve } from './fall-back.ts';
import type { Hello } from './message.ts';
import { mismatches, wantsUpdate } from './pair-state.ts';
import {
  type Effect,
  type OwnFacts,
  type Step,
  type SyncEvent,
  type SyncState,
  serving,
  still,
  type Ticket,
} from './state.ts';
import { takeOverRefusal, unanswered } from './takeover-refusal.ts';
import { askedToStepDown, notSteppedDown, steppedDown, takeOver } from './takeover-steps.ts';
import { begin, force, working } from './update-steps.ts';

export function step(state: SyncState, event: SyncEvent): Step {
  switch (event.type) {
    case 'linked':
      return { state: { ...state, link: 'greeting', downRefusal: undefined }, effects: [{ do: 'greet' }] };
    case 'unlinked':
      return unlinked(state, event.reason, event.refusal);
    case 'heard':
      return heard(state, event);
    case 'copied':
      return still({ ...state, copying: false });
    case 'own':
      return ownChanged(state, event.own);
    case 'due':
      return wantsUpdate(state) ? begin(state, []) : still(state);
    case 'force':
      return force(state, event.ticket);
    case 'take-over':
      return takeOver(state, event.ticket, event.force);
    case 'asked-to-step-down':
      return askedToStepDown(state, event);
    case 'stepped-down':
      return steppedDown(state, event.run);
    case 'not-stepped-down':
      return notSteppedDown(state, event);
    default:
      return isCurrent(state, event.run) ? working(state, event) : still(state);
  }
}

function isCurrent(state: SyncState, run: number): boolean {
  return run === state.run && state.work.step !== 'idle' && state.work.step !== 'taking-over';
}

function unlinked(state: SyncState, reason: string, refusal: ErrorBody | undefined): Step {
  const lost = new LockstepError(
    'partner-unreachable',
    `The connection to the partner was lost: ${reason.replace(/\.$/, '')}.`,
    {
      hint: 'Nothing is lost here; the update is sent again when the partner is back.',
    },
  );
  const tickets = [
    ...state.waiting,
    ...serving(state),
    ...(state.stepDown === undefined ? [] : [state.stepDown.ticket]),
  ];
  const answers: Effect[] = tickets.map(ticket => ({ do: 'answer', ticket, error: lost }));
  if (state.work.step === 'taking-over')
    answers.push({ do: 'answer', ticket: state.work.ticket, error: unanswered(state, reason) });
  return {
    state: {
      ...state,
      link: 'down',
      downBecause: reason,
      downRefusal: refusal,
      work: { step: 'idle' },
      waiting: [],
      stepDown: undefined,
    },
    effects: answers,
  };
}

function heard(state: SyncState, event: Extract<SyncEvent, { type: 'heard' }>): Step {
  const { hello, greeting } = event;
  if (hello.pacified === true) return pacified(state, hello);
  const first = greeting && state.link === 'greeting';
  const { history } = event;
  const known: SyncState = {
    ...state,
    partner: hello,
    link: first ? 'up' : state.link,
    // What was said earlier may arrive later: it takes nothing back.
    fallen: state.fallen ?? (history && evidenceOf(state.own, hello, history)),
    copying: greeting ? event.unknown === true : state.copying,
  };
  const found = [...looksForFork(known), ...agreed(known)];
  const settled = givesWay(known) ?? relieves(known);
  if (settled !== undefined) return { ...settled, effects: [...found, ...settled.effects] };
  // What was refused is tried again on the next commit or when due: at every greeting, it would never end.
  const atOnce = known.own.everyCommit || hello.fellBack !== undefined;
  const wanted = first || (atOnce && known.refusal === undefined);
  const begun = wanted && wantsUpdate(known) ? begin(known, []) : still(known);
  return { ...begun, effects: [...found, ...begun.effects] };
}

/** Kept as the last word of the partner: it is no more there than one that is off, and nothing follows from what it holds. */
function pacified(state: SyncState, hello: Hello): Step {
  const known = { ...state, partner: hello, copying: false };
  return state.link === 'down' ? still(known) : unlinked(known, 'it is pacified', undefined);
}

function givesWay(state: SyncState): Step | undefined {
  const { own, partner } = state;
  if (partner === undefined || !isFenced(own, partner)) return undefined;
  return {
    state,
    effects: [{ do: 'become-standby', ticket: undefined, epoch: partner.epoch, digest: own.digest }],
  };
}

/** Nobody typed this takeover, so nobody waits for its answer. */
const NOBODY: Ticket = 0;

function relieves(state: SyncState): Step | undefined {
  const refused = !mayRelieve(state) || takeOverRefusal(state, false) !== undefined;
  if (refused || (state.partner !== undefined && mismatches(state.own, state.partner).length > 0))
    return undefined;
  return state.own.damaged || state.partner?.damaged ? undefined : takeOver(state, NOBODY, false);
}

/** What was restored, and brought back to what the partner holds, needs nobody's confirmation. */
function agreed({ own, partner, link }: SyncState): Effect[] {
  const same = own.unconfirmed && link === 'up' && partner?.established && own.pairId === partner.pairId;
  return same && own.digest === partner.digest ? [{ do: 'drop-unconfirmed', digest: own.digest }] : [];
}

/**
 * The partner took over while this unit was away, and had confirmed all that this unit holds: standing down loses nothing.
 * What counts is what the partner says it had confirmed, because a receipt may have been lost; only of a partner that was
 * paired anew, and so does not know, the own receipt is believed. With own changes the operator
 * decides: both-active. So do they when the partner was never in step with anybody: it cannot be the source that this
 * unit would wait for. Where the disk of this unit fell back, its history says what is its own.
 */
function isFenced(own: OwnFacts, partner: Hello): boolean {
  return (
    partner.pacified !== true &&
    own.role === 'active' &&
    partner.role === 'active' &&
    partner.epoch > own.epoch &&
    partner.established &&
    !partner.unconfirmed &&
    own.pairId === partner.pairId &&
    (holdsNothingOfItsOwn(own) ||
      own.digest === partner.common ||
      (partner.common === EMPTY_DIGEST && own.digest === own.common))
  );
}

function ownChanged(state: SyncState, own: OwnFacts): Step {
  const roleChanged = own.role !== state.own.role || own.epoch !== state.own.epoch;
  // A receipt establishes at once; that it is also on the disk may be told later.
  const established = own.established || (state.own.established && state.own.pairId === own.pairId);
  const known: SyncState = {
    ...state,
    own: { ...own, established },
    fallen: own.store === state.own.store ? state.fallen : undefined,
    refusal: roleChanged || own.role === 'standby' ? undefined : state.refusal,
  };
  const announce = roleChanged || !sameUnit(own, state.own);
  const greet: Effect[] = announce && state.link !== 'down' ? [{ do: 'greet' }] : [];
  greet.push(...agreed(known));
  const settled = own.fellBack === undefined ? undefined : givesWay(known);
  if (settled !== undefined) return { ...settled, effects: [...greet, ...settled.effects] };
  const committed = !roleChanged && own.everyCommit && own.digest !== state.own.digest;
  const lifted =
    (state.own.pause !== undefined && own.pause === undefined) || (state.own.unconfirmed && !own.unconfirmed);
  if (!(committed || lifted) || !wantsUpdate(known)) return { state: known, effects: greet };
  const begun = begin(known, []);
  return { state: begun.state, effects: [...greet, ...begun.effects] };
}

/** Whether a unit still says the same of itself: the partner refuses updates for some of it, so it is told at once. */
function sameUnit(one: OwnFacts, other: OwnFacts): boolean {
  const same = (
    ['name', 'mode', 'release', 'model', 'schemaDigest', 'unconfirmed', 'damaged', 'store'] as const
  ).every(fact => one[fact] === other[fact]);
  const fellBack = JSON.stringify(one.fellBack) === JSON.stringify(other.fellBack);
  return same && fellBack && (one.pause === undefined) === (other.pause === undefined);
}
