import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Burst } from '../../host/burst.ts';
import type { Moment } from '../../host/deadline.ts';
import { removeDurable, TEMPORARY, writeDurable } from '../../host/durable-file.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { CommitRequest, Store } from '../store.ts';
import { look, stampAt } from './disk.ts';
import { adoptEdit, commitEdits, type Edit } from './edit.ts';
import { FORM, foldersOf, hashOf, parseFile, topOf } from './file.ts';
import { MirrorFlush } from './flush.ts';
import { MirrorFolders, parentOf } from './folders.ts';
import { isKept, KeptFiles, originalOf } from './kept.ts';
import { MirrorMemory } from './memory.ts';
import { AFTER_CUT, MirrorReader } from './reader.ts';
import { MirrorRetry } from './retry.ts';
import { RETRIED, type Trouble, Troubles } from './trouble.ts';
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
}

export interface MirrorLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

const SHORTEST_DEBOUNCE_MS = 120;
/** A burst that does not end is read all the same. */
const LONGEST_BURST_MS = 10_000;
/** Events this soon after the mirror's own write of a file are about that write. */
const OWN_EVENT_MS = 1000;
const MARK_EVERY_MS = 60_000;
/** After a commit: its answer and its update go first, and those that follow at once are written with it. */
const WRITE_AFTER_MS = 50;
const MOST_LAST_ROUNDS = 3;
/** Looked at in a row before the event loop gets a turn. */
const LOOKS_IN_A_ROW = 64;
/** An event can come so much later than what it tells of, and the clock of a file be so much behind. */
const EVENT_LAG_MS = 1_000;
/** Name of the fact in the store that says how far the files have come. */
const MARK = 'mirror';

interface Mark {
  /** Whatever changed later may not be in the files. */
  revision: number;
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
 * The configuration as files, both ways. It trails the store and is never the truth: a commit does not wait for it,
 * and it can be made again from the store at any time. One thing happens at a time: a look at all files, the commit of
 * what somebody saved, or a batch of files to write.
 */
export class Mirror {
  private readonly options: MirrorOptions;
  private readonly memory: MirrorMemory;
  private readonly troubled: Troubles;
  private readonly folders: MirrorFolders;
  private readonly reader: MirrorReader;
  private readonly writer: MirrorWriter;
  private readonly burst: Burst;
  private readonly kept: KeptFiles;
  private readonly flush: MirrorFlush;
  private readonly retry = new MirrorRetry(() => this.tryAgain());
  /** Files, or other entries of the folders, that something happened to since they were last looked at. */
  private readonly touched = new Set<string>();
  private readonly form: string;
  private readonly names: readonly string[];
  private seen = 0;
  /** Until everything that was there at the start is looked at, after a start of the machine. */
  private reboot: AfterReboot | undefined;
  private readonly judged = new Set<string>();
  /** What was saved before this is judged (milliseconds since 1970); `looking`: once the look that goes on is over. */
  private judgedUntil: number | undefined;
  private looking: number | undefined;
  /** Files that were empty, torn or older than what had been written. */
  private discarded = 0;
  private markedAt = -Infinity;
  private lookDue = false;
  private editsDue = false;
  private working: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private unwatch: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Commits wait to be written. */
  private writing: NodeJS.Timeout | undefined;

