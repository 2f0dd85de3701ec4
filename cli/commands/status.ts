import type { ApiClient } from '../../api/client.ts';
import type { Status } from '../../api/contract/status.ts';
import { asLockstepError } from '../../schema/error.ts';
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
      .option('--watch', 'again every second, until Ctrl-C')
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
    await showOnce(context, client);
    await pause(stop.signal);
  }
  return EXIT.done;
}

async function showOnce(context: Context, client: ApiClient): Promise<void> {
  try {
    const status = await client.call('status');
    clear(context);
    context.out.answer(status, screen(context));
  } catch (error) {
    clear(context);
    context.out.error(asLockstepError(error));
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
