import { createHash } from 'node:crypto';
import { offsetAt } from './zone-offset.ts';

/** When bundles are made by themselves (schema/kinds/backupSchedule.schema.json). */
export interface Times {
  /** 0: every day; 1 Monday to 7 Sunday. */
  day: number;
  hour: number;
  minute: number;
  /** Name of the time zone of the unit. */
  timeZone: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Local time is at most so far from UTC, in both directions, with an hour to spare. */
const FARTHEST_MS = 15 * HOUR_MS;
/** A due day is at most a week away; zones have left out whole days. */
const DAYS_AHEAD = 15;

/**
 * The first time after `after`. Each due day has exactly one. Where the clock is put forward over the chosen time, it is as
 * much later on that day, or, where that would be the next day, the minute before the clock is put forward; where the hour
 * comes twice, it is the first one.
 */
export function nextRun(times: Times, after: Date): Date {
  const { day, timeZone } = times;
  const today = localMidnight(after.getTime() + offsetAt(timeZone, after.getTime()));
  for (let ahead = -1; ahead <= DAYS_AHEAD; ahead++) {
    const date = today + ahead * DAY_MS;
    if (day !== 0 && new Date(date).getUTCDay() !== day % 7) continue;
    const run = runOn(date, times);
    if (run !== undefined && run > after.getTime()) return new Date(run);
  }
  throw new Error(`no time follows ${after.toISOString()}`);
}

function localMidnight(wall: number): number {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

/** `date`: midnight of a day, as if its clock were UTC. Undefined for a day that the zone left out. */
function runOn(date: number, { hour, minute, timeZone }: Times): number | undefined {
  const wall = date + hour * HOUR_MS + minute * MINUTE_MS;
  const [before, later] = [wall - FARTHEST_MS, wall + FARTHEST_MS].map(at => offsetAt(timeZone, at)) as [
    number,
    number,
  ];
  const isOnDate = (at: number): boolean => localMidnight(at + offsetAt(timeZone, at)) === date;
  const shown = [before, later]
    .map(offset => wall - offset)
    .filter(at => at + offsetAt(timeZone, at) === wall);
  if (shown.length > 0) return Math.min(...shown);
  const shifted = wall - before;
  if (isOnDate(shifted)) return shifted;
  const lastMinute = changeAfter(wall - FARTHEST_MS, wall + FARTHEST_MS, timeZone) - MINUTE_MS;
  return isOnDate(lastMinute) ? lastMinute : undefined;
}

/** The moment between two when the clock is changed. */
function changeAfter(from: number, to: number, timeZone: string): number {
  const before = offsetAt(timeZone, from);
  let [low, high] = [from, to];
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (offsetAt(timeZone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** Pauses between attempts of a run that failed, minutes; the last one stays. */
const RETRY_MINUTES = [1, 5, 15, 60];

/** The units of a pair are half of this apart. */
const SPREAD_MS = 30 * MINUTE_MS;

/**
 * How much later than its schedule says a unit runs, so that many units do not load one network and one host at the same
 * moment, and never both of a pair: the same each time, less than half an hour. `pair`: what both units share; of a single
 * unit what is its own.
 */
export function spreadOf(pair: string, isSecond: boolean): number {
  const half = SPREAD_MS / 2;
  const share = createHash('sha256').update(pair).digest().readUInt32BE() % half;
  return isSecond ? half + share : share;
}

/** What is known of the runs of one schedule. */
export interface RunBook {
  /** Up to here every time of the schedule has had its run, or none was wanted; without the spread. ISO 8601. */
  settled: string;
  /** Of the run that is being tried; 0: the last one went well. */
  failures: number;
  /** Of the last failure. ISO 8601. */
  failedAt?: string | undefined;
}

/**
 * When to make the next bundle: now or earlier means at once. Times that were missed, however many, are made up by one run;
 * a run that failed is tried again, later each time. `spread`: milliseconds.
 */
export function dueAt(times: Times, { settled, failures, failedAt }: RunBook, spread = 0): Date {
  const wanted = new Date(nextRun(times, new Date(settled)).getTime() + spread);
  if (failures === 0 || failedAt === undefined) return wanted;
  const pause = RETRY_MINUTES[Math.min(failures, RETRY_MINUTES.length) - 1] as number;
  return new Date(Math.max(wanted.getTime(), Date.parse(failedAt) + pause * 60_000));
}

export function afterSuccess(startedAt: Date, spread = 0): RunBook {
  return { settled: new Date(startedAt.getTime() - spread).toISOString(), failures: 0 };
}

export function afterFailure({ settled, failures }: RunBook, at: Date): RunBook {
  return { settled, failures: failures + 1, failedAt: at.toISOString() };
}
