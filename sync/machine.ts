import { ERROR_CODES, type ErrorBody, LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { Role } from '../store/store.ts';
import type { Hello } from './message.ts';
import { type Difference, type NodePair, nextStep } from './walk.ts';

/**
 * What a unit knows of its partner and does about it: `step(state, event)` gives the next state and the effects
 * to carry out. No clock, socket or store in here; sync/README.md draws the states.
 */
export interface SyncState {
  own: OwnFacts;
  link: 'down' | 'greeting' | 'up';
  /** Why the link is down. */
  downBecause: string;
  /** The last that was heard of the partner; kept when the link goes down. */
  partner: Hello | undefined;
  work: Work;
  /** Forced updates that wait for the next run. */
  waiting: Ticket[];
  /** The partner wants to take over; answered when the last update is in. */
  stepDown: StepDown | undefined;
  /** Why the last update did not get in; kept until one does. */
  refusal: ErrorBody | undefined;
  run: number;
}

export interface OwnFacts extends Omit<Hello, 'clock'> {
  /** Digest in the last receipt that this unit got or gave: what both units are known to have held. */
  common: string;
  /** Send an update on every commit instead of waiting for the interval. */
  everyCommit: boolean;
}

/** Names one request of the outside, so that its answer finds the way back. */
export type Ticket = number;

interface StepDown {
  ticket: Ticket;
  epoch: number;
  force: boolean;
}

export type Work =
  | { step: 'idle' }
  /** Finding out what the partner lacks. `walk`: the second attempt, by the digest tree whatever the history says. */
  | {
      step: 'preparing' | 'comparing' | 'sending';
      serving: Ticket[];
      walk: boolean;
      target: string;
      revision: number;
    }
  | { step: 'taking-over'; ticket: Ticket; epoch: number };

export type SyncEvent =
  | { type: 'linked' }
  | { type: 'unlinked'; reason: string }
  /** The partner said who it is, on either connection. `greeting`: on ours, so the link is usable. */
  | { type: 'heard'; hello: Hello; greeting: boolean }
  | { type: 'own'; own: OwnFacts }
  /** The update interval has passed. */
  | { type: 'due' }
  | { type: 'force'; ticket: Ticket }
  | { type: 'take-over'; ticket: Ticket; force: boolean }
  | { type: 'asked-to-step-down'; ticket: Ticket; epoch: number; force: boolean; digest: string }
  | { type: 'prepared'; run: number; route: 'send' | 'compare'; target: string; revision: number }
  | { type: 'compared'; run: number; nodes: NodePair[] }
  | { type: 'listed'; run: number; difference: Difference }
  | { type: 'receipt'; run: number; result: 'applied' | 'already-applied'; digest: string }
  | { type: 'failed'; run: number; error: ErrorBody }
  | { type: 'stepped-down'; run: number }
  | { type: 'not-stepped-down'; run: number; error: ErrorBody };

export type Effect =
  /** Say who we are and ask who they are. */
  | { do: 'greet' }
  /** Look for the way from `base` to what stands now; `walk`: take the digest tree. */
  | { do: 'prepare'; run: number; base: string; walk: boolean }
  | { do: 'compare'; run: number; nodes: [level: number, index: number][] }
  | { do: 'list'; run: number; buckets: number[] }
  | { do: 'send'; run: number; base: string; epoch: number; difference: Difference | undefined }
  | {
      do: 'remember';
      digest: string;
      revision: number;
      result: 'applied' | 'already-applied';
      forced: boolean;
      tickets: Ticket[];
    }
  | { do: 'answer'; ticket: Ticket; error: LockstepError }
  | { do: 'ask-step-down'; run: number; epoch: number; force: boolean }
  | { do: 'become-active'; ticket: Ticket; epoch: number; partnerSteppedDown: boolean }
  /** Only while the digest is still `digest`: a commit may have come in between. */
  | { do: 'become-standby'; ticket: Ticket | undefined; epoch: number; digest: string };

export type StateName =
  | 'unreachable'
  | 'greeting'
  | 'refused'
  | 'both-active'
  | 'no-active'
  | 'updating'
  | 'comparing'
  | 'taking-over'
  | 'in-step'
  | 'behind';

export interface Step {
  state: SyncState;
  effects: Effect[];
}

export function initialState(own: OwnFacts): SyncState {
  return {
    own,
    link: 'down',
    downBecause: 'no connection yet',
    partner: undefined,
    work: { step: 'idle' },
    waiting: [],
    stepDown: undefined,
    refusal: undefined,
    run: 0,
  };
}

export function step(state: SyncState, event: SyncEvent): Step {
  switch (event.type) {
    case 'linked':
      return { state: { ...state, link: 'greeting' }, effects: [{ do: 'greet' }] };
    case 'unlinked':
      return unlinked(state, event.reason);
    case 'heard':
      return heard(state, event.hello, event.greeting);
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

/** The one name of a state, shown by `status`. */
export function nameOf(state: SyncState): StateName {
  const { own, partner, work } = state;
  if (work.step === 'taking-over') return 'taking-over';
  if (state.link === 'down') return 'unreachable';
  if (state.link === 'greeting' || partner === undefined) return 'greeting';
  if (mismatches(own, partner).length > 0) return 'refused';
  if (own.role === partner.role) return own.role === 'active' ? 'both-active' : 'no-active';
  if (work.step === 'comparing') return 'comparing';
  if (work.step !== 'idle') return 'updating';
  if (own.digest === partner.digest) return 'in-step';
  const refused =
    state.refusal !== undefined || (own.role === 'active' && updateRefusal(state) !== undefined);
  return refused ? 'refused' : 'behind';
}

/** Things that must be equal (or, for the HA mode, different) before configuration may cross. */
export function mismatches(
  own: Omit<Hello, 'clock'>,
  partner: Hello,
): { what: string; ours: string; theirs: string }[] {
  const compared: [string, string, string, boolean][] = [
    ['protocol', String(own.protocol), String(partner.protocol), own.protocol === partner.protocol],
    ['pair identity', own.pairId, partner.pairId, own.pairId === partner.pairId],
    ['HA mode', own.mode, partner.mode, own.mode !== partner.mode],
    ['release', own.release, partner.release, own.release === partner.release],
    ['model', own.model, partner.model, own.model === partner.model],
    [
      'schema',
      own.schemaDigest.slice(0, 12),
      partner.schemaDigest.slice(0, 12),
      own.schemaDigest === partner.schemaDigest,
    ],
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
        hint: 'Is lockstep serve running there, and port 6973 open? The next attempt comes by itself.',
      },
    );
  }
  const different = mismatches(own, partner);
  if (different.length > 0) return mismatchError(different);
  if (partner.role === 'active') {
    return new LockstepError('both-active', 'Both units are active; neither sends updates.', {
      hint: 'Decide which unit stays active and type lockstep takeover there.',
      facts: { epoch: own.epoch, partnerEpoch: partner.epoch },
    });
  }
  if (partner.epoch > own.epoch) return unfinishedTakeover(own, partner);
  return sourceRefusal(own, partner);
}

/** The partner stood down for this unit, but its word never came: it takes nothing of the old epoch any more. */
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
  if (!empty && (own.established || !partner.established)) return undefined;
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

function mismatchError(different: ReturnType<typeof mismatches>): LockstepError {
  const words = different.map(({ what, ours, theirs }) =>
    what === 'HA mode' ? `both are HA ${ours} mode` : `${what} here ${ours}, there ${theirs}`,
  );
  return new LockstepError('mismatch', `The units do not fit together: ${words.join('; ')}.`, {
    hint: 'Make them equal; updates then start by themselves.',
    facts: { different },
  });
}

function still(state: SyncState): Step {
  return { state, effects: [] };
}

function isCurrent(state: SyncState, run: number): boolean {
  return run === state.run && state.work.step !== 'idle' && state.work.step !== 'taking-over';
}

function wantsUpdate(state: SyncState): boolean {
  return (
    state.work.step === 'idle' &&
    updateRefusal(state) === undefined &&
    state.own.digest !== state.partner?.digest
  );
}

function begin(state: SyncState, serving: Ticket[], walk = false): Step {
  const run = state.run + 1;
  const work: Work = { step: 'preparing', serving, walk, target: '', revision: 0 };
  return {
    state: { ...state, run, work },
    effects: [{ do: 'prepare', run, base: state.partner?.digest ?? '', walk }],
  };
}

/** After a run has ended: the next one, if somebody waits or something came in meanwhile. */
function next(state: SyncState, effects: Effect[]): Step {
  const idle: SyncState = { ...state, work: { step: 'idle' } };
  const { stepDown, waiting, own } = idle;
  if (stepDown !== undefined && own.digest === idle.partner?.digest) {
    const left = giveUp({ ...idle, stepDown: undefined }, stoodDown());
    return { state: left.state, effects: [...effects, ...left.effects, standDown(own, stepDown)] };
  }
  const again = stepDown !== undefined || waiting.length > 0 || (own.everyCommit && wantsUpdate(idle));
  // The standby is told what it is in step with, which its last greeting did not know.
  if (!again) return { state: idle, effects: [...effects, { do: 'greet' }] };
  const error = updateRefusal(idle);
  const more = error === undefined ? begin({ ...idle, waiting: [] }, waiting) : giveUp(idle, error);
  return { state: more.state, effects: [...effects, ...more.effects] };
}

/** Ends the work without a receipt: everybody who waits for one is told why. */
function giveUp(state: SyncState, error: LockstepError): Step {
  const effects: Effect[] = [...serving(state), ...state.waiting].map(ticket => ({
    do: 'answer',
    ticket,
    error,
  }));
  if (state.stepDown !== undefined) effects.push(afterFailedLastUpdate(state, state.stepDown, error));
  return { state: { ...state, work: { step: 'idle' }, waiting: [], stepDown: undefined }, effects };
}

function standDown(own: OwnFacts, { ticket, epoch }: Pick<StepDown, 'ticket' | 'epoch'>): Effect {
  return { do: 'become-standby', ticket, epoch, digest: own.digest };
}

function stoodDown(): LockstepError {
  return new LockstepError('not-active', 'This unit stood down for its partner before the update was made.', {
    hint: 'Type force-update on the partner.',
  });
}

function unlinked(state: SyncState, reason: string): Step {
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
  if (state.work.step === 'taking-over') tickets.push(state.work.ticket);
  return {
    state: {
      ...state,
      link: 'down',
      downBecause: reason,
      work: { step: 'idle' },
      waiting: [],
      stepDown: undefined,
    },
    effects: tickets.map(ticket => ({ do: 'answer', ticket, error: lost })),
  };
}

function serving({ work }: SyncState): Ticket[] {
  return 'serving' in work ? work.serving : [];
}

function heard(state: SyncState, hello: Hello, greeting: boolean): Step {
  const first = greeting && state.link === 'greeting';
  const known: SyncState = { ...state, partner: hello, link: first ? 'up' : state.link };
  if (isFenced(known.own, hello)) {
    return {
      state: known,
      effects: [{ do: 'become-standby', ticket: undefined, epoch: hello.epoch, digest: known.own.digest }],
    };
  }
  // What was refused is tried again on the next commit or when due: at every greeting, it would never end.
  const wanted = first || (known.own.everyCommit && known.refusal === undefined);
  return wanted && wantsUpdate(known) ? begin(known, []) : still(known);
}

/**
 * The partner took over while this unit was away, and nothing was changed here since both were in step:
 * standing down loses nothing. With own changes the operator decides: both-active. So does he when the partner
 * was never in step with anybody: it cannot be the source that this unit would wait for.
 */
function isFenced(own: OwnFacts, partner: Hello): boolean {
  return (
    own.role === 'active' &&
    partner.role === 'active' &&
    partner.epoch > own.epoch &&
    partner.established &&
    own.pairId === partner.pairId &&
    own.digest === own.common
  );
}

function ownChanged(state: SyncState, own: OwnFacts): Step {
  const roleChanged = own.role !== state.own.role || own.epoch !== state.own.epoch;
  // A receipt establishes at once; that it is also on the disk may be told later.
  const established = own.established || (state.own.established && state.own.pairId === own.pairId);
  const known: SyncState = {
    ...state,
    own: { ...own, established },
    refusal: roleChanged || own.role === 'standby' ? undefined : state.refusal,
  };
  const announce = roleChanged || !sameUnit(own, state.own);
  const greet: Effect[] = announce && state.link !== 'down' ? [{ do: 'greet' }] : [];
  const committed = !roleChanged && own.digest !== state.own.digest;
  if (!committed || !own.everyCommit || !wantsUpdate(known)) return { state: known, effects: greet };
  const begun = begin(known, []);
  return { state: begun.state, effects: [...greet, ...begun.effects] };
}

/** Whether a unit still says the same of itself: the partner refuses updates for some of it, so it is told at once. */
function sameUnit(one: OwnFacts, other: OwnFacts): boolean {
  return (['name', 'mode', 'release', 'model', 'schemaDigest'] as const).every(
    fact => one[fact] === other[fact],
  );
}

function force(state: SyncState, ticket: Ticket): Step {
  const error = state.work.step === 'taking-over' ? takingOver() : updateRefusal(state);
  if (error !== undefined) return { state, effects: [{ do: 'answer', ticket, error }] };
  if (state.work.step === 'idle') return begin(state, [ticket]);
  return still({ ...state, waiting: [...state.waiting, ticket] });
}

type RunEvent = Extract<SyncEvent, { type: 'prepared' | 'compared' | 'listed' | 'receipt' | 'failed' }>;
type Running = Extract<Work, { serving: Ticket[] }>;

function working(state: SyncState, event: RunEvent): Step {
  const work = state.work as Running;
  if (event.type === 'receipt') return receipt(state, work, event);
  if (event.type === 'failed') return failed(state, work, event.error);
  // A role or a release may have changed since the run began.
  const error = updateRefusal(state);
  return error === undefined ? goOn(state, work, event) : giveUp(state, error);
}

function goOn(
  state: SyncState,
  work: Running,
  event: Exclude<RunEvent, { type: 'receipt' | 'failed' }>,
): Step {
  const { run, own, partner } = state;
  const send = (difference: Difference | undefined): Effect => ({
    do: 'send',
    run,
    base: partner?.digest ?? '',
    epoch: own.epoch,
    difference,
  });
  switch (event.type) {
    case 'prepared': {
      const { target, revision, route } = event;
      if (route === 'send')
        return {
          state: { ...state, work: { ...work, step: 'sending', target, revision } },
          effects: [send(undefined)],
        };
      return {
        state: { ...state, work: { ...work, step: 'comparing', target, revision } },
        effects: [{ do: 'compare', run, nodes: [[0, 0]] }],
      };
    }
    case 'compared': {
      const further = nextStep(event.nodes);
      return {
        state,
        effects: [
          'nodes' in further
            ? { do: 'compare', run, nodes: further.nodes }
            : { do: 'list', run, buckets: further.buckets },
        ],
      };
    }
    case 'listed':
      return { state: { ...state, work: { ...work, step: 'sending' } }, effects: [send(event.difference)] };
  }
}

function receipt(state: SyncState, work: Running, event: Extract<SyncEvent, { type: 'receipt' }>): Step {
  if (event.digest !== work.target || state.partner === undefined) {
    const error = new LockstepError(
      'digest-differs',
      'The receipt of the partner names another state than the one that was sent.',
      {
        facts: { target: work.target, receipt: event.digest },
      },
    );
    return failed(withPartnerAt(state, event.digest), work, error.toJSON());
  }
  const partner: Hello = { ...state.partner, digest: event.digest, established: true };
  const own: OwnFacts = { ...state.own, common: event.digest, established: true };
  const remember: Effect = {
    do: 'remember',
    digest: event.digest,
    revision: work.revision,
    result: event.result,
    forced: work.serving.length > 0,
    tickets: work.serving,
  };
  return next({ ...state, own, partner, refusal: undefined }, [remember]);
}

/** A base that is not there any more is looked for once, by walking the tree; anything else is told. */
function failed(state: SyncState, work: Running, error: ErrorBody): Step {
  const another = error.code === 'base-differs' || error.code === 'digest-differs';
  if (another && !work.walk) return begin(withPartnerAt(state, heldByPartner(error)), work.serving, true);
  const given = giveUp(state, asError(error));
  const refusal = state.own.role === 'active' ? error : undefined;
  return { state: { ...given.state, refusal }, effects: [...given.effects, { do: 'greet' }] };
}

/** What the partner says it holds when it refuses a base: newer than its last greeting. */
function heldByPartner({ code, facts }: ErrorBody): string | undefined {
  const digest = code === 'base-differs' ? facts?.digest : undefined;
  return typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

function withPartnerAt(state: SyncState, digest: string | undefined): SyncState {
  if (state.partner === undefined || digest === undefined) return state;
  return { ...state, partner: { ...state.partner, digest } };
}

function afterFailedLastUpdate({ own }: SyncState, stepDown: StepDown, error: LockstepError): Effect {
  if (stepDown.force || own.role === 'standby') return standDown(own, stepDown);
  return { do: 'answer', ticket: stepDown.ticket, error: incomplete(error.message) };
}

/** The error that the partner answered with. Another release may have codes that this one does not know. */
export function asError(body: ErrorBody): LockstepError {
  const code = Object.hasOwn(ERROR_CODES, body.code) ? body.code : 'bad-message';
  return new LockstepError(code, body.message, {
    hint: body.hint,
    ...(body.facts === undefined ? {} : { facts: body.facts }),
  });
}

function takeOver(state: SyncState, ticket: Ticket, forced: boolean): Step {
  const error = takeOverRefusal(state, forced);
  if (error !== undefined) return { state, effects: [{ do: 'answer', ticket, error }] };
  const epoch = Math.max(state.own.epoch, state.partner?.epoch ?? 0) + 1;
  if (state.link === 'down')
    return { state, effects: [{ do: 'become-active', ticket, epoch, partnerSteppedDown: false }] };
  const run = state.run + 1;
  return {
    state: { ...state, run, work: { step: 'taking-over', ticket, epoch } },
    effects: [{ do: 'ask-step-down', run, epoch, force: forced }],
  };
}

function takeOverRefusal(
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
  return undefined;
}

function takingOver(): LockstepError {
  return new LockstepError('conflict', 'A takeover is under way already.', {
    hint: 'Try again in a moment.',
  });
}

function steppedDown(state: SyncState, run: number): Step {
  if (state.work.step !== 'taking-over' || run !== state.run) return still(state);
  const { ticket, epoch } = state.work;
  const partner =
    state.partner === undefined ? undefined : { ...state.partner, role: 'standby' as Role, epoch };
  return {
    state: { ...state, partner, work: { step: 'idle' } },
    effects: [{ do: 'become-active', ticket, epoch, partnerSteppedDown: true }],
  };
}

function notSteppedDown(
  state: SyncState,
  { run, error }: Extract<SyncEvent, { type: 'not-stepped-down' }>,
): Step {
  if (state.work.step !== 'taking-over' || run !== state.run) return still(state);
  return {
    state: { ...state, work: { step: 'idle' } },
    effects: [{ do: 'answer', ticket: state.work.ticket, error: asError(error) }],
  };
}

/** Before this unit steps down, the one that takes over must hold everything; `force` gives that up. */
function askedToStepDown(
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
  const error = updateRefusal(state);
  if (error === undefined && state.stepDown === undefined) {
    const asked: SyncState = { ...state, stepDown: { ticket, epoch, force: forced } };
    return idle ? begin(asked, []) : still(asked);
  }
  if (forced) return { state, effects: [give] };
  return {
    state,
    effects: [
      { do: 'answer', ticket, error: incomplete(error?.message ?? 'Another takeover is under way.') },
    ],
  };
}

function incomplete(because: string): LockstepError {
  return new LockstepError(
    'takeover-incomplete',
    `The active unit holds changes that this unit does not, and they cannot be sent. ${because}`,
    {
      hint: 'lockstep takeover --force takes over without them; they stay in the history of the other unit.',
    },
  );
}
