/** How often a refusal is told, so that a flood of them can fill no disk. Pure: the time is passed in. */

export interface Refusal {
  /** IP address of the one refused. */
  source: string;
  /** One of a small set of words. */
  reason: string;
  /** What was shown, such as a fingerprint. */
  detail?: string;
}

/** What the line about a refusal says beside it; left out when 0. */
export interface Untold {
  /** Refusals of the same source and reason since the line before. */
  again?: number;
  /** Refusals of other sources and reasons for which there was no room. */
  others?: number;
}

const QUIET_MS = 60_000;
/** Lines in a minute, whatever comes: 20 MB a day at the most. */
const MAX_LINES = 60;
/** Sources and reasons that are remembered; past it the oldest is forgotten, and what it had not told is told as others. */
const MAX_KINDS = 1_024;

interface Kind {
  toldAt: number;
  again: number;
}

/** Tells each refusal once per source, reason and minute; the next line of the same kind has the count in between. */
export class RefusalLog {
  private readonly kinds = new Map<string, Kind>();
  private others = 0;
  private minute = { start: Number.NEGATIVE_INFINITY, lines: 0 };

  /** What to tell with this refusal; undefined: nothing now. `now`: monotonic milliseconds. */
  note({ source, reason }: Refusal, now: number): Untold | undefined {
    const key = `${source}\n${reason}`;
    const kind = this.kinds.get(key);
    if (kind !== undefined && now - kind.toldAt < QUIET_MS) {
      kind.again++;
      return undefined;
    }
    if (!this.hasLine(now)) {
      this.others++;
      return undefined;
    }
    this.minute.lines++;
    this.remember(key, now);
    const { others } = this;
    this.others = 0;
    return {
      ...(kind === undefined || kind.again === 0 ? {} : { again: kind.again }),
      ...(others === 0 ? {} : { others }),
    };
  }

  private hasLine(now: number): boolean {
    if (now - this.minute.start >= QUIET_MS) this.minute = { start: now, lines: 0 };
    return this.minute.lines < MAX_LINES;
  }

  /** The map is in the order of telling. */
  private remember(key: string, now: number): void {
    this.kinds.delete(key);
    this.kinds.set(key, { toldAt: now, again: 0 });
    const [oldest] = this.kinds;
    if (this.kinds.size <= MAX_KINDS || oldest === undefined) return;
    this.kinds.delete(oldest[0]);
    this.others += oldest[1].again;
  }
}
