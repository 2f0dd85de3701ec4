import type { Random } from '../random.ts';
import { type End, type Ground, lineBetween } from '../sync/channel-in-memory.ts';
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

export const FAIR_WEATHER: Weather = { delayMs: 20, cutChance: 0, inPieces: false };

/** Longest time until an end notices that its line is dead. */
const NOTICE_MS = 15_000;
/** Longest time that what was sent on a line waits at its other end, while newer lines are used already. */
const LATE_MS = 10_000;

/**
 * Lines between processes: frames of one line stay in order and come once, as SSH keeps them; lines know nothing of
 * each other, so what was sent on an old one may arrive behind what is said on a newer one.
 */
export class Network {
  readonly time: VirtualTime;
  readonly random: Random;
  weather: Weather;
  readonly onFrame: (line: Line, payload: Buffer, is: 'request' | 'reply') => void;
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

  linesOf(which: (line: Line) => boolean): Line[] {
    return [...this.lines].filter(which);
  }

  cut(which: (line: Line) => boolean): void {
    for (const line of this.linesOf(which)) line.cut();
  }

  forget(line: Line): void {
    this.lines.delete(line);
  }
}

export class Line {
  readonly dialler: Party;
  readonly answerer: Party;
  readonly ends: { left: End; right: End };
  private readonly network: Network;
  private heldUntil = 0;

  constructor(network: Network, dialler: Party, answerer: Party) {
    this.network = network;
    this.dialler = dialler;
    this.answerer = answerer;
    this.ends = lineBetween(this.ground(dialler, 'request'), this.ground(answerer, 'reply'));
  }

  /** Nothing arrives any more; each end notices when it does. */
  cut(): void {
    this.network.forget(this);
    const { left, right } = this.ends;
    for (const end of [left, right]) this.breakDown(end, 0, NOTICE_MS);
  }

  /** Whoever dialled gives the line up and dials anew; what he had sent is read late, and answered to nobody. */
  abandon(): void {
    this.network.forget(this);
    const { left, right } = this.ends;
    this.stall(this.network.random.between(0, LATE_MS));
    this.breakDown(left, 0, 50);
    this.network.time.after(LATE_MS + NOTICE_MS, () => right.finish('the line was cut'));
  }

  /** Only one direction is dead; both ends think that the other is slow, for longer than they think so of a dead line. */
  cutOneWay(): void {
    this.network.forget(this);
    const { left, right } = this.ends;
    const [deaf, other] = this.network.random.chance(0.5) ? [left, right] : [right, left];
    this.breakDown(deaf, NOTICE_MS, 4 * NOTICE_MS);
    this.network.time.after(4 * NOTICE_MS, () => other.finish('the line was cut'));
  }

  /** Nothing arrives for so long; then everything does, in order. */
  stall(ms: number): void {
    this.heldUntil = this.network.time.now() + ms;
  }

  private breakDown(end: End, soonest: number, latest: number): void {
    const { time, random } = this.network;
    end.deaf = true;
    const notices = random.chance(0.7)
      ? random.between(soonest, Math.min(soonest + 50, latest))
      : random.between(soonest, latest);
    time.after(notices, () => end.finish('the line was cut'));
  }

  private ground(party: Party, is: 'request' | 'reply'): Ground {
    const { time, random } = this.network;
    let lastArrival = 0;
    const onTheWay: (() => void)[] = [];
    const arrive = (): void => {
      if (time.now() >= this.heldUntil) onTheWay.shift()?.();
      else time.after(this.heldUntil - time.now(), arrive);
    };
    return {
      alive: party.alive,
      fate: payload => {
        const { weather } = this.network;
        const frames =
          weather.inPieces && payload.includes('"type":"update"') ? inPieces(payload) : [payload];
        for (const frame of frames) {
          this.network.onFrame(this, frame, is);
          if (random.chance(weather.cutChance)) this.cut();
        }
        return frames;
      },
      carry: act => {
        lastArrival = Math.max(lastArrival, time.now() + random.between(1, this.network.weather.delayMs));
        onTheWay.push(act);
        time.after(lastArrival - time.now(), arrive);
      },
      room: () =>
        random.chance(0.1)
          ? new Promise<void>(resolve => time.after(random.between(1, 50), resolve))
          : undefined,
    };
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
