import { type Moment, makeDeadline } from '../host/deadline.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { FAN_OUT, LEVELS } from '../store/digest.ts';
import type { Provisional } from '../store/head.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import type { Store } from '../store/store.ts';
import { cutNode } from '../store/tree-walk.ts';
import { branchPart } from './branch-exchange.ts';
import type { Channel } from './channel.ts';
import { newestKnown } from './fork.ts';
import {
  encodeMessage,
  type Hello,
  type ProvisionalNote,
  parseRequest,
  type Reply,
  type Request,
} from './message.ts';
import { asError } from './partner-error.ts';
import {
  freshResponder,
  greetedAfter,
  type ReceivedUpdate,
  type ResponderEffect,
  respond,
} from './responder.ts';
import { greetingOf, type OwnFacts } from './state.ts';

export interface ServiceOptions {
  store: Store;
  own(): OwnFacts;
  clock(): Moment;
  /** How many records this unit holds back from its partner. */
  heldBack(): number;
  onHello(hello: Hello): void;
  onUpdate(update: {
    result: 'applied' | 'already-applied';
    digest: string;
    revision: number;
    from: string;
    records: number;
  }): Promise<void>;
  onRefusal(error: LockstepError): void;
  /** Answers a question of an audit; without it, none is answered. */
  onAudit?(question: JsonObject): Promise<JsonObject>;
  stepDown(epoch: number, force: boolean, digest: string): Promise<{ epoch: number }>;
  /** How this unit is. */
  examine(nonce: string): Promise<JsonObject>;
}

/** Requests that may wait for their turn. A partner asks one thing after the other, and greets in between. */
const MAX_WAITING = { requests: 64, bytes: 16 * 1024 * 1024 };

/** Answers the partner on the connection that it dialled, one request after the other. */
export function serve(channel: Channel, options: ServiceOptions): void {
  let state = freshResponder;
  let turn = Promise.resolve();
  const waiting = { requests: 0, bytes: 0 };
  let flooded = false;
  channel.onFrame(payload => {
    if (flooded) return;
    waiting.requests++;
    waiting.bytes += payload.length;
    if (waiting.requests > MAX_WAITING.requests || waiting.bytes > MAX_WAITING.bytes) return endFlood();
    turn = turn
      .then(() => (flooded ? undefined : answerFrame(payload)))
      .catch(error => channel.close(asLockstepError(error).message))
      .finally(() => {
        waiting.requests--;
        waiting.bytes -= payload.length;
      });
  });

  /** Whoever asks and does not read the answers would make the questions pile up here. */
  function endFlood(): void {
    flooded = true;
    const error = new LockstepError(
      'too-large',
      'More requests wait for their answers than a partner sends.',
    );
    options.onRefusal(error);
    channel.close(error.message);
  }

  async function answerFrame(payload: Buffer): Promise<void> {
    const request = read(payload);
    const responded = respond(state, options.own(), request, payload.length);
    state = responded.state;
    if (request.type === 'update' && state.staged?.changeId === request.changeId)
      options.store.prepare(request.changes);
    for (const effect of responded.effects) {
      const answer = await carryOut(effect, options);
      await reply(answer);
      if (effect.do === 'apply' && answer.type === 'receipt') noteGreeting(effect.update, answer);
    }
  }

  function noteGreeting(
    update: ReceivedUpdate,
    { revision, digest }: Extract<Reply, { type: 'receipt' }>,
  ): void {
    if (state.greeted === undefined) return;
    const { store } = options.own();
    const seen = store === undefined ? undefined : { store, revision, digest };
    const greeted = greetedAfter(state.greeted, update, seen);
    state = { ...state, greeted };
    options.onHello(greeted);
  }

  function read(payload: Buffer): Request {
    try {
      return parseRequest(payload);
    } catch (error) {
      options.onRefusal(asLockstepError(error));
      throw error;
    }
  }

  async function reply(message: Reply): Promise<void> {
    if (message.type === 'error') options.onRefusal(asError(message.error));
    await channel.send(encodeMessage(message));
  }
}

