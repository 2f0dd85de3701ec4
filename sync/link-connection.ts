import { asLockstepError, type LockstepError, LockstepError as Refusal } from '../schema/error.ts';
import type { Channel } from './channel.ts';
import type { LinkContext } from './link-context.ts';
import { Requests } from './requests.ts';

/** Between two attempts to reach the partner, milliseconds: doubled each time up to the last. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const HEARTBEAT_MS = 5_000;
/** An attempt that is under way for longer is not waited for where the partner can be asked on a connection of its own. */
const PATIENCE_MS = 1_000;

/**
 * The connection that a link asks on: one that this unit dialled; where it cannot dial, one that the partner dialled. It is kept
 * open, and what works is not given up for what was dialled while something is under way on it.
 */
export class LinkConnection {
  /** Where the partner is asked now. */
  current: { channel: Channel; requests: Requests; isDialled: boolean } | undefined;
  /** Why the last attempt to dial the partner failed, also while it is asked on a connection of its own. */
  trouble: LockstepError | undefined;
  private readonly link: LinkContext;
  private readonly greet: () => void;
  /** A connection that was dialled while a run is under way on another one: taken when that is over. */
  private spare: Channel | undefined;
  /** Connections that the partner dialled and answers on, newest last. */
  private readonly offered = new Map<Channel, Requests>();
  private attempt: AbortController | undefined;
  private readonly stopping = new AbortController();
  private cancelRetry: () => void = () => undefined;
  private cancelBeat: () => void = () => undefined;
  private cancelPatience: () => void = () => undefined;
  private retryMs = FIRST_RETRY_MS;
  /** An attempt is due then, by the timers; undefined while one is under way, or the partner is linked. */
  private retryAt: number | undefined;

  /** `greet`: says who we are on the current connection; called in between, to know that it lives. */
  constructor(link: LinkContext, greet: () => void) {
    this.link = link;
    this.greet = greet;
  }

  async connect(): Promise<void> {
    this.retryAt = undefined;
    if (this.stopping.signal.aborted) return;
    this.attempt?.abort();
    const attempt = new AbortController();
    this.attempt = attempt;
    const isCurrent = (): boolean => this.attempt === attempt && !this.stopping.signal.aborted;
    try {
      const channel = await this.link.options.dial(AbortSignal.any([this.stopping.signal, attempt.signal]));
      if (!isCurrent()) return channel.close('it is not needed any more');
      this.attempt = undefined;
      this.dialled(channel);
    } catch (error) {
      if (!isCurrent()) return;
      this.attempt = undefined;
      this.notReached(asLockstepError(error));
    }
  }

  stop(): void {
    this.stopping.abort();
    for (const cancel of [this.cancelRetry, this.cancelBeat, this.cancelPatience]) cancel();
    this.spare?.close('this unit stops');
    this.current?.channel.close('this unit stops');
  }

  /** The partner may be somewhere else now: it is dialled anew, and what works stays until that does. */
  redial(): void {
    if (this.stopping.signal.aborted) return;
    this.retryMs = FIRST_RETRY_MS;
    this.cancelRetry();
    void this.connect();
  }

  /**
   * The partner greeted on a connection where it asks: it is back, so the next attempt need not be waited for.
   * `asking`: the other use of the connection, where the partner dialled it and answers there.
   */
  heard(asking: Channel | undefined): void {
    if (asking !== undefined) this.offer(asking);
    if (this.current !== undefined) return;
    this.retryMs = FIRST_RETRY_MS;
    // Only ever sooner: a busy partner greets with every commit, and would put the attempt off for as long as it is busy.
    if (this.retryAt !== undefined && this.retryAt > this.link.options.timers.now() + FIRST_RETRY_MS)
      this.retry();
  }

  /** What is left of connections leads nowhere. Returns what closes them. */
  abandon(): (reason: string) => void {
    const dead = [...this.offered.keys(), this.spare, this.current?.channel];
    this.offered.clear();
    this.spare = undefined;
    return reason => {
      for (const channel of dead) channel?.close(reason);
    };
  }