  private constructor(options: MirrorOptions) {
    const { store, catalog, folder, log } = options;
    this.options = options;
    this.form = `${FORM} ${catalog.digest}`;
    this.names = foldersOf(catalog);
    this.memory = new MirrorMemory(store);
    const named = ({ file, path, code, reason }: Trouble): void =>
      log.warn({ file, path, code }, `${file}: ${reason}`);
    this.troubled = new Troubles(named);
    this.folders = new MirrorFolders(folder, this.names, {
      changed: (name, entry) => this.noticed(name, entry),
      blind: (name, error) =>
        log.warn(
          { folder: name, reason: error.message },
          'a folder cannot be watched; it is compared now and then',
        ),
    });
    this.kept = new KeptFiles(folder, file => this.reader.pathOf(file), named);
    this.flush = new MirrorFlush({
      root: folder,
      memory: this.memory,
      inTurn: act => this.inTurn(act),
      failed: error =>
        log.warn({ reason: asLockstepError(error).message }, 'files could not be made durable'),
      ...(options.flushMs === undefined ? {} : { afterMs: options.flushMs }),
    });
    this.reader = new MirrorReader({
      catalog,
      root: folder,
      memory: this.memory,
      troubled: this.troubled,
      folders: this.folders,
      outdated: path => void this.writer.dirty.add(path),
      render: path => this.writer.render(path),
      reboot: file => this.firstLook(file),
      givesWay: file => this.troubled.isOvertaken(file) && store.head.role === 'standby',
      setAside: (file, why) => this.kept.setAside(file, why),
      discarded: () => void this.discarded++,
    });
    this.writer = new MirrorWriter({
      store,
      catalog,
      root: folder,
      memory: this.memory,
      usable: file => this.folders.usable(parentOf(file)),
      held: file => this.heldBy(file),
      overtaken: file => this.overtaken(file),
      surprised: file => this.touch(file),
      wrote: file => void this.troubled.clear(file),
      failed: (file, path, error) => this.unwritten(file, path, error),
      nameless: path => log.warn({ path }, 'an object has no file: its name would be too long'),
    });
    const quietMs = Math.max(options.debounceMs ?? 200, SHORTEST_DEBOUNCE_MS);
    this.burst = new Burst(quietMs, LONGEST_BURST_MS, () => {
      this.editsDue = true;
      this.work();
    });
  }

  /**
   * Resolves when the folders are watched; what was edited while no mirror ran is looked at next, and committed or reported;
   * files that are not up to date are written after that. Rejects when the folder cannot be made.
   */
  static async start(options: MirrorOptions): Promise<Mirror> {
    const mirror = new Mirror(options);
    try {
      await mirror.inTurn(() => mirror.open());
    } catch (error) {
      await mirror.close();
      throw error;
    }
    mirror.work();
    return mirror;
  }

  /** Files that are not in the store, with the reason; and what had to make way for the store, and is kept. */
  troubles(): Trouble[] {
    // Nobody watches folders that are none of the mirror's.
    for (const file of this.troubled.files())
      if (!this.names.includes(parentOf(file)) && stampAt(join(this.options.folder, file)) === undefined)
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
    return this.inTurn(async () => {
      if (this.kept.has(file)) return this.kept.remove(file);
      if (!this.troubled.has(file) && this.reader.pathOf(file) === undefined) {
        throw new LockstepError('unknown-path', `${file} is not a file of the mirror.`, { facts: { file } });
      }
      try {
        if (stampAt(join(this.options.folder, parentOf(file))) === undefined) await this.takeEdits();
        await this.replace(file);
      } catch (error) {
        throw asLockstepError(error);
      }
      this.troubled.clear(file);
      this.burst.event();
    });
  }

  /**
   * Commit what `file` says although it was refused, or was found where nobody can tell who meant it. Resolves to the revision.
   * Throws `unknown-path`, and what reading a file and a commit throw.
   */
  adopt(file: string, by: Pick<CommitRequest, 'author' | 'guard'> & { reason?: string }): Promise<number> {
    return this.inTurn(async () => {
      const { store, catalog, folder } = this.options;
      const original = this.kept.has(file) ? (originalOf(file) as string) : file;
      const path = this.reader.pathOf(original);
      const sight = path === undefined ? undefined : await look(join(folder, file));
      if (path === undefined || sight?.is !== 'content')
        throw new LockstepError('unknown-path', `There is no file ${file} in the mirror that can be read.`, {
          hint: 'lockstep status names the files that wait.',
          facts: { file },
        });
      const { bytes, hash, stamp } = sight;
      const records = parseFile(catalog, path, file, bytes);
      const { revision } = await adoptEdit(store, catalog, { file, path, records, hash }, by);
      if (original !== file) await this.kept.remove(file);
      else await this.memory.keep([{ file, hash, stamp }]);
      this.troubled.clear(file);
      this.writer.dirty.add(path);
      this.burst.event();
      return revision;
    });
  }

