import { SingleBar } from 'cli-progress';
import type { Context } from './context.ts';
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
  let bar: SingleBar | undefined;
  const started = Date.now();
  const beat = setInterval(() => {
    const elapsed = Date.now() - started;
    if (elapsed < QUIET_MS) return;
    bar ??= startBar(what);
    bar.update(position(elapsed), { elapsed: span(elapsed) });
  }, BEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(beat);
    bar?.stop();
  }
}

function startBar(what: string): SingleBar {
  const bar = new SingleBar({
    format: `${what} {bar} {elapsed}`,
    barsize: 20,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(20, 0, { elapsed: '' });
  return bar;
}

/** 0 … 20 … 0, one way in four seconds. */
function position(elapsed: number): number {
  const step = Math.floor(elapsed / BEAT_MS) % 40;
  return step <= 20 ? step : 40 - step;
}
