import type { SingleBar } from 'cli-progress';
import type { Context } from './context.ts';
import { printable } from './printable.ts';
import { byteCount } from './quantity.ts';
import { span } from './time.ts';

/** Shorter waits need no bar. */
const QUIET_MS = 1000;
const BEAT_MS = 200;

/**
 * Wait for `work`; past a second, a person on a terminal sees that something moves and for how long. How long it will
 * take is not known, so the bar runs to and fro.
 */
export async function withProgress<Result>(
  context: Context,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  if (!context.out.showsProgress) return work;
  let ended = false;
  let stop = (): void => undefined;
  const timer = setTimeout(async () => {
    const bar = await makeBar(what);
    if (!ended) stop = run(bar);
  }, QUIET_MS);
  try {
    return await work;
  } finally {
    ended = true;
    clearTimeout(timer);
    stop();
  }
}

/**
 * Wait for `work`, which tells how many of `total` bytes it has dealt with; past a second, a person on a terminal sees
 * how far it is and how long it will take. `total` may be an estimate: the bar waits just short of its end then.
 */
export async function withByteProgress<Result>(
  context: Context,
  what: string,
  total: number,
  work: (onBytes: (bytes: number) => void) => Promise<Result>,
  amount: (done: number) => string = byteCount,
): Promise<Result> {
  if (!context.out.showsProgress) return work(() => undefined);
  let done = 0;
  const started = Date.now();
  const shown: { bar?: SingleBar; beat?: NodeJS.Timeout; ended: boolean } = { ended: false };
  const most = Math.max(1, total);
  const tell = (bar: SingleBar): void => {
    const part = Math.min(done, most * 0.99);
    const left = done === 0 ? '' : span(((Date.now() - started) * (most - part)) / part);
    bar.update(Math.round(part), {
      bytes: printable(amount(done)),
      left: left === '' ? '' : `, ${left} left`,
    });
  };
  const quiet = setTimeout(async () => {
    const bar = await makeBar(what, '{bytes}{left}');
    if (shown.ended) return;
    shown.bar = bar;
    bar.start(most, 0, { bytes: '', left: '' });
    shown.beat = setInterval(tell, BEAT_MS, bar);
  }, QUIET_MS);
  try {
    return await work(bytes => {
      done += bytes;
    });
  } finally {
    shown.ended = true;
    clearTimeout(quiet);
    clearInterval(shown.beat);
    shown.bar?.stop();
  }
}

/** Wait for `work`, which tells of each of `total` things that is done. */
export function withCountProgress<Result>(
  context: Context,
  what: string,
  total: number,
  work: (onOne: () => void) => Promise<Result>,
): Promise<Result> {
  const ofAll = (done: number): string => `${done} of ${total}`;
  return withByteProgress(context, what, total, onBytes => work(() => onBytes(1)), ofAll);
}

/** Loaded when it is needed: most commands are done before. */
async function makeBar(what: string, behind = '{elapsed}'): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  return new progress.SingleBar({
    format: `${printable(what)} {bar} ${behind}`,
    barsize: 20,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
}

function run(bar: SingleBar): () => void {
  const started = Date.now() - QUIET_MS;
  bar.start(20, 0, { elapsed: span(QUIET_MS) });
  const beat = setInterval(() => {
    const elapsed = Date.now() - started;
    bar.update(position(elapsed), { elapsed: span(elapsed) });
  }, BEAT_MS);
  return () => {
    clearInterval(beat);
    bar.stop();
  };
}

/** 0 … 20 … 0, one way in four seconds. */
function position(elapsed: number): number {
  const step = Math.floor(elapsed / BEAT_MS) % 40;
  return step <= 20 ? step : 40 - step;
}
