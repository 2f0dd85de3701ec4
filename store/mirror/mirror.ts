import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Burst } from '../../host/burst.ts';
import type { Moment } from '../../host/deadline.ts';
import { pauses } from '../../host/event-loop.ts';
import { realTimers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { type Cursor, Follower } from '../follower.ts';
import type { CommitRequest, Store } from '../store.ts';
import { stampAt } from './disk.ts';
import type { OnCommit } from './edit.ts';
import { fileIn, MirrorEdits } from './edits.ts';
import { FORM, foldersOf, topOf } from './file.ts';
import { MirrorFlush } from './flush.ts';
import { MirrorFolders, parentOf } from './folders.ts';
import { KeptFiles } from './kept.ts';
import {
  type Act,
  isDue,
  isInStep,
  type MirrorEffect,
  type MirrorEvent,
  type MirrorFacts,
  newMirror,
  stepMirror,
} from './machine.ts';
import { MirrorMemory } from './memory.ts';
import { MirrorReader } from './reader.ts';
import { MirrorRetry } from './retry.ts';
import { type MirrorLog, RETRIED, type Trouble, Troubles } from './trouble.ts';
import type { AfterReboot } from './verdict.ts';
import { MirrorWriter } from './writer.ts';

export interface MirrorOptions {
  store: Store;
  catalog: Catalog;
  /** `<dir>/config`; made when it is not there. */
  folder: string;
  log: MirrorLog;
  /** Quiet time (milliseconds) after which saved files are read; at least 120, since a watch can miss what comes sooner. */
  debounceMs?: number;
  /** How often (milliseconds) all files are compared, in case an event was lost. */
  reconcileMs?: number;
  /** How long (milliseconds) after a write the disk is asked to keep it. */
  flushMs?: number;
  /** The clocks of the machine. */
  clock(): Moment;
  /** What files that were saved became. */
  onCommit?: OnCommit;
}

const SHORTEST_DEBOUNCE_MS = 120;
/** A burst that does not end is read all the same. */
const LONGEST_BURST_MS = 10_000;
/** Events this soon after the mirror's own write of a file are about that write. */
const OWN_EVENT_MS = 1000;
/** After a commit: its answer and its update go first, and those that follow at once are written with it. */
const WRITE_AFTER_MS = 50;
const MAX_LAST_ROUNDS = 3;
const RECONCILE_MS = 5 * 60_000;
/** Name of the fact in the store that says how far the files have come. */
const MARK = 'mirror';

/** Kept with the cursor. */
interface Mark {
  /** Objects whose files were left alone all the same, because somebody's edit was in them. */
  held: string[];
  /** What files look like; another one makes all of them anew. */
  form: string;
  /** The boot of the machine that it was written in; earlier releases did not say. */
  boot?: string;
  /** What was changed in the files before this is in the store, and durable (milliseconds since 1970). */
  durableAt?: number | undefined;
}

/**
 * The configuration as files, both ways: the hands of store/mirror/machine.ts. It trails the store and is never the truth: a commit
 * does not wait for it, and it can be made again from the store at any time.
 */
export class Mirror {
  private readonly options: MirrorOptions;
  private readonly form: string;
  private readonly memory: MirrorMemory;
  private readonly troubled: Troubles;
  private readonly folders: MirrorFolders;
  private readonly reader: MirrorReader;
  private readonly writer: MirrorWriter;
  private readonly edits: MirrorEdits;
  private readonly kept: KeptFiles;
  private readonly flush: MirrorFlush;
  private readonly follower: Follower<Mark>;
  private readonly burst: Burst;
  private readonly retry = new MirrorRetry(() => this.tryAgain());
  private readonly turn = new Turn();
  private state = newMirror();
  private waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  private constructor(options: MirrorOptions) {
    const { store, catalog, folder, log, onCommit = () => undefined } = options;
    this.options = options;
    this.form = `${FORM} ${catalog.digest}`;
    this.memory = new MirrorMemory(store);
    const room = { store, catalog, root: folder, memory: this.memory };
    const named = ({ file, path, code, reason }: Trouble): void =>
      log.warn({ file, path, code }, `${file}: ${reason}`);
    this.troubled = new Troubles(named);
    this.folders = new MirrorFolders(folder, foldersOf(catalog), {
      changed: (name, entry) => this.noticed(name, entry),
      blind: (name, error) =>
        log.warn(
          { folder: name, reason: error.message },
          'a folder cannot be watched; it is compared now and then',
        ),
    });
    this.kept = new KeptFiles(folder, file => this.reader.pathOf(file), named);
    this.flush = new MirrorFlush({
      ...room,
      inTurn: act => this.turn.take(act),
      failed: error =>
        log.warn({ reason: asLockstepError(error).message }, 'files could not be made durable'),
      ...(options.flushMs === undefined ? {} : { afterMs: options.flushMs }),
    });
    this.reader = new MirrorReader({
      ...room,
      troubled: this.troubled,
      folders: this.folders,
      outdated: path => void this.writer.dirty.add(path),
      render: path => this.writer.render(path),
      reboot: () => this.state.reboot,
      givesWay: file => this.troubled.isOvertaken(file) && store.head.role === 'standby',
      setAside: (file, why) => this.kept.setAside(file, why),
    });
    this.writer = new MirrorWriter({
      ...room,
      usable: file => this.folders.usable(parentOf(file)),
      held: file => this.heldBy(file),
      overtaken: file => this.overtaken(file),
      surprised: file => this.touch(file),
      wrote: file => void this.troubled.clear(file),
      failed: (file, path, error) => this.unwritten(file, path, error),
      nameless: path => log.warn({ path }, 'an object has no file: its name would be too long'),
    });
    const { troubled, folders, reader, writer, kept } = this;
    this.edits = new MirrorEdits({ ...room, log, troubled, folders, reader, writer, kept, onCommit });
    this.follower = new Follower<Mark>({
      store,
      timers: realTimers,
      cursor: MARK,
      goesOnFrom: ({ form }) => form === this.form,
      about: path => topOf(catalog, path),
      work: ({ paths }) => this.outdate(paths),
      failed: error => this.cannotGoOn(error),
      quietMs: WRITE_AFTER_MS,
    });
    const quietMs = Math.max(options.debounceMs ?? 200, SHORTEST_DEBOUNCE_MS);
    this.burst = new Burst(quietMs, LONGEST_BURST_MS, () => this.tell({ type: 'saved' }));
  }

  /**
   * Resolves when the folders are watched; what was edited while no mirror ran is looked at next, and committed or reported;
   * files that are not up to date are written after that. Rejects when the folder cannot be made.
   */
  static async start(options: MirrorOptions): Promise<Mirror> {
    const mirror = new Mirror(options);
    try {
      const opened = await mirror.turn.take(() => mirror.open());
      mirror.tell({ type: 'opened', ...opened });
    } catch (error) {
      await mirror.close();
      throw error;
    }
    return mirror;
  }

  /** Files that are not in the store, with the reason; and what had to make way for the store, and is kept. */
  troubles(): Trouble[] {
    const { folder } = this.options;
    // Nobody watches folders that are none of the mirror's.
    for (const file of this.troubled.files())
      if (!this.folders.names.includes(parentOf(file)) && stampAt(join(folder, file)) === undefined)
        this.troubled.clear(file);
    return this.named();
  }

  private named(): Trouble[] {
    return [...this.troubled.list(), ...this.kept.list()];
  }

  /** Edits that wait for somebody to decide, and files that could not be written or read and are tried again. */
  counts(): { waiting: number; unwritten: number } {
    const unwritten = this.troubled.files(RETRIED).length;
    return { waiting: this.named().length - unwritten, unwritten };
  }

  /**
   * Give up what `file` says: it becomes what the store holds, durably, or is removed when the store holds nothing.
   * Throws `unknown-path` for what is no file of the mirror, `disk`.
   */
  restore(file: string): Promise<void> {
    return this.turn.take(async () => {
      if (this.kept.has(file)) return this.kept.remove(file);
      if (!this.troubled.has(file) && this.reader.pathOf(file) === undefined) {
        throw new LockstepError('unknown-path', `${file} is not a file of the mirror.`, { facts: { file } });
      }
      try {
        if (stampAt(join(this.options.folder, parentOf(file))) === undefined) await this.takeEdits();
        await this.edits.giveUp(file);
      } catch (error) {
        throw asLockstepError(error);
      }
      this.troubled.clear(file);
      this.burst.event();
    });
  }

  /**
   * Commit what `file` says although it was refused, or was found where nobody can tell who meant it. Resolves to the revision.
   * Throws what MirrorEdits.adopt throws.
   */
  adopt(file: string, by: Pick<CommitRequest, 'author' | 'guard'> & { reason?: string }): Promise<number> {
    return this.turn.take(async () => {
      const revision = await this.edits.adopt(file, by);
      this.burst.event();
      return revision;
    });
  }

  /** Resolves when nothing waits in either direction. */
  async settled(): Promise<void> {
    do {
      // what has just been saved is known only after a turn of the event loop
      await sleep(10);
      await this.rested();
    } while (this.burst.open || !this.follower.isIdle || isDue(this.state, this.facts()));
  }

  /** Commits what was saved, writes what is not written yet, and ends. The store must still be open. */
  async stop(): Promise<void> {
    await this.follower.hurry();
    await this.follower.stop();
    await this.rested();
    this.writer.retry();
    // what is written is noticed too, so files to write may have to wait for a look at files written
    for (let round = 0; round < MAX_LAST_ROUNDS && !this.facts().clean; round++) {
      this.tell({ type: 'saved' });
      await this.rested();
    }
    await this.close();
    await this.flush.stop(this.state.reboot === undefined);
    await this.turn.take(async () => {
      if (isInStep(this.state, this.facts())) await this.mark();
    });
    this.stopped = true;
  }

  private async close(): Promise<void> {
    clearInterval(this.timer);
    this.retry.end();
    await this.follower.stop();
    await this.folders.close();
    this.burst.end();
  }

  private async open(): Promise<{ reboot: AfterReboot | undefined; lookedAt: number }> {
    const { store, reconcileMs } = this.options;
    await this.folders.ensure();
    await this.memory.load();
    const mark = await store.readLocal<Cursor & Mark>(MARK);
    this.flush.durableUntil = mark?.durableAt;
    const kept = await this.follower.start();
    for (const path of kept?.held ?? []) this.writer.dirty.add(path);
    const lookedAt = Date.now();
    await this.edits.lookAtAll(true);
    this.timer = setInterval(() => this.tell({ type: 'reconcile' }), reconcileMs ?? RECONCILE_MS).unref();
    return { reboot: this.rebootSince(mark), lookedAt };
  }

  /** In the same boot whatever differs was changed by hand, and there is nothing to doubt. */
  private rebootSince(mark: Mark | undefined): AfterReboot | undefined {
    const { bootId, wall, uptime } = this.options.clock();
    return mark?.boot === bootId ? undefined : { bootedAt: wall - uptime, durableAt: mark?.durableAt };
  }

  private heldBy(file: string): 'troubled' | 'waiting' | undefined {
    const isWork = this.troubled.holds(file) && this.memory.get(file)?.worthless === undefined;
    return isWork ? 'troubled' : this.edits.touched.has(file) ? 'waiting' : undefined;
  }

  /** What commits touched, or everything: its files may not say what the store says. Written after this, so that more may come along. */
  private async outdate(paths: readonly string[] | undefined): Promise<void> {
    if (paths === undefined) await this.outdateAll();
    else for (const path of paths) this.writer.dirty.add(path);
    this.writer.retry();
    setImmediate(() => this.tell({ type: 'committed' }));
  }

  private async outdateAll(): Promise<void> {
    const { store, catalog } = this.options;
    const outdate = (path: string | undefined) => path !== undefined && this.writer.dirty.add(path);
    const rest = pauses();
    for await (const path of store.paths()) {
      outdate(topOf(catalog, path));
      await rest();
    }
    for (const file of this.memory.files()) outdate(this.reader.pathOf(file));
  }

  // What the machine decides, carried out.

  private facts(): MirrorFacts {
    const { touched } = this.edits;
    const unread = this.troubled.files(RETRIED).length > 0;
    return {
      now: performance.now(),
      wall: Date.now(),
      writable: this.writer.ready,
      clean: touched.size + this.writer.dirty.size === 0 && this.follower.isIdle,
      failing: this.writer.failed.size > 0 || unread,
      unread,
    };
  }

  private tell(event: MirrorEvent): void {
    if (this.stopped) return;
    const { state, effects } = stepMirror(this.state, event, this.facts());
    this.state = state;
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: MirrorEffect): void {
    switch (effect.do) {
      case 'act':
        void this.act(effect.act);
        return;
      case 'judged-all':
        this.judgedAll();
        return;
      case 'flush':
        this.flush.due();
        return;
      case 'retry-later':
        this.retry.later();
        return;
      case 'retry-no-more':
        this.retry.end();
        return;
      case 'rest':
        for (const resolve of this.waiting.splice(0)) resolve();
    }
  }

  private async act(act: Act): Promise<void> {
    try {
      await this.turn.take(() => this.acts[act]());
      await new Promise(setImmediate);
    } catch (error) {
      this.cannotGoOn(error);
      this.tell({ type: 'failed' });
      return;
    }
    this.tell({ type: 'acted' });
  }

  private readonly acts: Record<Act, () => Promise<void>> = {
    look: () => this.edits.lookAtAll(false),
    'take-edits': () => this.takeEdits(),
    write: () => this.writer.writeBatch(),
    mark: () => this.mark(),
  };

  /** Resolves when no act goes on and none is due. */
  private async rested(): Promise<void> {
    if (this.state.acting !== undefined) await new Promise<void>(resolve => this.waiting.push(resolve));
  }

  private async takeEdits(): Promise<void> {
    this.burst.end();
    await this.edits.take();
  }

  private judgedAll(): void {
    const files = this.reader.judgedAll();
    if (files > 0)
      this.options.log.warn(
        { files },
        'after a power cut files were empty, torn or older than what had been written; they are made again',
      );
  }

  /** The store or the folder does not answer. */
  private cannotGoOn(error: unknown): void {
    this.options.log.warn({ reason: asLockstepError(error).message }, 'the mirror could not go on');
  }

  private tryAgain(): void {
    for (const file of this.troubled.files(RETRIED)) this.edits.touched.add(file);
    this.writer.retry();
    this.tell({ type: 'saved' });
  }

  private async mark(): Promise<void> {
    await this.memory.saveRefusals();
    const held = this.troubled
      .files()
      .map(file => this.reader.pathOf(file))
      .filter(path => path !== undefined);
    await this.follower.keep({
      held,
      form: this.form,
      boot: this.options.clock().bootId,
      durableAt: earliest(this.state.judgedUntil, this.flush.durableAt),
    });
  }

  // What happens in the folders.

  private noticed(folder: string, entry: string | undefined): void {
    if (entry === undefined) this.tell({ type: 'blind' });
    else if (entry.startsWith('.')) return;
    const file = fileIn(folder, entry ?? '');
    if (entry) this.edits.touched.add(file);
    const own = performance.now() - (this.memory.get(file)?.wroteAt ?? -Infinity) < OWN_EVENT_MS;
    this.burst.event(!own);
  }

  private touch(file: string): void {
    this.edits.touched.add(file);
    this.burst.event();
  }

  private overtaken(file: string): void {
    this.troubled.overtake(file);
    this.touch(file);
  }

  private unwritten(file: string, path: string, error: unknown): void {
    const { message } = error as Error;
    this.troubled.report({ file, path, code: RETRIED, reason: `it could not be written: ${message}` });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.burst.event(); // its folder is gone
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.min(one, other);
}
