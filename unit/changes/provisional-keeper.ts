import { type Moment, remainingMs } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { Provisional } from '../../store/head.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

/** After an undo that was refused, milliseconds. */
const RETRY_MS = 60_000;

export interface ProvisionalKeeperOptions {
  store: Store;
  timers: Timers;
  clock(): Moment;
  events: Events;
  log: Log;
}

/** Undoes what was not confirmed in time, also after a restart, and after a takeover on the other unit. */
export class ProvisionalKeeper {
  private readonly options: ProvisionalKeeperOptions;
  private cancel: () => void = () => undefined;
  private readonly unwatch: (() => void)[];
  /** What was told to wait. */
  private readonly open = new Set<string>();

  constructor(options: ProvisionalKeeperOptions) {
    this.options = options;
    const look = (): void => this.look();
    this.unwatch = [options.store.watch(look), options.events.on('roleChanged', look)];
    this.look();
  }

  stop(): void {
    this.cancel();
    for (const unwatch of this.unwatch) unwatch();
  }

  /** Something may have changed: a commit, an update, a confirmation, the role. */
  look(): void {
    this.cancel();
    const { store, timers, clock } = this.options;
    const { role, provisional, ownProvisional } = store.head;
    this.tell([provisional, ownProvisional]);
    const waiting = [role === 'active' ? provisional : undefined, ownProvisional].filter(
      each => each !== undefined,
    );
    if (waiting.length === 0) return;
    const left = Math.min(...waiting.map(({ deadline }) => remainingMs(deadline, clock())));
    this.cancel = timers.after(left, () => void this.undo());
  }

  private tell(now: (Provisional | undefined)[]): void {
    const { events } = this.options;
    for (const id of this.open) {
      if (now.some(each => each?.id === id)) continue;
      this.open.delete(id);
      events.emit('provisionalClosed', { id });
    }
    for (const each of now) {
      if (each === undefined || this.open.has(each.id)) continue;
      this.open.add(each.id);
      const { id, author, reason } = each;
      events.emit('provisionalOpened', { id, author, reason });
    }
  }

  private async undo(): Promise<void> {
    const { store, timers, log, events } = this.options;
    try {
      const { revision, changes } = await store.undoProvisional('lockstep', 'not confirmed in time');
      log.warn({ revision, records: changes.length }, 'a change that was not confirmed is undone');
      events.emit('provisionalUndone', { revision });
    } catch (error) {
      const { code, message } = asLockstepError(error);
      if (code === 'nothing-to-confirm') return;
      log.error({ code, reason: message }, 'a change that was not confirmed cannot be undone');
      this.cancel = timers.after(RETRY_MS, () => void this.undo());
    }
  }
}
