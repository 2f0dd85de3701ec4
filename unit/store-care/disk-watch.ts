import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RefusedWrites } from '../../api/contract/status.ts';
import type { Timers } from '../../host/timers.ts';
import { asLockstepError, type LockstepError, type Problem } from '../../schema/error.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import type { Health } from './health.ts';

export interface DiskWatchOptions {
  /** Its files lie there. */
  folder: string;
  health: Health;
  events: Events;
  timers: Timers;
  now(): Date;
  log: Log;
  /** Bytes that the disk has left; undefined: it does not say. */
  freeBytes(): Promise<number | undefined>;
}

/** While the disk refuses, it is tried again so often. */
const RETRY_MS = 5_000;
/** With less than this, it is tried before somebody's change is refused. */
const LOW_BYTES = 1024 * 1024;
/** What is written to try it: more than a change of some records takes. */
const PROBE_BYTES = 256 * 1024;
/** While little is left, nobody who asks makes it try more often. */
const FRESH_MS = 1_000;

/**
 * Knows whether the disk takes what the store writes: from the last write that it refused, and where little is left, from a try. Costs
 * nothing while there is space; ends by itself once a try is taken.
 */
export class DiskWatch {
  private readonly options: DiskWatchOptions;
  private cancel: () => void = () => undefined;
  private trying: { since: number; done: Promise<void> } | undefined;
  private stopped = false;

  constructor(options: DiskWatchOptions) {
    this.options = options;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel();
    await this.trying?.done;
  }

  /** The disk refused a write of the store. */
  refused(error: LockstepError): void {
    const { health, events, now, log } = this.options;
    const known = health.refused;
    const reason = error.message.replace(/^The (store could not be written|disk refused a write): |\.$/g, '');
    health.refused = { since: known?.since ?? now().toISOString(), reason };
    if (known === undefined) {
      log.error({ reason }, 'the disk refuses what the store writes');
      events.emit('diskRefused', { reason });
    }
    this.later();
  }

  /** What it is like now. */
  async look(): Promise<RefusedWrites | null> {
    const { health, freeBytes } = this.options;
    const left = await freeBytes();
    const isLow = left !== undefined && left < LOW_BYTES;
    // Once there is space again, nobody waits for the next try.
    if (health.refused !== undefined || isLow) await this.tryOnce(isLow ? FRESH_MS : 0);
    return health.refused === undefined ? null : { ...health.refused, freeBytes: left ?? null };
  }

  private later(): void {
    this.cancel();
    if (this.stopped) return;
    this.cancel = this.options.timers.after(RETRY_MS, () => void this.tryOnce(0));
  }

  private async tryOnce(freshMs: number): Promise<void> {
    const { timers } = this.options;
    await this.trying?.done;
    if (this.trying === undefined || timers.now() - this.trying.since >= freshMs)
      this.trying = { since: timers.now(), done: this.try() };
    await this.trying.done;
  }

  private async try(): Promise<void> {
    const { folder, health, events, log } = this.options;
    try {
      await tryToWrite(folder);
    } catch (error) {
      this.refused(asLockstepError(error));
      return;
    }
    if (health.refused === undefined) return;
    const { since } = health.refused;
    health.refused = undefined;
    this.cancel();
    log.warn({ since }, 'the disk takes what the store writes again');
    events.emit('diskRecovered', {});
  }
}

/**
 * Beside the store and not in it: LMDB is not to be troubled on a disk that is full. The bytes are random, so that no file system
 * makes them fewer.
 */
async function tryToWrite(folder: string): Promise<void> {
  const file = join(folder, `.lockstep-${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(file, randomBytes(PROBE_BYTES), { flag: 'wx', mode: 0o600, flush: true });
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}

/** For `status`, and for whoever asks whether a standby could take over. */
export function refusedProblem({ since, reason }: Omit<RefusedWrites, 'freeBytes'>): Problem {
  return {
    code: 'disk-refuses',
    path: '',
    message: `the disk of this unit takes no change and no update since ${since}: ${reason}`,
    hint: 'df -h DIR and df -i DIR show what is left; lockstep backup prune --dry-run shows bundles that could go. It ends by itself once there is space.',
  };
}
