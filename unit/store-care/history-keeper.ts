import type { HistoryKept } from '../../api/contract/status.ts';
import type { Timers } from '../../host/timers.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError } from '../../schema/error.ts';
import { withDefaults } from '../../schema/record.ts';
import { type Kept, type Need, oldestToKeep, type Retention } from '../../store/retention.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

const RECORD = 'history';
/** A start has other things to do. */
const START_MS = 10_000;
/** After a commit: the next one may be on its way. */
const QUIET_MS = 500;
/** Between two steps it rests nine times as long as it worked, and at least so long. */
const REST = 9;
const LEAST_REST_MS = 10;
/** While an update goes out nothing goes, but for no longer than this. */
const BUSY_MS = 50;
const MAX_BUSY_MS = 5_000;
const AGAIN_MS = 3_600_000;
/** Whoever needs what would go may not need it any more. */
const NEEDED_MS = 30_000;

export interface HistoryKeeperOptions {
  store: Store;
  catalog: Catalog;
  timers: Timers;
  /** The newest revision that is older than so many days. */
  aged(days: number): number;
  /** From which revisions on the history is needed, whatever the record says. */
  needs(): Promise<Need[]>;
  /** An update is under way. */
  isBusy(): boolean;
  events: Events;
  log: Log;
}

/** Lets old revisions go, in the background and in small steps, as the record `history` says. */
export class HistoryKeeper {
  private readonly options: HistoryKeeperOptions;
  private readonly unwatch: (() => void)[];
  private retention: Retention;
  private oldest: number;
  private because: Kept['because'] = 'least';
  private cancel: () => void = () => undefined;
  /** Set while a look waits for its time. */
  private due: number | undefined;
  private working: Promise<void> | undefined;
  private committedAt = Number.NEGATIVE_INFINITY;
  /** Somebody has changed how much is kept, and it was not read yet. */
  private changed = false;
  private stopped = false;
  private wake: () => void = () => undefined;

  private constructor(options: HistoryKeeperOptions, retention: Retention, oldest: number) {
    this.options = options;
    this.retention = retention;
    this.oldest = oldest;
    this.unwatch = [
      options.store.watch((_revision, paths) => this.committed(paths)),
      options.events.on('spaceSampled', () => this.look()),
    ];
  }

  static async start(options: HistoryKeeperOptions): Promise<HistoryKeeper> {
    const { store, catalog } = options;
    const retention = await readRetention(store, catalog);
    const keeper = new HistoryKeeper(options, retention, await store.oldestRevision());
    keeper.lookIn(START_MS);
    return keeper;
  }

  /** Resolves when no step runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const unwatch of this.unwatch) unwatch();
    this.cancel();
    this.wake();
    await this.working;
  }

  /** What is kept, and what decided that. */
  get kept(): HistoryKept {
    const { newest } = this;
    const first = Math.max(1, this.oldest);
    return {
      oldest: Math.min(first, newest),
      revisions: newest === 0 ? 0 : newest - first + 1,
      because: this.because,
    };
  }

  /** Something may be older now. */
  look(): void {
    this.lookIn(0);
  }

  private get newest(): number {
    return this.options.store.head.revision;
  }

  /** More than so many on top are worth a look: each look costs a write. */
  private get slack(): number {
    return Math.min(1_000, Math.max(64, Math.floor(this.retention.most / 8)));
  }

  private get surplus(): number {
    return this.newest - this.oldest - this.retention.most;
  }

  private committed(paths: string[]): void {
    const { timers } = this.options;
    this.committedAt = timers.now();
    if (paths.includes(RECORD)) {
      this.changed = true;
      this.lookIn(0);
    } else if (this.surplus >= this.slack) this.lookIn(QUIET_MS);
  }

  private lookIn(ms: number): void {
    const { timers } = this.options;
    const at = timers.now() + ms;
    if (this.stopped || (this.due !== undefined && this.due <= at)) return;
    this.cancel();
    this.due = at;
    this.cancel = timers.after(ms, () => {
      this.due = undefined;
      this.begin();
    });
  }

  private begin(): void {
    if (this.stopped || this.working !== undefined) return;
    // Commits come one after the other: rather in their first pause, unless there is none.
    const quietFor = this.options.timers.now() - this.committedAt;
    if (!this.changed && quietFor < QUIET_MS && this.surplus < 4 * this.slack) {
      this.lookIn(QUIET_MS - quietFor);
      return;
    }
    this.working = this.work()
      .catch((error: unknown) => {
        const { code, message } = asLockstepError(error);
        this.options.log.warn({ code, reason: message }, 'old revisions could not be taken away');
        this.lookIn(AGAIN_MS);
      })
      .finally(() => {
        this.working = undefined;
      });
  }

  private async work(): Promise<void> {
    const { store, catalog, log, aged, needs } = this.options;
    this.changed = false;
    this.retention = await readRetention(store, catalog);
    const before = this.oldest;
    const needed = await needs();
    const facts = { newest: this.newest, oldest: before, aged: aged(this.retention.days), needed };
    const { revision, because } = oldestToKeep(this.retention, facts);
    this.because = because;
    if (revision > Math.max(1, before)) await store.keepFrom(revision);
    this.oldest = await store.oldestRevision();
    if (this.oldest > 0) await this.prune();
    if (because === 'partner' || because === 'files') this.lookIn(NEEDED_MS);
    if (this.oldest > before)
      log.info({ oldest: this.oldest, before, because }, 'older revisions are not kept any more');
  }

  private async prune(): Promise<void> {
    const { store, timers } = this.options;
    for (let more = true; more && !this.stopped; ) {
      await this.untilFree();
      const started = timers.now();
      more = await store.pruneSome();
      if (more) await this.rest(Math.max(LEAST_REST_MS, REST * (timers.now() - started)));
    }
  }

  private async untilFree(): Promise<void> {
    const { isBusy } = this.options;
    for (let waited = 0; isBusy() && waited < MAX_BUSY_MS && !this.stopped; waited += BUSY_MS)
      await this.rest(BUSY_MS);
  }

  private rest(ms: number): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise(resolve => {
      const cancel = this.options.timers.after(ms, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

async function readRetention(store: Store, catalog: Catalog): Promise<Retention> {
  const kind = catalog.kindOf(RECORD);
  return withDefaults(kind, (await store.read(RECORD)) ?? {}) as unknown as Retention;
}
