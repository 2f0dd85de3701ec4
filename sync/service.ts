import { asLockstepError, LockstepError } from '../schema/error.ts';
import { FAN_OUT, LEVELS } from '../store/digest.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import type { Store } from '../store/store.ts';
import type { Channel } from './channel.ts';
import { encodeMessage, type Hello, parseRequest, type Reply } from './message.ts';
import { asError } from './partner-error.ts';
import { freshResponder, type ResponderEffect, respond } from './responder.ts';
import { greetingOf, type OwnFacts } from './state.ts';
import { cutNode } from './walk.ts';

export interface ServiceOptions {
  store: Store;
  own(): OwnFacts;
  clock(): number;
  onHello(hello: Hello): void;
  onUpdate(update: {
    result: 'applied' | 'already-applied';
    digest: string;
    revision: number;
    from: string;
    records: number;
  }): Promise<void>;
  onRefusal(error: LockstepError): void;
  stepDown(epoch: number, force: boolean, digest: string): Promise<{ epoch: number }>;
}

/** Answers the partner on the connection that it dialled, one request after the other. */
export function serve(channel: Channel, options: ServiceOptions): void {
  let state = freshResponder;
  let turn = Promise.resolve();
  channel.onFrame(payload => {
    turn = turn
      .then(() => answerFrame(payload))
      .catch(error => channel.close(asLockstepError(error).message));
  });

  async function answerFrame(payload: Buffer): Promise<void> {
    const request = parseRequest(payload);
    const responded = respond(state, options.own(), request, payload.length);
    state = responded.state;
    for (const effect of responded.effects) await reply(await carryOut(effect, options));
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
      return { type: 'hello-too', re: effect.re, ...greetingOf(options.own(), options.clock()) };
    }
    case 'apply':
      return orRefuse(effect.re, async () => {
        const applied = await options.store.applyUpdate(effect.update);
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
    case 'step-down':
      return orRefuse(effect.re, async () => {
        const { epoch } = await options.stepDown(effect.epoch, effect.force, effect.digest);
        return { type: 'stepped-down', re: effect.re, epoch, digest: options.store.head.digest };
      });
  }
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

function nodes(snapshot: StoreSnapshot, wanted: [level: number, index: number][]): Promise<string[]> {
  return Promise.all(
    wanted.map(async ([level, index]) => {
      if (level >= LEVELS || index >= FAN_OUT ** level)
        throw new LockstepError('bad-message', 'The digest tree has no such node.');
      return cutNode(await snapshot.node(level, index)).toString('base64');
    }),
  );
}

function buckets(snapshot: StoreSnapshot, wanted: number[]): Promise<[string, string][][]> {
  return Promise.all(
    wanted.map(async index => {
      if (index >= FAN_OUT ** LEVELS)
        throw new LockstepError('bad-message', 'The digest tree has no such bucket.');
      return [...(await snapshot.bucket(index))].map(([path, hash]): [string, string] => [
        path,
        hash.toString('base64'),
      ]);
    }),
  );
}
