import type { ApiClient } from '../../api/client.ts';
import type { Status } from '../../api/contract/status.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { formatStatus } from '../status-screen.ts';

interface Options {
  watch?: boolean;
}

const BEAT_MS = 1000;
const CLEAR_SCREEN = '\u001b[H\u001b[J';
/** States of the pair that are not in step, whatever is known about the digests. */
const NOT_IN_STEP = new Set(['refused', 'fallen-back', 'both-active', 'unreachable', 'pacified']);

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('--watch', 'again whenever it changes, until Ctrl-C')
      .addHelpText(
        'after',
        '\nExit code 1: the pair is not in step, or the disk takes no changes. 5: the store is damaged.',
      );
  },

  examples: ['lockstep status', 'lockstep status --watch', 'lockstep status --json | jq .sync.inStep'],

  async run(context, { watch }) {
    if (watch === true) return keepShowing(context);
    const status = await context.unit().call('status');
    context.out.answerInWords(status, screen(context));
    return exitCodeOf(status);
  },
};

export function exitCodeOf({ unit, sync, store }: Status): ExitCode {
  if (store.damage !== null) return EXIT.damaged;
  // A unit of release 0.1.0 does not say it.
  if ((store.refused ?? null) !== null) return EXIT.differs;
  if (unit.mode === 'single') return EXIT.done;
  return sync.inStep === false || NOT_IN_STEP.has(sync.state) ? EXIT.differs : EXIT.done;
}

/** Of the unit; one of release 0.1.0 does not say. */
function clockOf({ at }: Partial<Pick<Status, 'at'>>): Date {
  return at === undefined ? new Date() : new Date(at);
}

function screen({ out }: Context): (status: Status) => string {
  return status => formatStatus(status, clockOf(status), out.paint);
}

/** Ctrl-C is the ordinary way out. A unit that stops answering is part of what is watched. */
async function keepShowing(context: Context): Promise<ExitCode> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const client = context.unit();
  while (!stop.signal.aborted) {
    const screen = new Screen(context);
    try {
      await showEach(client, screen, stop.signal);
      if (!stop.signal.aborted) screen.fail(new LockstepError('unit-unreachable', 'The unit went away.'));
    } catch (error) {
      screen.fail(asLockstepError(error));
    }
    await pause(stop.signal);
  }
  return EXIT.done;
}

async function showEach(client: ApiClient, screen: Screen, stop: AbortSignal): Promise<void> {
  const redraw = setInterval(() => screen.redraw(), BEAT_MS);
  try {
    for await (const event of client.follow({ status: true }, stop))
      if (event.event === 'status') screen.show(event.status);
  } catch (error) {
    // A unit of release 0.1.0 tells nothing by itself.
    if (asLockstepError(error).code !== 'bad-usage') throw error;
    while (!stop.aborted) {
      screen.show(await client.call('status'));
      await pause(stop);
    }
  } finally {
    clearInterval(redraw);
  }
}

/** What is watched, as it was last told; its times go on meanwhile. */
class Screen {
  readonly #context: Context;
  #last: { status: Status; at: number } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  show(status: Status): void {
    this.#last = { status, at: performance.now() };
    this.#draw(status, 0);
  }

  /** For people only: a program gets each status once. */
  redraw(): void {
    const { out } = this.#context;
    if (this.#last === undefined || out.json || process.stdout.isTTY !== true) return;
    this.#draw(this.#last.status, performance.now() - this.#last.at);
  }

  fail(error: LockstepError): void {
    this.#last = undefined;
    clear(this.#context);
    this.#context.out.error(error);
  }

  #draw(status: Status, sinceMs: number): void {
    const { out } = this.#context;
    const now = new Date(clockOf(status).getTime() + sinceMs);
    const secondsLeft = (status.provisional?.secondsLeft ?? 0) - Math.round(sinceMs / 1000);
    const provisional = status.provisional && { ...status.provisional, secondsLeft };
    clear(this.#context);
    out.answer(status, () => formatStatus({ ...status, provisional }, now, out.paint));
  }
}

function clear({ out }: Context): void {
  if (process.stdout.isTTY === true && !out.json) process.stdout.write(CLEAR_SCREEN);
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, BEAT_MS);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
