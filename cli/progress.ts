import { printable } from '../schema/printable.ts';
import type { Output } from './output.ts';
import { byteCount } from './quantity.ts';
import { span } from './time.ts';
import { widthOf } from './wrap.ts';

interface Waiting {
  out: Pick<Output, 'showsProgress'>;
}

/** Shorter waits need no bar. */
const QUIET_MS = 1000;
const BEAT_MS = 200;
const BAR_WIDTH = 20;
const CLEAR_LINE = '\r\u001b[K';

/**
 * Wait for `work`; past a second, a person on a terminal sees that something moves and for how long. How long it will
 * take is not known, so the bar runs to and fro.
 */
export async function withProgress<Result>(
  waiting: Waiting,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  return shown(waiting, what, work, elapsedMs => `${bar(toAndFro(elapsedMs))} ${span(elapsedMs)}`);
}

/**
 * Wait for `work`, which tells how many of `total` bytes it has dealt with; past a second, a person on a terminal sees
 * how far it is and how long it will take. `total` may be an estimate: the bar waits just short of its end then.
 */
export function withByteProgress<Result>(
  waiting: Waiting,
  what: string,
  total: number,
  work: (onBytes: (bytes: number) => void) => Promise<Result>,
  amount: (done: number) => string = byteCount,
): Promise<Result> {
  let done = 0;
  const most = Math.max(1, total);
  const working = work(bytes => {
    done += bytes;
  });
  return shown(waiting, what, working, elapsedMs => {
    const part = Math.min(done, most * 0.99);
    const left = done === 0 ? '' : `, ${span((elapsedMs * (most - part)) / part)} left`;
    return `${bar(part / most)} ${printable(amount(Math.round(part)))}${left}`;
  });
}

/** Wait for `work`, which tells of each of `total` things that is done. */
export function withCountProgress<Result>(
  waiting: Waiting,
  what: string,
  total: number,
  work: (onOne: () => void) => Promise<Result>,
): Promise<Result> {
  const ofAll = (done: number): string => `${done} of ${total}`;
  return withByteProgress(waiting, what, total, onBytes => work(() => onBytes(1)), ofAll);
}

/** `line`: what stands behind `what` after so long. The line is cleared at the end. */
async function shown<Result>(
  { out }: Waiting,
  what: string,
  work: Promise<Result>,
  line: (elapsedMs: number) => string,
): Promise<Result> {
  if (!out.showsProgress) return work;
  const started = Date.now();
  const beat = setInterval(() => {
    const elapsedMs = Date.now() - started;
    const text = `${printable(what)} ${line(elapsedMs)}`;
    // A line that is wider than the window would go on below, and could not be cleared.
    if (elapsedMs >= QUIET_MS && widthOf(text) < (process.stderr.columns ?? Number.POSITIVE_INFINITY))
      process.stderr.write(CLEAR_LINE + text);
  }, BEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(beat);
    if (Date.now() - started >= QUIET_MS) process.stderr.write(CLEAR_LINE);
  }
}

/** `part`: from 0 to 1. */
function bar(part: number): string {
  return '='.repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH);
}

/** 0 … 1 … 0, one way in four seconds. */
function toAndFro(elapsedMs: number): number {
  const step = Math.floor(elapsedMs / BEAT_MS) % (2 * BAR_WIDTH);
  return Math.min(step, 2 * BAR_WIDTH - step) / BAR_WIDTH;
}