  /** Resolves when nothing waits in either direction. */
  async settled(): Promise<void> {
    do {
      // what has just been saved is known only after a turn of the event loop
      await sleep(10);
      await this.working;
    } while (this.pending());
  }

  /** Commits what was saved, writes what is not written yet, and ends. The store must still be open. */
  async stop(): Promise<void> {
    this.unwatch();
    await this.working;
    this.writer.retry();
    // what is written is noticed too, so files to write may have to wait for a look at files written
    for (let round = 0; round < MOST_LAST_ROUNDS && this.touched.size + this.writer.dirty.size > 0; round++) {
      this.editsDue = true;
      this.work();
      await this.working;
    }
    await this.close();
    await this.flush.stop(this.reboot === undefined);
    await this.inTurn(() => this.mark());
  }

  private async close(): Promise<void> {
    this.unwatch();
    clearInterval(this.timer);
    clearTimeout(this.writing);
    this.writing = undefined;
    this.retry.end();
    await this.folders.close();
    this.burst.end();
  }

  private async open(): Promise<void> {
    const { store, reconcileMs } = this.options;
    this.unwatch = store.watch(({ revision }, paths) => this.committed(revision, paths));
    this.seen = store.head.revision;
    await this.folders.ensure();
    await this.memory.load();
    const mark = await store.readLocal<Mark>(MARK);
    this.flush.durableUntil = mark?.durableAt;
    this.reboot = this.rebootSince(mark);
    await this.findStale(mark);
    await this.lookAtAll(true);
    this.editsDue = true; // a start need not wait until every file is read
    this.timer = setInterval(() => this.reconcile(), reconcileMs ?? 5 * 60_000).unref();
  }

  /** In the same boot whatever differs was changed by hand, and there is nothing to doubt. */
  private rebootSince(mark: Mark | undefined): AfterReboot | undefined {
    const { bootId, wall, uptime } = this.options.clock();
    return mark?.boot === bootId ? undefined : { bootedAt: wall - uptime, durableAt: mark?.durableAt };
  }

  private firstLook(file: string): AfterReboot | undefined {
    if (this.reboot === undefined || this.judged.has(file)) return undefined;
    this.judged.add(file);
    return this.reboot;
  }

  private heldBy(file: string): 'troubled' | 'waiting' | undefined {
    const isWork = this.troubled.holds(file) && this.memory.get(file)?.worthless === undefined;
    return isWork ? 'troubled' : this.touched.has(file) ? 'waiting' : undefined;
  }

  /** Only what changed since the files were last known to be complete has to be rendered and compared. */
  private async findStale(mark: Mark | undefined): Promise<void> {
    const { store } = this.options;
    if (mark?.form === this.form && (await store.revision(mark.revision)) !== undefined) {
      // not store.diff: a file may hold what came and went since
      for (const path of await store.touchedSince(mark.revision)) this.soil(path);
      for (const path of mark.held) this.soil(path);
      return;
    }
    let count = 0;
    for await (const path of store.paths()) {
      this.soil(path);
      if (++count % 1000 === 0) await new Promise(setImmediate);
    }
    for (const file of this.memory.files()) this.soilFile(file);
  }

  private committed(revision: number, paths: string[]): void {
    this.seen = revision;
    for (const path of paths) this.soil(path);
    this.writer.retry();
    this.writing ??= setTimeout(() => {
      this.writing = undefined;
      this.work();
    }, WRITE_AFTER_MS);
  }

  private soil(path: string): void {
    const top = topOf(this.options.catalog, path);
    if (top !== undefined) this.writer.dirty.add(top);
  }

  private soilFile(file: string): void {
    const path = this.reader.pathOf(file);
    if (path !== undefined) this.writer.dirty.add(path);
  }

  // What is to be done, one thing at a time.

  private work(): void {
    this.working ??= this.drain().then(again => {
      this.working = undefined;
      if (again) this.work();
    });
  }

