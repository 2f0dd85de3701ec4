import { type Moment, remainingMs } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log/log.ts';

/** After an undo that was refused, milliseconds. */
const RETRY_MS = 60_000;

export interface NetKeeperOptions {
  store: Store;
  timers: Timers;
  clock(): Moment;
  log: Log;
  /** Something was undone: the partner is to know at once. */
  onUndone(): void;
}

/** Undoes what was not confirmed in time, also after a restart, and after a takeover on the other unit. */
export class NetKeeper {
  private readonly options: NetKeeperOptions;
  private cancel: () => void = () => undefined;
  private readonly unwatch: () => void;

  constructor(options: NetKeeperOptions) {
    this.options = options;
    this.unwatch = options.store.watch(() => this.look());
    this.look();
  }

  stop(): void {
    this.cancel();
    this.unwatch();
  }

  /** Something may have changed: a commit, an update, a confirmation, the role. */
  look(): void {
    this.cancel();
    const { store, timers, clock } = this.options;
    const { role, provisional, ownProvisional } = store.head;
    const waiting = [role === 'active' ? provisional : undefined, ownProvisional].filter(
      net => net !== undefined,
    );
    if (waiting.length === 0) return;
    const left = Math.min(...waiting.map(({ deadline }) => remainingMs(deadline, clock())));
    this.cancel = timers.after(left, () => void this.undo());
  }

  private async undo(): Promise<void> {
    const { store, timers, log, onUndone } = this.options;
    try {
      const { revision, changes } = await store.undoProvisional('lockstep', 'not confirmed in time');
      log.warn({ revision, records: changes.length }, 'a change that was not confirmed is undone');
      onUndone();
    } catch (error) {
      const { code, message } = asLockstepError(error);
      if (code === 'nothing-to-confirm') return;
      log.error({ code, reason: message }, 'a change that was not confirmed cannot be undone');
      this.cancel = timers.after(RETRY_MS, () => void this.undo());
    }
  }
}
