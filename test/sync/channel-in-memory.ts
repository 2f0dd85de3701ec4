import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../../sync/channel.ts';

/** What happens to a frame on its way: it arrives, the line is cut just before, or other frames arrive in its place. */
export type Fate = 'arrives' | 'cut' | Buffer[];

/** What lies under one end of a line: it decides what becomes of what is sent there, and when. */
export interface Ground {
  fate(payload: Buffer): Fate;
  /** Brings something to the other end, never at once, and after all that was given before. */
  carry(arrive: () => void): void;
  /** Resolves when there is room again behind a frame of so many bytes; undefined: there is at once. */
  room(bytes: number): Promise<void> | undefined;
  /** False: whoever held this end is gone, and is told nothing any more. */
  alive(): boolean;
}

/** Both ends of a line without sockets under it. */
export function lineBetween(left: Ground, right: Ground): { left: End; right: End } {
  const ends = { left: new End(left), right: new End(right) };
  ends.left.other = ends.right;
  ends.right.other = ends.left;
  return ends;
}

/** A longer frame fills the buffer of the transport: its sender waits until it is through. */
const ROOM_BYTES = 64 * 1024;

/**
 * A line whose frames arrive in a turn of the event loop of their own each, as from a socket. `watch` sees every
 * frame when it is sent and says what becomes of it.
 */
export function channelPair(watch: { left(payload: Buffer): Fate; right(payload: Buffer): Fate }): {
  left: End;
  right: End;
} {
  const turn = (act: () => void): void => void setImmediate(act);
  const over = (fate: Ground['fate']): Ground => ({
    fate,
    carry: turn,
    room: bytes => (bytes > ROOM_BYTES ? new Promise(turn) : undefined),
    alive: () => true,
  });
  return lineBetween(over(watch.left), over(watch.right));
}

/** One end: what was sent to it arrives in order, once, and not inside `send`. */
export class End implements Channel {
  readonly remote = { address: '192.0.2.1', port: 6973 };
  other: End | undefined;
  /** True: nothing arrives here any more, and nothing tells so. */
  deaf = false;
  private readonly ground: Ground;
  private listener: ((payload: Buffer) => void) | undefined;
  private held: Buffer[] = [];
  private readonly closeListeners: ((reason: string) => void)[] = [];
  private closed: string | undefined;

  constructor(ground: Ground) {
    this.ground = ground;
  }

  async send(payload: Buffer): Promise<void> {
    if (this.closed !== undefined) throw new LockstepError('partner-unreachable', this.closed);
    const fate = this.ground.fate(payload);
    if (fate === 'cut') {
      this.cut('the line was cut');
      throw new LockstepError('partner-unreachable', 'the line was cut');
    }
    for (const frame of fate === 'arrives' ? [payload] : fate)
      this.ground.carry(() => this.other?.take(frame));
    await this.ground.room(payload.length);
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
    this.ground.carry(() => this.other?.hangUp());
  }

  /** Nothing on its way arrives any more, on either side. */
  cut(reason: string): void {
    this.finish(reason);
    this.other?.finish(reason);
  }

  /** This end notices that the line is no more. */
  finish(reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    if (this.ground.alive()) for (const listener of this.closeListeners) listener(reason);
  }

  private hangUp(): void {
    if (!this.deaf) this.finish('the other side closed the channel');
  }

  private take(payload: Buffer): void {
    if (this.closed !== undefined || this.deaf || !this.ground.alive()) return;
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
}