  /** Resolves to whether more came while it ended. */
  private async drain(): Promise<boolean> {
    try {
      while (await this.inTurn(() => this.step())) await new Promise(setImmediate);
      if (performance.now() - this.markedAt > MARK_EVERY_MS) await this.inTurn(() => this.mark());
      if (this.reboot === undefined) this.flush.due(); // before, what came back must stay known
      if (this.isFailing()) this.retry.later();
      else this.retry.end();
      return this.due();
    } catch (error) {
      // The store or the folder does not answer.
      this.options.log.warn({ reason: asLockstepError(error).message }, 'the mirror could not go on');
      this.retry.later();
      return false;
    }
  }

  private isFailing(): boolean {
    return this.writer.failed.size > 0 || this.troubled.files(RETRIED).length > 0;
  }

  private tryAgain(): void {
    for (const file of this.troubled.files(RETRIED)) this.touched.add(file);
    this.writer.retry();
    this.editsDue = true;
    this.work();
  }

  private due(): boolean {
    return this.lookDue || this.editsDue || this.writer.ready;
  }

  private async step(): Promise<boolean> {
    if (this.lookDue) await this.lookAtAll(false);
    else if (this.editsDue) await this.takeEdits();
    else if (this.writer.ready) await this.writer.writeBatch();
    else return false;
    return true;
  }

  private pending(): boolean {
    return this.burst.open || this.writing !== undefined || this.working !== undefined || this.due();
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const next = this.turn.then(act, act);
    this.turn = next.catch(() => undefined);
    return next;
  }

  private reconcile(): void {
    this.lookDue = true;
    this.markedAt = -Infinity;
    this.work();
  }

  private async mark(): Promise<void> {
    const waits = this.due() || this.touched.size > 0 || this.isFailing() || this.reboot !== undefined;
    if (this.writer.dirty.size > 0 || waits) return;
    this.markedAt = performance.now();
    await this.memory.saveRefusals();
    const held = this.troubled
      .files()
      .map(file => this.reader.pathOf(file))
      .filter(path => path !== undefined);
    const mark: Mark = {
      revision: this.seen,
      held,
      form: this.form,
      boot: this.options.clock().bootId,
      durableAt: earliest(this.judgedUntil, this.flush.durableAt),
    };
    await this.options.store.writeLocal(MARK, mark);
  }

  // What happens in the folders.

  private noticed(folder: string, entry: string | undefined): void {
    if (entry === undefined) this.lookDue = true;
    else if (entry.startsWith('.')) return;
    const file = folder === '' ? (entry ?? '') : `${folder}/${entry ?? ''}`;
    if (entry) this.touched.add(file);
    const own = performance.now() - (this.memory.get(file)?.wroteAt ?? -Infinity) < OWN_EVENT_MS;
    this.burst.event(!own);
  }

