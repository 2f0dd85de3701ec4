import type { Channel } from './channel.ts';
import { kindOfFrame } from './message-format.ts';

/** One connection as its two uses: on each end somebody asks, and somebody answers. */
export interface Line {
  /** Requests go out here, and their replies come in. */
  asking: Channel;
  /** Requests come in here, and their replies go out. A reply that comes before anybody asked comes in here too: it is no request. */
  answering: Channel;
}

/** Larger frames wait for each other: two of them at once look like a partner who does not read. */
const LARGE_BYTES = 64 * 1024;

/**
 * A partner that can be dialled in one direction only is asked on the connection that it dialled itself. Frames say whether
 * they are requests or replies; a frame that says neither is taken for what a connection carried before this release,
 * requests of whoever dialled and replies to them.
 */
export function bothWays(channel: Channel, whoDialled: 'this-unit' | 'the-partner'): Line {
  const asking = new Side(channel);
  const answering = new Side(channel);
  asking.other = answering;
  answering.other = asking;
  channel.onFrame(payload => {
    const kind = kindOfFrame(payload) ?? (whoDialled === 'this-unit' ? 'reply' : 'request');
    (kind === 'reply' && asking.isUsed ? asking : answering).take(payload);
  });
  return { asking, answering };
}

class Side implements Channel {
  other: Side | undefined;
  private readonly channel: Channel;
  private listener: ((payload: Buffer) => void) | undefined;
  private large: Promise<void> | undefined;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  get isUsed(): boolean {
    return this.listener !== undefined;
  }

  get remote(): Channel['remote'] {
    return this.channel.remote;
  }

  send(payload: Buffer): Promise<void> {
    if (payload.length < LARGE_BYTES) return this.channel.send(payload);
    const before = this.other?.large;
    const sent =
      before === undefined
        ? this.channel.send(payload)
        : before.catch(() => undefined).then(() => this.channel.send(payload));
    this.large = sent;
    const forget = (): void => {
      if (this.large === sent) this.large = undefined;
    };
    sent.then(forget, forget);
    return sent;
  }

  onFrame(listener: (payload: Buffer) => void): void {
    this.listener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.channel.onClose(listener);
  }

  close(reason?: string): void {
    this.channel.close(reason);
  }

  take(payload: Buffer): void {
    this.listener?.(payload);
  }
}
