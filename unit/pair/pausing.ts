import { type Deadline, type Moment, makeDeadline, remainingMs } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { Pause } from '../../sync/pause.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

export interface PausingOptions {
  store: Store;
  timers: Timers;
  now(): Date;
  clock(): Moment;
  events: Events;
  log: Log;
}

interface Kept extends Omit<Pause, 'until'> {
  deadline: Deadline | null;
}

const FACT = 'pause';
/** The end is looked at again this often, milliseconds: a timer does not run while the machine sleeps. */
const LOOK_MS = 60_000;

/** The pause of the updates of this unit: it outlives the process, and ends by itself when it was given a time. */
export class Pausing {
  private readonly options: PausingOptions;
  private kept: Kept | undefined;
  private shown: Pause | undefined;
  private cancel: () => void = () => undefined;
  private stopped = false;
  /** What the disk says and what is shown change together, one change after the other. */
  private readonly turn = new Turn();

  private constructor(options: PausingOptions) {
    this.options = options;
  }

  static async open(options: PausingOptions): Promise<Pausing> {
    const pausing = new Pausing(options);
    pausing.take(await options.store.readLocal<Kept>(FACT));
    await pausing.roleChanged();
    options.events.on('roleChanged', () => void pausing.roleChanged());
    return pausing;
  }

  /** A pause belongs to the active role. */
  get current(): Pause | undefined {
    return this.options.store.head.role === 'active' ? this.shown : undefined;
  }

  /**
   * Durable before it resolves; takes the place of an earlier one. `durationMs` undefined: until somebody resumes.
   * Throws `not-active`.
   */
  async begin(by: string, reason: string, durationMs: number | undefined): Promise<Pause> {
    const { store, clock, now, log, events } = this.options;
    this.assertActive();
    const deadline = durationMs === undefined ? null : makeDeadline(durationMs, clock());
    const kept: Kept = { by, reason, since: now().toISOString(), deadline };
    const pause = await this.turn.take(async () => {
      await store.writeLocal(FACT, kept);
      return this.take(kept);
    });
    log.warn({ ...pause }, 'updates paused');
    events.emit('pauseChanged', { pause });
    await this.roleChanged(); // it may have stood down meanwhile
    this.assertActive();
    return pause;
  }

  /** On a standby there is nothing to pause. What cannot be lifted is not heeded, and lifted at the next start. */
  async roleChanged(): Promise<void> {
    if (this.options.store.head.role === 'active') return;
    await this.lift('this unit is standby').catch((error: unknown) =>
      this.options.log.error({ code: asLockstepError(error).code }, 'the pause could not be lifted'),
    );
  }

  /** Not a pause that takes the place of this one meanwhile. `because`: for the log. Resolves to what was lifted. */
  async lift(because: string, by?: string): Promise<Pause | undefined> {
    const { store, log, events } = this.options;
    const meant = this.kept;
    const shown = await this.turn.take(async () => {
      const lifted = this.shown;
      if (lifted === undefined || this.kept !== meant) return undefined;
      await store.writeLocal(FACT, undefined);
      this.take(undefined);
      return lifted;
    });
    if (shown === undefined) return undefined;
    log.warn({ because, ...(by === undefined ? {} : { by }), paused: shown }, 'updates go out again');
    events.emit('pauseChanged', { pause: undefined });
    return shown;
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  private assertActive(): void {
    if (this.options.store.head.role === 'active') return;
    throw new LockstepError('not-active', 'This unit is standby: updates are paused on the active unit.', {
      hint: 'Type the command on the active unit.',
    });
  }

  private take(kept: Kept): Pause;
  private take(kept: Kept | undefined): Pause | undefined;
  private take(kept: Kept | undefined): Pause | undefined {
    this.kept = kept;
    this.shown = kept === undefined ? undefined : this.shownOf(kept);
    this.look();
    return this.shown;
  }

  private shownOf({ by, reason, since, deadline }: Kept): Pause {
    const { now, clock } = this.options;
    const left = deadline === null ? undefined : remainingMs(deadline, clock());
    const until = left === undefined ? null : new Date(now().getTime() + left).toISOString();
    return { by, reason, since, until };
  }

  private look(): void {
    this.cancel();
    if (this.stopped) return;
    const { timers, clock, log } = this.options;
    const deadline = this.kept?.deadline ?? null;
    if (deadline === null) return;
    const left = remainingMs(deadline, clock());
    if (left === 0) {
      this.lift('the time is over').catch((error: unknown) => {
        log.error({ code: asLockstepError(error).code }, 'the end of the pause could not be kept');
        if (!this.stopped) this.cancel = timers.after(LOOK_MS, () => this.look());
      });
      return;
    }
    this.cancel = timers.after(Math.min(left, LOOK_MS), () => this.look());
  }
}
