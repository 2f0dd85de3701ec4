/** The steps of one run: find out what the partner lacks, send it, compare its receipt with what was sent. */
import { type ErrorBody, LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { type Difference, nextStep } from '../store/tree-walk.ts';
import { heldBackError } from './held-back.ts';
import type { Hello } from './message.ts';
import { updateRefusal, wantsUpdate } from './pair-state.ts';
import { asError } from './partner-error.ts';
import {
  type Effect,
  heldBack,
  type OwnFacts,
  type RunEvent,
  type Running,
  type Step,
  type SyncEvent,
  type SyncState,
  serving,
  still,
  type Ticket,
  type Work,
} from './state.ts';
import { afterFailedLastUpdate, standDown, stoodDown } from './step-down.ts';
import { takingOver } from './takeover-refusal.ts';

export function begin(state: SyncState, serving: Ticket[], walk = false): Step {
  const run = state.run + 1;
  const { own, partner } = state;
  const base = partner?.digest ?? '';
  const work: Work = { step: 'preparing', serving, walk, base, target: '', revision: 0 };
  const otherSchema = partner?.schemaDigest === own.schemaDigest ? undefined : partner?.schemaDigest;
  return {
    state: { ...state, run, work },
    effects: [{ do: 'prepare', run, base, walk, otherSchema }],
  };
}

/** After a run has ended: the next one, if somebody waits or something came in meanwhile. `greets`: the partner is told of it. */
function next(state: SyncState, remember: Effect, greets: boolean): Step {
  const effects = [remember];
  const idle: SyncState = { ...state, work: { step: 'idle' } };
  const { stepDown, waiting, own } = idle;
  if (stepDown !== undefined && own.digest === idle.partner?.digest) {
    const left = giveUp({ ...idle, stepDown: undefined }, stoodDown());
    return { state: left.state, effects: [...effects, ...left.effects, standDown(own, stepDown)] };
  }
  const held = heldBack(idle);
  if (stepDown !== undefined && held !== undefined) {
    const left = giveUp(idle, heldBackError(idle, held));
    return { state: left.state, effects: [...effects, ...left.effects] };
  }
  const again = stepDown !== undefined || waiting.length > 0 || (own.everyCommit && wantsUpdate(idle));
  if (greets) effects.push({ do: 'greet' });
  if (!again) return { state: idle, effects };
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

export function force(state: SyncState, ticket: Ticket): Step {
  const error = state.work.step === 'taking-over' ? takingOver() : updateRefusal(state);
  if (error !== undefined) return { state, effects: [{ do: 'answer', ticket, error }] };
  if (state.work.step === 'idle') return begin(state, [ticket]);
  return still({ ...state, waiting: [...state.waiting, ticket] });
}

export function working(state: SyncState, event: RunEvent): Step {
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
    case 'listed': {
      const { difference, heldBack: left } = event;
      const held = left && { records: left.records, paths: left.paths, own: work.target };
      const target = left?.target ?? work.target;
      return {
        state: { ...state, work: { ...work, step: 'sending', target, held } },
        effects: [send(difference)],
      };
    }
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
  const { provisional } = state.own;
  const partner: Hello = { ...state.partner, digest: event.digest, established: true, provisional };
  const { held } = work;
  // With something held back, the two were not equal: what was committed since they were is still this unit's own.
  const common = held === undefined ? event.digest : state.own.common;
  const own: OwnFacts = { ...state.own, common, established: true };
  const saidAll = isAllSaid(state, work);
  const known: SyncState = {
    ...state,
    own,
    partner,
    refusal: undefined,
    // A partner that had gone its own way has made a branch of that, which its next greeting names.
    copying: state.copying || hadItsOwn(state, work, event.result),
    held: held && { ...held, partner: partner.digest, partnerSchema: partner.schemaDigest },
  };
  const remember: Effect = {
    do: 'remember',
    digest: event.digest,
    revision: work.revision,
    result: event.result,
    forced: work.serving.length > 0,
    tickets: work.serving,
    heldBack: held && { records: held.records, paths: held.paths },
    ...(event.revision === undefined
      ? {}
      : { seen: { store: partner.store ?? '', revision: event.revision, digest: event.digest } }),
  };
  return next(known, remember, !saidAll);
}

function hadItsOwn(
  { own, partner }: SyncState,
  { base }: Running,
  result: 'applied' | 'already-applied',
): boolean {
  return (
    result === 'applied' && partner?.established === true && base !== own.common && base !== EMPTY_DIGEST
  );
}

/**
 * An update says of its sender what a greeting would, and its receipt of the partner, unless something is or was held back,
 * or there are branches: a partner that had gone its own way made one of that, and its copies of what is merged may be closed.
 */
function isAllSaid({ own, partner, held }: SyncState, work: Running): boolean {
  return (
    work.held === undefined &&
    held === undefined &&
    work.base === own.common &&
    partner?.branches.length === 0
  );
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
