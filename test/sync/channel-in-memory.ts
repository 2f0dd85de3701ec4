import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../../sync/channel.ts';

/** What happens to a frame on its way: it arrives, the line is cut just before, or other frames arrive in its place. */
export type Fate = 'arrives' | 'cut' | Buffer[];

/** A longer frame fills the buffer of the transport: its sender waits until it is through. */
const ROOM_BYTES = 64 * 1024;

/**
 * Both ends of a channel without a network under it. Frames arrive in order, never inside `send`, and each in a turn
 * of the event loop of its own, as from a socket. `watch` sees every frame when it is sent and says what becomes of it.
 */
export function channelPair(watch: { left(payload: Buffer): Fate; right(payload: Buffer): Fate }): {
  left: Channel & { cut(reason: string): void };
  right: Channel;
} {
  const left = new End(watch.left);
  const right = new End(watch.right);
  left.other = right;
  right.other = left;
  return { left, right };
}

class End implements Channel {
  readonly remote = { address: '192.0.2.1', port: 6973 };
  other: End | undefined;
  private readonly fateOf: (payload: Buffer) => Fate;
  private listener: ((payload: Buffer) => void) | undefined;
  private held: Buffer[] = [];
  private readonly closeListeners: ((reason: string) => void)[] = [];
  private closed: string | undefined;

  constructor(fateOf: (payload: Buffer) => Fate) {
    this.fateOf = fateOf;
  }

  async send(payload: Buffer): Promise<void> {
    if (this.closed !== undefined) throw new LockstepError('partner-unreachable', this.closed);
    const fate = this.fateOf(payload);
    if (fate === 'cut') {
      this.cut('the line was cut');
      throw new LockstepError('partner-unreachable', 'the line was cut');
    }
    for (const frame of fate === 'arrives' ? [payload] : fate) setImmediate(() => this.other?.take(frame));
    if (payload.length > ROOM_BYTES) await new Promise(resolve => setImmediate(resolve));
  }

  onFrame(listener: (payload: Buffer) => void): void {
    this.listener = listener;
    const held = this.held;
    this.held = [];
    for (const payload of held) this.take(payload);
  }

  onClose(listener: (reason: string) => void): void {
    if (this.closed === undefined) this.closeListeners.push(listener);
    else listener(this.closed);
  }

  /** What was sent before still arrives. */
  close(reason = 'closed by this side'): void {
    this.finish(reason);
    setImmediate(() => this.other?.finish('the other side closed the channel'));
  }

  /** Nothing on its way arrives any more, on either side. */
  cut(reason: string): void {
    this.finish(reason);
    this.other?.finish(reason);
  }

  private take(payload: Buffer): void {
    if (this.closed !== undefined) return;
    if (this.listener === undefined) {
      this.held.push(payload);
      return;
    }
    try {
      this.listener(payload);
    } catch (error) {
      this.close((error as Error).message);
    }
  }

  private finish(reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    for (const listener of this.closeListeners) listener(reason);
  }
}
