import { type Moment, makeDeadline } from '../host/deadline.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { FAN_OUT, LEVELS } from '../store/digest.ts';
import type { Provisional } from '../store/head.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import type { Store } from '../store/store.ts';
import { cutNode } from '../store/tree-walk.ts';
import { branchPart } from './branch-exchange.ts';
import { newestKnown } from './fork.ts';
import type { Hello, ProvisionalNote, Reply } from './message.ts';
import type { TakenUpdate } from './receipt.ts';
import type { ResponderEffect } from './responder.ts';
import { greetingOf, type OwnFacts } from './state.ts';

export interface ServiceOptions {
  store: Store;
  own(): OwnFacts;
  clock(): Moment;
  /** How many records this unit holds back from its partner. */
  heldBack(): number;
  onHello(hello: Hello): void;
  /** An update came in. `from`: id of the unit that sent it. */
  onUpdate(update: TakenUpdate, from: string): Promise<void>;
  onRefusal(error: LockstepError): void;
  /** Answers a question of an audit; without it, none is answered. */
  onAudit?(question: JsonObject): Promise<JsonObject>;
  stepDown(epoch: number, force: boolean, digest: string): Promise<{ epoch: number }>;
  /** How this unit is. */
  examine(nonce: string): Promise<JsonObject>;
}

type EffectOf<Do extends ResponderEffect['do']> = Extract<ResponderEffect, { do: Do }>;
type Answer = { [Type in Reply['type']]: Omit<Extract<Reply, { type: Type }>, 're'> }[Reply['type']];

/** Carries out what the partner asked for. What goes wrong is an answer too. */
export async function answerTo(effect: ResponderEffect, options: ServiceOptions): Promise<Reply> {
  if (effect.do === 'reply') return effect.reply;
  const { re } = effect;
  try {
    return { ...(await makeAnswer(effect, options)), re } as Reply;
  } catch (error) {
    return { type: 'error', re, error: asLockstepError(error).toJSON() };
  }
}

async function makeAnswer(
  effect: Exclude<ResponderEffect, { do: 'reply' }>,
  options: ServiceOptions,
): Promise<Answer> {
  const { store } = options;
  switch (effect.do) {
    case 'greet-back':
      return greetBack(effect, options);
    case 'apply':
      return apply(effect, options);
    case 'show-nodes':
      return { type: 'nodes', nodes: await withSnapshot(store, found => nodes(found, effect.nodes)) };
    case 'show-buckets':
      return { type: 'leaves', buckets: await withSnapshot(store, found => buckets(found, effect.buckets)) };
    case 'try':
      await store.tryUpdate(effect.trial);
      return { type: 'would-take' };
    case 'show-kinds':
      return { type: 'kinds-are', schemaDigest: store.catalog.digest, kinds: store.catalog.kindDigests };
    case 'tell-known':
      return { type: 'known-is', revision: await newestKnown(store, effect.revisions) };
    case 'show-branch':
      return { type: 'branch-part', ...(await branchPart(store.branches, effect.name, effect.from)) };
    case 'close-branch':
      await store.closeBranch(effect.name, effect.merged);
      return { type: 'branch-closed' };
    case 'examine':
      return { type: 'facts', facts: await options.examine(effect.nonce) };
    case 'answer-audit':
      return { type: 'audited', answer: await answerAudit(effect, options) };
    case 'step-down': {
      const { epoch } = await options.stepDown(effect.epoch, effect.force, effect.digest);
      return { type: 'stepped-down', epoch, digest: store.head.digest };
    }
  }
}

function greetBack({ hello }: EffectOf<'greet-back'>, options: ServiceOptions): Answer {
  const { store, own, clock, heldBack, onHello } = options;
  onHello(hello);
  const beside = { branches: store.branches.open(), heldBack: heldBack() };
  return { type: 'hello-too', ...greetingOf(own(), clock().wall, beside) };
}

async function apply(
  { update: { provisional: note, revision: _theirs, ...update } }: EffectOf<'apply'>,
  { store, clock, onUpdate }: ServiceOptions,
): Promise<Answer> {
  const provisional = note === null ? undefined : provisionalOf(note, clock());
  const applied = await store.applyUpdate({ ...update, provisional });
  const records = update.changes.length;
  const at = new Date(clock().wall).toISOString();
  await onUpdate({ ...applied, kind: 'taken', records, at }, update.from);
  return { type: 'receipt', ...applied };
}

async function answerAudit(
  { question }: EffectOf<'answer-audit'>,
  { onAudit }: ServiceOptions,
): Promise<JsonObject> {
  if (onAudit === undefined) throw new LockstepError('bad-message', 'This unit answers no audit.');
  return onAudit(question);
}

function provisionalOf({ msLeft, ...note }: ProvisionalNote, clock: Moment): Provisional {
  return { ...note, deadline: makeDeadline(msLeft, clock) };
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
