import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Branch } from '../store/branch.ts';
import type { Witness } from '../store/head.ts';
import type { PairChange, TrialUpdate, UpdateRequest } from '../store/store.ts';
import { withWitness, witnessOf } from '../store/witness.ts';
import type { Hello, Reply, Request, UpdateMessage } from './message.ts';
import { mismatches, mismatchToldThere } from './pair-state.ts';
import type { OwnFacts } from './state.ts';

/**
 * The answering side of one connection, as a pure step machine: what a request means given what came before it.
 * Nothing but a greeting is taken from a unit that has not said who it is.
 */
export interface ResponderState {
  greeted: Hello | undefined;
  /** An update whose last frame has not come. */
  staged: Staged | undefined;
  /** An update that was refused while frames of it are still on their way. */
  discarded: string | undefined;
}

interface Staged {
  changeId: string;
  next: number;
  bytes: number;
  changes: PairChange[][];
}

/** Most bytes of one update that are staged before it is applied. */
export const MAX_STAGED_BYTES = 1024 * 1024 * 1024;

export type ResponderEffect =
  | { do: 'reply'; reply: Reply }
  | { do: 'greet-back'; re: number; hello: Hello }
  | { do: 'apply'; re: number; update: ReceivedUpdate }
  | { do: 'show-nodes'; re: number; nodes: [level: number, index: number][] }
  | { do: 'show-buckets'; re: number; buckets: number[] }
  | { do: 'try'; re: number; trial: TrialUpdate }
  | { do: 'show-kinds'; re: number }
  | { do: 'tell-known'; re: number; revisions: [revision: number, at: string][] }
  | { do: 'show-branch'; re: number; name: string; from: number }
  | { do: 'examine'; re: number; nonce: string }
  | { do: 'close-branch'; re: number; name: string; merged: NonNullable<Branch['merged']> }
  | { do: 'answer-audit'; re: number; question: JsonObject }
  | { do: 'step-down'; re: number; epoch: number; force: boolean; digest: string };

/** An update as it came: time that is left, not yet a deadline of this unit's clock; `revision`: the sender's. */
export type ReceivedUpdate = Omit<UpdateRequest, 'provisional'> &
  Pick<UpdateMessage, 'provisional' | 'revision'>;

export const freshResponder: ResponderState = { greeted: undefined, staged: undefined, discarded: undefined };

/** `bytes`: length of the frame that `request` came in. */
export function respond(
  state: ResponderState,
  own: OwnFacts,
  request: Request,
  bytes: number,
): { state: ResponderState; effects: ResponderEffect[] } {
  const answer = (...effects: ResponderEffect[]) => ({ state, effects });
  if (request.type === 'join' || request.type === 'confirm')
    return answer(
      refuse(
        request.id,
        new LockstepError('already-paired', 'The two units are paired already.', {
          hint: 'When one of them forgot it, that one invites: lockstep pair --invite there, and here what it prints.',
        }),
      ),
    );
  if (request.type === 'hello') {
    const { type: _type, id, ...hello } = request;
    return { state: { ...state, greeted: hello }, effects: [{ do: 'greet-back', re: id, hello }] };
  }
  if (state.greeted === undefined)
    return answer(
      refuse(
        request.id,
        new LockstepError('bad-message', `A message "${request.type}" came before the greeting.`),
      ),
    );
  if (state.greeted.pacified === true)
    return answer(
      refuse(request.id, new LockstepError('pacified', 'The sender is pacified: it takes part in nothing.')),
    );
  switch (request.type) {
    case 'update':
      return stage(state, own, state.greeted, request, bytes);
    case 'compare':
      return answer({ do: 'show-nodes', re: request.id, nodes: request.nodes });
    case 'list':
      return answer({ do: 'show-buckets', re: request.id, buckets: request.buckets });
    case 'trial':
      return answer(tryOut(own, state.greeted, request));
    case 'kinds':
      return answer({ do: 'show-kinds', re: request.id });
    case 'known':
      return answer({ do: 'tell-known', re: request.id, revisions: request.revisions });
    case 'branch':
      return answer({ do: 'show-branch', re: request.id, name: request.name, from: request.from });
    case 'examine':
      return answer({ do: 'examine', re: request.id, nonce: request.nonce });
    case 'branch-merged':
      return answer(closeBranch(request));
    case 'audit':
      return answer({ do: 'answer-audit', re: request.id, question: request.question });
    case 'step-down':
      return answer(stepDown(own, state.greeted, request));
  }
}

