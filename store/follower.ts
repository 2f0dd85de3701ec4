import type { Timers } from '../host/timers.ts';
import {
  type FollowerEffect,
  type FollowerEvent,
  isOver,
  newFollower,
  stepFollower,
  type Work,
} from './follower-machine.ts';
import type { Store } from './store.ts';

/** What a follower keeps in the store: everything up to `revision` is done. */
export interface Cursor {
  revision: number;
  /** Id of the store (store/witness.ts): a number says nothing of another one. Cursors of 0.1.0 have none. */
  store?: string | undefined;
}

export interface FollowerOptions<Facts extends object> {
  store: Pick<Store, 'head' | 'watch' | 'revision' | 'touchedSince' | 'readLocal' | 'writeLocal'>;
  timers: Pick<Timers, 'after'>;
  /** Of the fact in the store that holds the cursor. Without one, each start looks at everything. */
  cursor?: string;
  /** Whether what was done until then still counts. */
  goesOnFrom?(kept: Cursor & Facts): boolean;
  /** What has to be done again when the record at `path` changed; undefined: nothing. */
  about(path: string): string | undefined;
  /** One at a time. What it throws is told to `failed`, and the same is tried again, with what was touched since. */
  work(work: Work, isOver: () => boolean): Promise<void>;
  failed(error: unknown): void;
  /** After a commit (milliseconds): those that follow at once are done with it. */
  quietMs?: number;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Follows the commits of a store: each thing that one touches is worked on at least once, also across a crash, from the
 * cursor on. Everything is looked at where the cursor says nothing: at a first start, in another store, and when the history
 * no longer reaches back to it.
 */
export class Follower<Facts extends object = object> {
  private readonly options: FollowerOptions<Facts>;
  private state = newFollower();
  private waiting: (() => void)[] = [];
  private working: Promise<void> = Promise.resolve();
  private cancel: () => void = () => undefined;
  private unwatch: () => void = () => undefined;

  constructor(options: FollowerOptions<Facts>) {
    this.options = options;
  }

  /** Resolves to what was kept with the cursor, once what is to be done is known; undefined: that is everything. */
  async start(): Promise<(Cursor & Facts) | undefined> {
    const { store, cursor } = this.options;
    this.unwatch = store.watch(({ revision }, paths) =>
      this.tell({ type: 'committed', revision, paths: this.about(paths) }),
    );
    const { revision } = store.head;
    const kept = cursor === undefined ? undefined : await store.readLocal<Cursor & Facts>(cursor);
    const touched = kept === undefined ? undefined : await this.touchedSince(kept);
    const paths = touched && this.about(touched);
    this.tell({ type: 'opened', since: paths === undefined ? 0 : (kept?.revision ?? 0), revision, paths });
    return paths === undefined ? undefined : kept;
  }

  private async touchedSince(kept: Cursor & Facts): Promise<string[] | undefined> {
    const { store, goesOnFrom } = this.options;
    if (kept.store !== undefined && kept.store !== store.head.store) return undefined;
    if (goesOnFrom?.(kept) === false || (await store.revision(kept.revision)) === undefined) return undefined;
    return store.touchedSince(kept.revision);
  }

  /** These are to be done again, though no commit touched them. */
  touch(paths: readonly string[]): void {
    this.tell({ type: 'touched', paths });
  }

  /** Look at everything; work that goes on makes way. */
  lookAtAll(): void {
    this.tell({ type: 'everything' });
  }

  /** Nothing waits, and nothing goes on. */
  get isIdle(): boolean {
    return this.state.phase === 'idle' || this.state.phase === 'ended';
  }

  /** Durable when it resolves: a next start goes on from what is done now. Whoever works decides how often that is worth a write. */
  async keep(facts: Facts): Promise<void> {
    const { store, cursor } = this.options;
    if (cursor === undefined) return;
    await store.writeLocal(cursor, { revision: this.state.done, store: store.head.store, ...facts });
  }

  /** Resolves when nothing is to be done, or it has ended. */
  settled(): Promise<void> {
    if (this.isIdle) return this.working;
    return new Promise(resolve => this.waiting.push(resolve));
  }

  /** What waits is worked on at once; resolves when that has ended, however it did. */
  async hurry(): Promise<void> {
    this.cancel();
    this.tell({ type: 'due' });
    await this.working;
  }

  /** What was not done is done after the next start. Resolves when the work that goes on has ended. */
  async stop(): Promise<void> {
    this.unwatch();
    this.cancel();
    this.tell({ type: 'ended' });
    await this.working;
  }

  private about(paths: readonly string[]): string[] {
    const { about } = this.options;
    const found = new Set<string>();
    for (const path of paths) {
      const thing = about(path);
      if (thing !== undefined) found.add(thing);
    }
    return [...found];
  }

  private tell(event: FollowerEvent): void {
    const { state, effects } = stepFollower(this.state, event);
    this.state = state;
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: FollowerEffect): void {
    const { timers, work, failed, quietMs = 0 } = this.options;
    switch (effect.do) {
      case 'wait': {
        const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (effect.failures - 1), MAX_RETRY_MS);
        const ms = effect.failures === 0 ? quietMs : retryMs;
        const due = (): void => this.tell({ type: 'due' });
        // What a commit answers goes out first.
        this.cancel = ms > 0 ? timers.after(ms, due) : soon(due);
        return;
      }
      case 'work':
        this.working = work(effect.work, () => isOver(this.state)).then(
          () => this.tell({ type: 'worked' }),
          error => {
            failed(error);
            this.tell({ type: 'failed' });
          },
        );
        return;
      case 'rest':
        for (const resolve of this.waiting.splice(0)) resolve();
        return;
    }
  }
}

function soon(act: () => void): () => void {
  const immediate = setImmediate(act);
  return () => clearImmediate(immediate);
}
