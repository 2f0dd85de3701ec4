import { Cron } from 'croner';

/** When bundles are made by themselves (schema/kinds/backupSchedule.schema.json). */
export interface Times {
  /** 0: every day; 1 Monday to 7 Sunday. */
  day: number;
  hour: number;
  minute: number;
  /** Name of the time zone of the unit. */
  timeZone: string;
}

/**
 * The first time after `after`. Where the clock is put forward over the chosen time, it is as much later on that day;
 * where the hour comes twice, it is the first one.
 */
export function nextRun({ day, hour, minute, timeZone }: Times, after: Date): Date {
  const job = new Cron(`0 ${minute} ${hour} * * ${day === 0 ? '*' : day % 7}`, {
    timezone: timeZone,
    paused: true,
  });
  const next = job.nextRun(after);
  if (next === null) throw new Error(`no time follows ${after.toISOString()}`);
  return next;
}

/** Pauses between attempts of a run that failed, minutes; the last one stays. */
const RETRY_MINUTES = [1, 5, 15, 60];

/** What is known of the runs of one schedule. */
export interface RunBook {
  /** Up to here every time has had its run, or none was wanted. ISO 8601. */
  settled: string;
  /** Of the run that is being tried; 0: the last one went well. */
  failures: number;
  /** Of the last failure. ISO 8601. */
  failedAt?: string | undefined;
}

/**
 * When to make the next bundle: now or earlier means at once. Times that were missed, however many, are made up by one run;
 * a run that failed is tried again, later each time.
 */
export function dueAt(times: Times, { settled, failures, failedAt }: RunBook): Date {
  const wanted = nextRun(times, new Date(settled));
  if (failures === 0 || failedAt === undefined) return wanted;
  const pause = RETRY_MINUTES[Math.min(failures, RETRY_MINUTES.length) - 1] as number;
  return new Date(Math.max(wanted.getTime(), Date.parse(failedAt) + pause * 60_000));
}

export function afterSuccess(startedAt: Date): RunBook {
  return { settled: startedAt.toISOString(), failures: 0 };
}

export function afterFailure({ settled, failures }: RunBook, at: Date): RunBook {
  return { settled, failures: failures + 1, failedAt: at.toISOString() };
}