async function carryOut(effect: ResponderEffect, options: ServiceOptions): Promise<Reply> {
  switch (effect.do) {
    case 'reply':
      return effect.reply;
    case 'greet-back': {
      options.onHello(effect.hello);
      const { store, own, clock, heldBack } = options;
      const beside = { branches: store.branches.open(), heldBack: heldBack() };
      return { type: 'hello-too', re: effect.re, ...greetingOf(own(), clock().wall, beside) };
    }
    case 'apply':
      return orRefuse(effect.re, async () => {
        const { provisional: note, revision: _theirs, ...update } = effect.update;
        const provisional = note === null ? undefined : provisionalOf(note, options.clock());
        const applied = await options.store.applyUpdate({ ...update, provisional });
        await options.onUpdate({
          ...applied,
          from: effect.update.from,
          records: effect.update.changes.length,
        });
        return { type: 'receipt', re: effect.re, ...applied };
      });
    case 'show-nodes':
      return orRefuse(effect.re, () =>
        withSnapshot(options.store, async snapshot => ({
          type: 'nodes',
          re: effect.re,
          nodes: await nodes(snapshot, effect.nodes),
        })),
      );
    case 'show-buckets':
      return orRefuse(effect.re, () =>
        withSnapshot(options.store, async snapshot => ({
          type: 'leaves',
          re: effect.re,
          buckets: await buckets(snapshot, effect.buckets),
        })),
      );
    case 'try':
      return orRefuse(effect.re, async () => {
        await options.store.tryUpdate(effect.trial);
        return { type: 'would-take', re: effect.re };
      });
    case 'show-kinds': {
      const { digest, kindDigests } = options.store.catalog;
      return { type: 'kinds-are', re: effect.re, schemaDigest: digest, kinds: kindDigests };
    }
    case 'tell-known':
      return orRefuse(effect.re, async () => ({
        type: 'known-is',
        re: effect.re,
        revision: await newestKnown(options.store, effect.revisions),
      }));
    case 'show-branch':
      return orRefuse(effect.re, async () => ({
        type: 'branch-part',
        re: effect.re,
        ...(await branchPart(options.store.branches, effect.name, effect.from)),
      }));
    case 'examine':
      return orRefuse(effect.re, async () => ({
        type: 'facts',
        re: effect.re,
        facts: await options.examine(effect.nonce),
      }));
    case 'close-branch':
      return orRefuse(effect.re, async () => {
        await options.store.closeBranch(effect.name, effect.merged);
        return { type: 'branch-closed', re: effect.re };
      });
    case 'answer-audit':
      return orRefuse(effect.re, async () => {
        if (options.onAudit === undefined)
          throw new LockstepError('bad-message', 'This unit answers no audit.');
        return { type: 'audited', re: effect.re, answer: await options.onAudit(effect.question) };
      });
    case 'step-down':
      return orRefuse(effect.re, async () => {
        const { epoch } = await options.stepDown(effect.epoch, effect.force, effect.digest);
        return { type: 'stepped-down', re: effect.re, epoch, digest: options.store.head.digest };
      });
  }
}

function provisionalOf({ msLeft, ...note }: ProvisionalNote, clock: Moment): Provisional {
  return { ...note, deadline: makeDeadline(msLeft, clock) };
}

async function orRefuse(re: number, act: () => Promise<Reply>): Promise<Reply> {
  try {
    return await act();
  } catch (error) {
    return { type: 'error', re, error: asLockstepError(error).toJSON() };
  }
}

async function withSnapshot<T>(store: Store, read: (snapshot: StoreSnapshot) => Promise<T>): Promise<T> {
  const snapshot = await store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    snapshot.close();
  }
}

async function nodes(snapshot: StoreSnapshot, wanted: [level: number, index: number][]): Promise<string[]> {
  const found: string[] = [];
  for (const [level, index] of wanted) {
    if (level >= LEVELS || index >= FAN_OUT ** level)
      throw new LockstepError('bad-message', 'The digest tree has no such node.');
    found.push(cutNode(await snapshot.node(level, index)).toString('base64'));
  }
  return found;
}

async function buckets(snapshot: StoreSnapshot, wanted: number[]): Promise<[string, string][][]> {
  const found: [string, string][][] = [];
  for (const index of wanted) {
    if (index >= FAN_OUT ** LEVELS)
      throw new LockstepError('bad-message', 'The digest tree has no such bucket.');
    const bucket = await snapshot.bucket(index);
    found.push([...bucket].map(([path, hash]): [string, string] => [path, hash.toString('base64')]));
  }
  return found;
}
