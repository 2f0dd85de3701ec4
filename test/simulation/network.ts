import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../../sync/channel.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One end of a line in the hands of one process; `alive`: whether that process still runs. */
export interface Party {
  name: string;
  alive(): boolean;
}

export interface Weather {
  /** Longest delay of one frame, milliseconds. */
  delayMs: number;
  /** How often a line is cut at a frame. */
  cutChance: number;
  /** Updates go in many small frames, as large ones do. */
  inPieces: boolean;
}

/** Longest time until an end notices that its line is dead. */
const NOTICE_MS = 15_000;

/** Lines between processes: frames of one line stay in order, as ssh keeps them; lines know nothing of each other. */
export class Network {
  readonly time: VirtualTime;
  readonly random: Random;
  weather: Weather;
  readonly onFrame: (from: string, payload: Buffer, is: 'request' | 'reply') => void;
  private lines = new Set<Line>();

  constructor(time: VirtualTime, random: Random, weather: Weather, onFrame: Network['onFrame']) {
    this.time = time;
    this.random = random;
    this.weather = weather;
    this.onFrame = onFrame;
  }

  line(dialler: Party, answerer: Party): Line {
    const line = new Line(this, dialler, answerer);
    this.lines.add(line);
    return line;
  }

  cut(which: (line: Line) => boolean): void {
    for (const line of [...this.lines]) {
      if (!which(line)) continue;
      line.cut();
      this.lines.delete(line);
    }
  }
}

export class Line {
  readonly dialler: End;
  readonly answerer: End;
  private readonly network: Network;

  constructor(network: Network, dialler: Party, answerer: Party) {
    this.network = network;
    this.dialler = new End(network, this, dialler, 'request');
    this.answerer = new End(network, this, answerer, 'reply');
    this.dialler.other = this.answerer;
    this.answerer.other = this.dialler;
  }

  /** Nothing arrives any more; each end notices when it does. */
  cut(): void {
    const { time, random } = this.network;
    for (const end of [this.dialler, this.answerer]) {
      end.deaf = true;
      const notices = random.chance(0.7) ? random.between(0, 50) : random.between(50, NOTICE_MS);
      time.after(notices, () => end.finish('the line was cut'));
    }
  }
}

class End implements Channel {
  readonly remote = { address: '192.0.2.1', port: 6973 };
  readonly party: Party;
  other: End | undefined;
  deaf = false;
  private readonly network: Network;
  private readonly line: Line;
  private readonly is: 'request' | 'reply';
  private readonly closeListeners: ((reason: string) => void)[] = [];
  private listener: ((payload: Buffer) => void) | undefined;
  private held: Buffer[] = [];
  private closed: string | undefined;
  private lastArrival = 0;

  constructor(network: Network, line: Line, party: Party, is: 'request' | 'reply') {
    this.network = network;
    this.line = line;
    this.party = party;
    this.is = is;
  }

  async send(payload: Buffer): Promise<void> {
    if (this.closed !== undefined) throw new LockstepError('partner-unreachable', this.closed);
    if (this.network.weather.inPieces && payload.includes('"type":"update"')) {
      for (const piece of inPieces(payload)) await this.pass(piece);
    } else await this.pass(payload);
  }

  private async pass(payload: Buffer): Promise<void> {
    if (this.closed !== undefined) throw new LockstepError('partner-unreachable', this.closed);
    const { random, weather } = this.network;
    this.network.onFrame(this.party.name, payload, this.is);
    if (random.chance(weather.cutChance)) this.line.cut();
    this.later(() => this.other?.take(payload));
    if (random.chance(0.1))
      await new Promise<void>(resolve => this.network.time.after(random.between(1, 50), resolve));
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
    this.later(() => this.other?.finish('the other side closed the channel'));
  }

  finish(reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    if (this.party.alive()) for (const listener of this.closeListeners) listener(reason);
  }

  private take(payload: Buffer): void {
    if (this.closed !== undefined || this.deaf || !this.party.alive()) return;
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

  private later(act: () => void): void {
    const { time, random, weather } = this.network;
    this.lastArrival = Math.max(this.lastArrival, time.now() + random.between(1, weather.delayMs));
    time.after(this.lastArrival - time.now(), act);
  }
}

/** One frame of an update as many, each with one change. */
function inPieces(payload: Buffer): Buffer[] {
  const { changes, ...header } = JSON.parse(payload.toString('utf8'));
  if (!header.last || changes.length < 2) return [payload];
  return changes.map((change: object, position: number) =>
    Buffer.from(
      JSON.stringify({
        ...header,
        sequence: header.sequence + position,
        last: position === changes.length - 1,
        changes: [change],
      }),
    ),
  );
}
