/** The life of the process that runs a unit: its lock, its log, signals, and starts again. */
import type { LockstepError } from '../schema/error.ts';
import { type ComposeOptions, compose, type Running, type StartApi, type Surroundings } from './compose.ts';
import { assertKeysPrivate, assertUnit, lockFolder, makeFolder, unitFolder } from './folder.ts';
import type { Rotation } from './log/file.ts';
import { type Log, openLog } from './log/log.ts';
import { finishRebuild } from './store-care/rebuild.ts';
import { notifySystemd } from './systemd.ts';

export interface ServeOptions extends ComposeOptions {
  logLevel: string;
  logRotation: Rotation;
}

/** What is being answered when the store is lost gets this long to go out. */
const LOST_MS = 500;

/**
 * Run a unit until SIGTERM or SIGINT. Resolves once it serves; `stopped` resolves when everything is closed.
 * Throws `no-unit`, `unit-busy`, `port-in-use`, `bad-schema`, `damaged-store`, `lax-permissions`.
 */
export async function serveUnit(
  options: ServeOptions,
  startApi: StartApi,
): Promise<{ stopped: Promise<void> }> {
  process.umask(0o077);
  const folder = unitFolder(options.dir);
  finishRebuild(folder);
  assertUnit(folder);
  assertKeysPrivate(folder);
  makeFolder(folder);
  const unlock = await lockFolder(folder);
  try {
    const { log, reopen } = openLog(folder.log, options.logLevel, options.logRotation);
    const around = { options, folder, log, startApi };
    const running = await compose(around);
    process.on('SIGHUP', reopen);
    notifySystemd('READY=1');
    return { stopped: serveOn(around, running).finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Serves until a signal; after a rebuild everything is closed and started again on the new store. */
async function serveOn(around: Surroundings, first: Running): Promise<void> {
  const signal = nextSignal(around.log);
  for (let running = first; ; ) {
    const why = await Promise.race([
      signal.then(() => 'stop' as const),
      running.replaced.then(
        () => 'replaced' as const,
        (lost: LockstepError) => lost,
      ),
    ]);
    if (typeof why !== 'string') {
      running.close().catch(() => undefined);
      setTimeout(() => process.exit(), LOST_MS).unref(); // whatever still waits for the store waits in vain
      throw why;
    }
    await running.close();
    if (why === 'stop') return;
    running = await compose(around);
  }
}

function nextSignal(log: Log): Promise<void> {
  return new Promise(resolve => {
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      log.info({ signal }, 'stopping');
      notifySystemd('STOPPING=1');
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