/** What the sender of an update would say of itself once its receipt is in: it does not have to say it. `seen`: of this unit. */
export function greetedAfter(
  from: Hello,
  { epoch, target, revision, provisional }: ReceivedUpdate,
  seen?: Witness,
): Hello {
  const known = seen !== undefined && from.witnessed !== undefined;
  return {
    ...from,
    ...(known ? { witnessed: withWitness(from.witnessed, seen) } : {}),
    epoch,
    revision,
    digest: target,
    common: target,
    established: true,
    provisional: provisional?.id ?? '',
  };
}

function stage(
  state: ResponderState,
  own: OwnFacts,
  from: Hello,
  message: UpdateMessage,
  bytes: number,
): { state: ResponderState; effects: ResponderEffect[] } {
  if (state.discarded === message.changeId) return { state, effects: [] };
  const staged: Staged =
    state.staged?.changeId === message.changeId
      ? state.staged
      : { changeId: message.changeId, next: 0, bytes: 0, changes: [] };
  const error = updateError(own, from, message, staged, bytes);
  if (error !== undefined) {
    return {
      state: { ...state, staged: otherThan(message, state.staged), discarded: message.changeId },
      effects: [refuse(message.id, error)],
    };
  }
  staged.changes.push(message.changes); // grows in place: an update can have thousands of frames
  if (!message.last) {
    return {
      state: { ...state, staged: { ...staged, next: staged.next + 1, bytes: staged.bytes + bytes } },
      effects: [],
    };
  }
  const { base, target, epoch, revision, brought, provisional, confirmed } = message;
  const update: ReceivedUpdate = {
    changes: staged.changes.flat(),
    base,
    target,
    epoch,
    revision,
    from: from.name,
    to: own.name,
    common: from.common,
    brought,
    provisional,
    confirmed,
    source: {
      store: from.store ?? '',
      revision,
      exact: from.schemaDigest === own.schemaDigest,
      seen: own.store === undefined ? undefined : witnessOf(own.store, from.witnessed),
    },
  };
  return { state: { ...state, staged: undefined }, effects: [{ do: 'apply', re: message.id, update }] };
}

/** A late frame of an old update does not harm the one that is coming in. */
function otherThan({ changeId }: UpdateMessage, staged: Staged | undefined): Staged | undefined {
  return staged?.changeId === changeId ? undefined : staged;
}

function updateError(
  own: OwnFacts,
  from: Hello,
  message: UpdateMessage,
  staged: Staged,
  bytes: number,
): LockstepError | undefined {
  const refused = senderError(own, from);
  if (refused !== undefined) return refused;
  if (message.sequence !== staged.next)
    return new LockstepError('bad-message', 'The frames of an update came out of order.');
  if (staged.bytes + bytes > MAX_STAGED_BYTES)
    return new LockstepError('too-large', `An update has more than ${MAX_STAGED_BYTES} bytes.`);
  return undefined;
}

/** Why nothing is taken from this unit. */
function senderError(own: OwnFacts, from: Hello): LockstepError | undefined {
  const different = mismatches(own, from);
  if (different.length > 0) return mismatchToldThere(different);
  if (from.role !== 'active')
    return new LockstepError('bad-message', 'An update came from a unit that is not active.');
  return undefined;
}

function tryOut(own: OwnFacts, from: Hello, request: Extract<Request, { type: 'trial' }>): ResponderEffect {
  const { id, epoch, base, changes } = request;
  const error = senderError(own, from);
  return error === undefined
    ? { do: 'try', re: id, trial: { epoch, base, changes, from: from.name } }
    : refuse(id, error);
}

function stepDown(
  own: OwnFacts,
  from: Hello,
  request: Extract<Request, { type: 'step-down' }>,
): ResponderEffect {
  const different = mismatches(own, from);
  if (different.length > 0) return refuse(request.id, mismatchToldThere(different));
  if (request.epoch <= own.epoch) {
    return refuse(
      request.id,
      new LockstepError('stale-epoch', `Epoch ${request.epoch} is over; this unit is in epoch ${own.epoch}.`),
    );
  }
  return {
    do: 'step-down',
    re: request.id,
    epoch: request.epoch,
    force: request.force,
    digest: request.digest,
  };
}

function closeBranch({
  id,
  name,
  revision,
  at,
  author,
}: Extract<Request, { type: 'branch-merged' }>): ResponderEffect {
  return { do: 'close-branch', re: id, name, merged: { revision, at, author } };
}

function refuse(re: number, error: LockstepError): ResponderEffect {
  return { do: 'reply', reply: { type: 'error', re, error: error.toJSON() } };
}
