/** Pure: one line of what was measured, what the issue asks for there, and whether that is met. */
import { median, type Spread, spreadOf } from './samples.ts';

export interface Figure {
  what: string;
  /** Virtual Services of the site, with 5 Real Servers each. */
  services?: number;
  measured: Cost;
  /** Others with the same data, in the same rounds. */
  rivals?: Rivalry[];
  /** What the disk, the wire or the start of a process take alone, milliseconds; measured in the same run. */
  floorMs?: number;
  aim?: Aim;
}

export interface Rivalry {
  who: string;
  cost: Cost;
}

export interface Cost {
  /** From the request to the answer: the middle of the rounds. */
  ms?: number;
  p95Ms?: number;
  /** User and system, of all threads and children. */
  cpuMs?: number;
  /** The longest that a request for the status had to wait meanwhile. */
  waitMs?: number;
  /** Resident memory at the most. */
  megabytes?: number;
  /** On the wire, both ways, with the headers of TCP and IP. */
  bytes?: number;
  /** Of one processor. */
  percent?: number;
  /** So many times what it is compared with; the figure says what that is. */
  times?: number;
  rounds?: number;
}

/** What is asked at most: of each that is named. */
export interface Aim {
  ms?: number;
  /** Times what the best rival takes. */
  ratio?: number;
  /** Times what the first rival takes: the stock tools. */
  stock?: number;
  megabytes?: number;
  bytes?: number;
  percent?: number;
  times?: number;
}

/** undefined: there is no aim, or nothing was measured that it could be held against. */
export function isMet({ measured, rivals = [], aim }: Figure): boolean | undefined {
  const held = Object.entries(aim ?? {}).map(([of, most]) => {
    const got = gotOf(of as keyof Aim, measured, rivals);
    return got === undefined ? undefined : got <= most;
  });
  if (held.includes(false)) return false;
  return held.includes(true) ? true : undefined;
}

function gotOf(of: keyof Aim, measured: Cost, rivals: Rivalry[]): number | undefined {
  if (of === 'ratio') return timesTheBest(measured, rivals);
  return of === 'stock' ? timesTheBest(measured, rivals.slice(0, 1)) : measured[of];
}

/** Below 1: faster than every rival. undefined: there was none. */
export function timesTheBest(measured: Cost, rivals: Rivalry[]): number | undefined {
  const best = Math.min(...rivals.map(({ cost }) => cost.ms ?? Number.POSITIVE_INFINITY));
  return measured.ms === undefined || !Number.isFinite(best) ? undefined : measured.ms / best;
}

export function costOf(samples: number[], rest: Cost = {}): Cost {
  const { median: ms, p95, rounds }: Spread = spreadOf(samples);
  return { ms, ...(rounds > 1 ? { p95Ms: p95 } : {}), rounds, ...rest };
}

/** The middle of what was counted; nothing where nothing could be counted. */
export function bytesOf(counts: (number | undefined)[]): Cost {
  const known = counts.filter(count => count !== undefined);
  return known.length === 0 ? {} : { bytes: median(known) };
}

/** The size that the aims are for; what is smaller has no excuse, what is larger is asked for its growth. */
const AIMED_AT = 10_000;

export function aimAt(services: number, aim: Aim): { aim?: Aim } {
  return services <= AIMED_AT ? { aim } : {};
}

/** How much more the largest site takes than the smallest, of what is named. None where there is one size only. */
export function growth(figures: Figure[], whats: string[], most: number): Figure[] {
  return whats.flatMap(what => {
    const sized = figures.filter(figure => figure.what === what && figure.services !== undefined);
    const [small, large] = [sized.at(0), sized.at(-1)];
    if (small?.measured.ms === undefined || large?.measured.ms === undefined || small === large) return [];
    const sizes = [small, large].map(({ services = 0 }) => services.toLocaleString('en'));
    return [
      {
        what: `growth from ${sizes.join(' to ')}: ${what}`,
        measured: { times: large.measured.ms / small.measured.ms },
        aim: { times: most },
      },
    ];
  });
}