  private notReached(error: LockstepError): void {
    if (this.trouble?.message !== error.message) this.link.options.onTrouble(error);
    this.trouble = error;
    const refusal = error.class === 'refused' ? error.toJSON() : undefined;
    // Somebody with another key is where the partner should be: whoever calls meanwhile is told nothing.
    if (refusal !== undefined && this.current?.isDialled === false) this.current.channel.close(error.message);
    if (this.current === undefined && !this.adoptOffered())
      this.link.feed({
        type: 'unlinked',
        reason: error.message,
        ...(refusal === undefined ? {} : { refusal }),
      });
    if (this.current?.isDialled !== true) this.retry();
  }

  private dialled(channel: Channel): void {
    this.trouble = undefined;
    this.retryMs = FIRST_RETRY_MS;
    if (this.current === undefined) {
      this.adopt(channel, new Requests(channel, this.link.options.timers), true);
      return;
    }
    this.spare?.close('dialled anew');
    this.spare = channel;
    channel.onClose(() => {
      if (this.spare !== channel) return;
      this.spare = undefined;
      if (this.current?.isDialled !== true) this.retry();
    });
    this.takeSpare();
  }

  private takeSpare(): void {
    const { spare, current } = this;
    const { link, work, stepDown } = this.link.state;
    const greeting = link === 'greeting' && current?.isDialled !== true;
    const idle = work.step === 'idle' && stepDown === undefined;
    if (spare === undefined || !(greeting || (idle && current?.requests.isIdle !== false))) return;
    this.spare = undefined;
    this.adopt(spare, new Requests(spare, this.link.options.timers), true);
    if (current?.isDialled) current.channel.close('dialled anew');
  }

  private offer(asking: Channel): void {
    if (!this.offered.has(asking)) {
      this.offered.set(asking, new Requests(asking, this.link.options.timers));
      asking.onClose(() => this.offered.delete(asking));
    }
    // One that was offered before and does not answer may be dead without knowing.
    const { current } = this;
    const unanswered =
      current?.isDialled === false && this.link.state.link === 'greeting' && asking !== current.channel;
    if (current !== undefined && !unanswered) return;
    if (this.retryAt !== undefined && this.trouble !== undefined) this.adoptOffered();
    else {
      this.cancelPatience();
      this.cancelPatience = this.link.options.timers.after(PATIENCE_MS, () => {
        if (this.current === undefined) this.adoptOffered();
      });
    }
  }

  private adoptOffered(): boolean {
    const [channel, requests] = [...this.offered].at(-1) ?? [];
    if (channel === undefined || requests === undefined || this.stopping.signal.aborted) return false;
    if (this.trouble?.class === 'refused') return false;
    this.adopt(channel, requests, false);
    return true;
  }

  private adopt(channel: Channel, requests: Requests, isDialled: boolean): void {
    const seamless = this.current !== undefined && this.link.state.link === 'up';
    this.current = { channel, requests, isDialled };
    if (seamless) this.greet();
    else {
      this.link.ownChanged();
      this.link.feed({ type: 'linked' });
    }
    this.beat();
    // Last, since a channel that is closed already tells so at once, and the next attempt must come after all this.
    channel.onClose(reason => {
      requests.failAll(new Refusal('partner-unreachable', reason));
      this.offered.delete(channel);
      if (this.current?.channel === channel) this.lost(reason);
    });
  }

  private lost(reason: string): void {
    this.current = undefined;
    this.cancelBeat();
    this.link.feed({ type: 'unlinked', reason });
    const { spare } = this;
    this.spare = undefined;
    if (spare !== undefined) {
      this.dialled(spare);
      return;
    }
    if (this.trouble !== undefined) this.adoptOffered();
    if (this.attempt === undefined) this.retry();
  }

  private retry(): void {
    if (this.stopping.signal.aborted) return;
    const { timers } = this.link.options;
    this.cancelRetry();
    this.retryAt = timers.now() + this.retryMs;
    this.cancelRetry = timers.after(this.retryMs, () => void this.connect());
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  private beat(): void {
    this.cancelBeat();
    this.cancelBeat = this.link.options.timers.after(HEARTBEAT_MS, () => {
      this.takeSpare();
      this.greet();
      this.beat();
    });
  }
}
