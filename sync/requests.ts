import type { Timers } from '../host/timers.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { Channel } from './channel.ts';
import type { Reply, Request } from './message.ts';
import { encodeMessage, parseReply } from './message-format.ts';
import { asError } from './partner-error.ts';

/** A partner that takes longer than this for one answer counts as gone. */
const ANSWER_MS = 60_000;

/** A request without its answer yet; `extend` starts the time for it anew. */
interface Pending {
  resolve(reply: Reply): void;
  reject(error: LockstepError): void;
  extend(): void;
}

type ReplyOf<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

/** Requests over one channel, and the replies that belong to them. */
export class Requests {
  private readonly channel: Channel;
  private readonly timers: Timers;
  private readonly pending = new Map<number, Pending>();
  private counter = 0;

  constructor(channel: Channel, timers: Timers) {
    this.channel = channel;
    this.timers = timers;
    channel.onFrame(payload => this.onReply(payload));
  }

  /**
   * Rejects with what the partner refused with, or `partner-unreachable`. The time for the answer runs while
   * the request still waits to be sent: a channel may take nothing more.
   */
  ask<Type extends Reply['type']>(make: (id: number) => Request, type: Type): Promise<ReplyOf<Type>> {
    const id = ++this.counter;
    const reply = this.expect(id, type);
    this.channel.send(encodeMessage(make(id))).catch(error => this.fail(id, asLockstepError(error)));
    return reply;
  }

  /** A request of many frames, as fast as the channel takes them. Sends no more once it was refused. */
  async askInFrames<Type extends Reply['type']>(
    frames: (id: number) => AsyncIterable<Buffer>,
    type: Type,
  ): Promise<ReplyOf<Type>> {
    const id = ++this.counter;
    const reply = this.expect(id, type);
    reply.catch(() => undefined); // it may fail while frames are still going out; awaited below
    try {
      for await (const payload of frames(id)) {
        await this.channel.send(payload);
        const pending = this.pending.get(id);
        if (pending === undefined) break;
        pending.extend();
      }
    } catch (error) {
      this.fail(id, asLockstepError(error));
    }
    return reply;
  }

  /** Nothing is asked that was not answered. */
  get isIdle(): boolean {
    return this.pending.size === 0;
  }

  /** The channel is closed: nothing more will be answered. */
  failAll(error: LockstepError): void {
    for (const id of [...this.pending.keys()]) this.fail(id, error);
  }

  private fail(id: number, error: LockstepError): void {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    pending?.reject(error);
  }

  private onReply(payload: Buffer): void {
    const reply = parseReply(payload);
    const pending = this.pending.get(reply.re);
    this.pending.delete(reply.re);
    if (reply.type === 'error') pending?.reject(asError(reply.error));
    else pending?.resolve(reply);
  }

  private expect<Type extends Reply['type']>(id: number, type: Type): Promise<ReplyOf<Type>> {
    return new Promise((resolve, reject) => {
      let cancel = (): void => undefined;
      const extend = (): void => {
        cancel();
        cancel = this.timers.after(ANSWER_MS, () => this.fail(id, noAnswer()));
      };
      this.pending.set(id, {
        extend,
        resolve: reply => {
          cancel();
          if (reply.type === type) resolve(reply as ReplyOf<Type>);
          else reject(otherAnswer(reply.type, type));
        },
        reject: error => {
          cancel();
          reject(error);
        },
      });
      extend();
    });
  }
}

function noAnswer(): LockstepError {
  return new LockstepError('partner-unreachable', `The partner did not answer within ${ANSWER_MS / 1000} s.`);
}

function otherAnswer(came: string, expected: string): LockstepError {
  return new LockstepError(
    'bad-message',
    `The partner answered with "${came}" where "${expected}" was expected.`,
  );
}
