import { Turn } from '../host/turn.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import { answerTo, type ServiceOptions } from './answers.ts';
import type { Channel } from './channel.ts';
import type { Reply, Request } from './message.ts';
import { encodeMessage, parseRequest } from './message-format.ts';
import { asError } from './partner-error.ts';
import { freshResponder, greetedAfter, type ReceivedUpdate, respond } from './responder.ts';

export type { ServiceOptions };

/** Requests that may wait for their turn. A partner asks one thing after the other, and greets in between. */
const MAX_WAITING = { requests: 64, bytes: 16 * 1024 * 1024 };

/** Answers the partner on the connection that it dialled, one request after the other. */
export function serve(channel: Channel, options: ServiceOptions): void {
  const service = new Service(channel, options);
  channel.onFrame(payload => service.take(payload));
}

class Service {
  private readonly channel: Channel;
  private readonly options: ServiceOptions;
  private state = freshResponder;
  private readonly turn = new Turn();
  private readonly waiting = { requests: 0, bytes: 0 };
  private flooded = false;

  constructor(channel: Channel, options: ServiceOptions) {
    this.channel = channel;
    this.options = options;
  }

  take(payload: Buffer): void {
    const { waiting } = this;
    if (this.flooded) return;
    waiting.requests++;
    waiting.bytes += payload.length;
    if (waiting.requests > MAX_WAITING.requests || waiting.bytes > MAX_WAITING.bytes) {
      this.endFlood();
      return;
    }
    this.turn
      .take(async () => {
        try {
          if (!this.flooded) await this.answer(payload);
        } finally {
          waiting.requests--;
          waiting.bytes -= payload.length;
        }
      })
      .catch(error => this.channel.close(asLockstepError(error).message));
  }

  /** Whoever asks and does not read the answers would make the questions pile up here. */
  private endFlood(): void {
    this.flooded = true;
    const error = new LockstepError(
      'too-large',
      'More requests wait for their answers than a partner sends.',
    );
    this.options.onRefusal(error);
    this.channel.close(error.message);
  }

  private async answer(payload: Buffer): Promise<void> {
    const { options } = this;
    const request = this.read(payload);
    const { state, effects } = respond(this.state, options.own(), request, payload.length);
    this.state = state;
    if (request.type === 'update' && state.staged?.changeId === request.changeId)
      options.store.prepare(request.changes);
    for (const effect of effects) {
      const reply = await answerTo(effect, options);
      if (reply.type === 'error') options.onRefusal(asError(reply.error));
      await this.channel.send(encodeMessage(reply));
      if (effect.do === 'apply' && reply.type === 'receipt') this.noteUpdate(effect.update, reply);
    }
  }

  /** After an update the partner holds what it sent; that need not be greeted. */
  private noteUpdate(
    update: ReceivedUpdate,
    { revision, digest }: Extract<Reply, { type: 'receipt' }>,
  ): void {
    if (this.state.greeted === undefined) return;
    const { store } = this.options.own();
    const seen = store === undefined ? undefined : { store, revision, digest };
    const greeted = greetedAfter(this.state.greeted, update, seen);
    this.state = { ...this.state, greeted };
    this.options.onHello(greeted);
  }

  private read(payload: Buffer): Request {
    try {
      return parseRequest(payload);
    } catch (error) {
      this.options.onRefusal(asLockstepError(error));
      throw error;
    }
  }
}