  private touch(file: string): void {
    this.touched.add(file);
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

  /** Find the files that are not as they were. `first`: at start, when nobody knows what happened before. */
  private async lookAtAll(first: boolean): Promise<void> {
    this.lookDue = false;
    this.looking = Date.now() - EVENT_LAG_MS;
    const present = new Set<string>();
    for (const folder of this.names) {
      for (const name of await this.entries(folder)) {
        const file = folder === '' ? name : `${folder}/${name}`;
        if (first && TEMPORARY.test(name))
          await unlink(join(this.options.folder, file)).catch(() => undefined);
        if (isKept(name)) this.kept.found(file);
        if (name.startsWith('.')) continue;
        present.add(file);
        if (!this.isRefusedStill(file)) this.touched.add(file);
      }
    }
    for (const file of this.memory.files()) {
      if (present.has(file)) continue;
      if (!first) this.touched.add(file);
      // Whoever or whatever removed it while nothing watched may have removed far more: a backup put back in part,
      // a failing disk. So it is written again; what is to go can be deleted once more.
      else this.reader.writeAgain(file);
    }
    for (const file of this.troubled.files()) if (!present.has(file)) this.touched.add(file);
    this.writer.retry();
    this.editsDue = true;
  }

  /** Whether it is the same edit that could not be committed before; a full disk may have been the only reason. */
  private isRefusedStill(file: string): boolean {
    const stamp = this.memory.get(file)?.strange;
    return (
      this.troubled.holds(file) &&
      stamp?.fresh === false &&
      stamp.text === stampAt(join(this.options.folder, file))?.text
    );
  }

  /** Rejects when the folder is there and cannot be listed: what is in it must not count as gone. */
  private async entries(folder: string): Promise<string[]> {
    if (!this.folders.usable(folder)) return [];
    return readdir(join(this.options.folder, folder)).catch((error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return [];
      this.lookDue = true;
      throw error;
    });
  }

  // Files → store.

  private async takeEdits(): Promise<void> {
    this.burst.end();
    this.editsDue = false;
    const lost = await this.folders.ensure();
    await this.addFilesOf(lost);
    const files = [...this.touched].sort();
    this.touched.clear();
    this.reportFolders();
    const edits: Edit[] = [];
    for (const [index, file] of files.entries()) {
      const edit = await this.reader.judge(file, lost.length > 0);
      if (edit !== undefined) edits.push(edit);
      if (index % LOOKS_IN_A_ROW === LOOKS_IN_A_ROW - 1) await new Promise(setImmediate);
    }
    if (edits.length > 0) await this.commit(edits);
    if (lost.length > 0) this.writer.retry();
    await this.lookedAt();
  }

  /** Everything that was touched is judged. */
  private async lookedAt(): Promise<void> {
    await this.memory.saveRefusals();
    if (this.looking === undefined || this.troubled.files(RETRIED).length > 0) return;
    this.judgedUntil = this.looking;
    this.looking = undefined;
    this.reboot = undefined;
    this.judged.clear();
    if (this.discarded > 0)
      this.options.log.warn(
        { files: this.discarded },
        'after a power cut files were empty, torn or older than what had been written; they are made again',
      );
    this.discarded = 0;
  }

  /** A folder that was removed or replaced: all that was or is in it. */
  private async addFilesOf(lost: string[]): Promise<void> {
    if (lost.length === 0) return;
    this.options.log.warn(
      { folders: lost },
      'folders of the mirror were removed or replaced; nothing is deleted for that',
    );
    const folders = new Set(lost);
    for (const file of this.memory.files()) if (folders.has(parentOf(file))) this.touched.add(file);
    for (const folder of lost) {
      for (const name of await this.entries(folder))
        if (!name.startsWith('.')) this.touched.add(folder === '' ? name : `${folder}/${name}`);
    }
  }

  private reportFolders(): void {
    const { blocked } = this.folders;
    for (const folder of this.names) {
      const reason = blocked.get(folder);
      const file = folder === '' ? '.' : folder;
      if (reason !== undefined) this.troubled.report({ file, path: folder, code: 'not-a-file', reason });
      else if (this.troubled.clear(file)) this.writer.retry();
    }
  }

  private async commit(edits: Edit[]): Promise<void> {
    const { store, catalog, log } = this.options;
    const refusals = await commitEdits(store, catalog, edits);
    const refused = new Set(refusals.map(({ edit }) => edit));
    const accepted = edits.filter(edit => !refused.has(edit));
    for (const { edit, error } of refusals) {
      if (edit.afterReboot && error.code === 'conflict')
        await this.reader.keepBeside(edit.file, AFTER_CUT, edit);
      else this.reader.refuse(edit.file, error, edit);
    }
    for (const { file, path } of accepted) {
      this.troubled.clear(file);
      this.writer.dirty.add(path); // to be written in the one way that the mirror writes
    }
    await this.memory.keep(
      accepted.map(({ file, hash }) => ({ file, hash, stamp: this.memory.get(file)?.strange })),
    );
    if (accepted.length > 0)
      log.info({ files: accepted.length, revision: store.head.revision }, 'files were committed');
  }

  private async replace(file: string): Promise<void> {
    const path = this.reader.pathOf(file);
    const target = join(this.options.folder, file);
    const text = path === undefined ? undefined : await this.writer.render(path);
    const hash = text === undefined ? undefined : hashOf(text);
    this.touched.delete(file);
    await this.memory.intend([{ file, hash }]);
    if (text === undefined) await removeDurable(target);
    else await writeDurable(target, text);
    await this.memory.keep([{ file, hash, written: true }]);
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.min(one, other);
}
