import type { Timers } from '../../host/timers.ts';
import { asLockstepError, type LockstepError } from '../../schema/error.ts';
import { commitEdits, type Edit } from '../../store/mirror/edit.ts';
import { fileOf, hashOf, isBlank, parseFile, pathOf, render, topOf } from '../../store/mirror/file.ts';
import { MirrorMemory } from '../../store/mirror/memory.ts';
import { RETRIED } from '../../store/mirror/trouble.ts';
import { type AfterReboot, type FoundFile, judgeFile } from '../../store/mirror/verdict.ts';
import type { Store } from '../../store/store.ts';
import { catalog } from './catalog.ts';
import type { File, Files } from './files.ts';

export interface MirrorSurroundings {
  store: Store;
  files: Files;
  timers: Timers;
  alive(): boolean;
  /** Milliseconds since 1970. */
  wall(): number;
  boot: { id: string; at: number };
  /** Somebody's work in a file is none any more; `how` says what became of it. */
  gaveUp(file: File, how: string): void;
  say(line: string): void;
}

/** As in store/mirror/mirror.ts and its parts, milliseconds. */
const WRITE_AFTER_MS = 50;
const RETRY_MS = 1_000;
const FLUSH_AFTER_MS = 6_000;
const MARK_EVERY_MS = 60_000;
const EVENT_LAG_MS = 1_000;
const MARK = 'mirror';

interface Mark {
  revision: number;
  held: string[];
  boot: string;
  durableAt: number | undefined;
}

/**
 * The mirror over files that fail: what is remembered, judged, committed and rendered is the product's, and in its order
 * (store/mirror/mirror.ts); only looking, writing and flushing are not.
 */
export class SimulatedMirror {
  private readonly around: MirrorSurroundings;
  private readonly memory: MirrorMemory;
  private readonly dirty = new Set<string>();
  private readonly touched = new Set<string>();
  /** Files with an edit that was refused; true: their object was changed since. */
  private readonly refused = new Map<string, boolean>();
  private reboot: AfterReboot | undefined;
  private readonly judged = new Set<string>();
  private looking: number | undefined;
  private judgedUntil: number | undefined;
  private durableUntil: number | undefined;
  private markedAt = Number.NEGATIVE_INFINITY;
  private seen = 0;
  private waits = false;
  private flushes = false;
  private turn: Promise<void> = Promise.resolve();

  constructor(around: MirrorSurroundings) {
    this.around = around;
    this.memory = new MirrorMemory(around.store);
    around.store.watch(({ revision }, paths) => {
      this.seen = revision;
      for (const path of paths) this.soil(path);
      this.later(WRITE_AFTER_MS);
    });
    this.turn = this.open().catch(error => this.failed(error));
    this.later(0);
  }

  /** Something happened to this file. */
  noticed(name: string): void {
    this.touched.add(name);
    this.later(200);
  }

  /** Objects whose files do not say what the store says, though nobody's refused work is in them. */
  async stale(): Promise<string[]> {
    const { store, files } = this.around;
    const tops = new Set<string>();
    for await (const path of store.paths()) tops.add(topOf(catalog, path) ?? '');
    const names = new Set([...files.names(), ...[...tops].flatMap(path => fileOf(path) ?? [])]);
    const stale: string[] = [];
    for (const name of names) {
      const text = await this.render(pathOf(catalog, name));
      if (files.read(name)?.text !== text && !this.refused.has(name)) stale.push(name);
    }
    return stale;
  }

  private async open(): Promise<void> {
    const { store, files, boot } = this.around;
    this.seen = store.head.revision;
    await this.memory.load();
    const mark = await store.readLocal<Mark>(MARK);
    this.durableUntil = mark?.durableAt;
    this.reboot = mark?.boot === boot.id ? undefined : { bootedAt: boot.at, durableAt: mark?.durableAt };
    if (mark !== undefined && (await store.revision(mark.revision)) !== undefined) {
      for (const path of await store.touchedSince(mark.revision)) this.soil(path);
      for (const path of mark.held) this.soil(path);
    } else {
      for await (const path of store.paths()) this.soil(path);
      for (const name of this.memory.files()) this.soil(pathOf(catalog, name));
    }
    this.looking = this.around.wall() - EVENT_LAG_MS;
    for (const name of files.names()) this.touched.add(name);
    for (const name of this.memory.files()) if (files.read(name) === undefined) this.writeAgain(name);
  }

  private soil(path: string): void {
    const top = topOf(catalog, path);
    if (top !== undefined) this.dirty.add(top);
  }

  private later(ms: number): void {
    if (this.waits) return;
    this.waits = true;
    this.around.timers.after(ms, () => {
      this.waits = false;
      this.turn = this.turn.then(() => this.step()).catch(error => this.failed(error));
    });
  }

  private failed(error: unknown): void {
    const { code, message } = asLockstepError(error);
    this.around.say(`mirror could not go on: ${code}: ${message}`);
    this.later(RETRY_MS);
  }

  private async step(): Promise<void> {
    await this.takeEdits();
    await this.write();
    if (this.touched.size > 0) this.later(WRITE_AFTER_MS);
    if (this.reboot === undefined) this.flushLater();
    await this.mark();
  }

  // Files → store.

  private async takeEdits(): Promise<void> {
    const { store } = this.around;
    const names = [...this.touched].sort();
    const edits: Edit[] = [];
    for (const name of names) {
      const edit = await this.judge(name);
      if (edit !== undefined) edits.push(edit);
    }
    for (const name of names) this.touched.delete(name);
    if (edits.length > 0) {
      const refusals = await commitEdits(store, catalog, edits);
      for (const { edit, error } of refusals) this.refuse(edit, error);
      const accepted = edits.filter(edit => !refusals.some(refusal => refusal.edit === edit));
      for (const { file, path } of accepted) {
        this.refused.delete(file);
        this.dirty.add(path);
      }
      await this.memory.keep(accepted.map(({ file, hash }) => ({ file, hash })));
    }
    await this.memory.saveRefusals();
    if (this.looking === undefined || this.touched.size > 0) return;
    this.judgedUntil = this.looking;
    this.looking = undefined;
    this.reboot = undefined;
    this.judged.clear();
  }

  private async judge(name: string): Promise<Edit | undefined> {
    const { memory } = this;
    const file = this.around.files.read(name);
    if (file === undefined) {
      this.writeAgain(name);
      return undefined;
    }
    const state = memory.get(name);
    const note = {
      ...(state ?? { known: [] }),
      discarded: state?.lost ? state.worthless : undefined,
    };
    const reboot = this.judged.has(name) ? undefined : this.reboot;
    this.judged.add(name);
    const hash = hashOf(file.text);
    const text = await this.textOf(name, file);
    const times = { changedAt: file.at, savedAt: file.at };
    const stamp = { text: hash, fresh: false, ...times };
    const verdict = judgeFile({ hash, text, ...times }, note, reboot);
    if (reboot !== undefined && verdict !== 'ours') this.around.say(`finds ${name}: ${verdict}`);
    switch (verdict) {
      case 'ours':
        memory.recognise(name, hash, stamp);
        if (this.refused.delete(name) || note.known.length > 1) this.dirty.add(pathOf(catalog, name));
        return undefined;
      case 'stale':
        this.around.gaveUp(file, 'was written over');
        memory.discard(name, stamp, hash);
        this.refused.delete(name);
        this.dirty.add(pathOf(catalog, name));
        return undefined;
      case 'doubtful':
        if (reboot !== undefined && file.at < reboot.bootedAt && reboot.durableAt !== undefined)
          this.around.gaveUp(file, 'was set aside, though nothing speaks against it');
        this.keepBeside(name);
        return undefined;
      case 'refused':
        memory.wonder(name, stamp);
        if (!this.refused.has(name)) this.refused.set(name, false);
        if (this.refused.get(name) && this.around.store.head.role === 'standby') this.keepBeside(name);
        return undefined;
      case 'edit':
        memory.wonder(name, stamp, text === 'blank' ? hash : undefined);
        return this.readEdit(name, file, {
          hash,
          known: note.known,
          savedAt: file.at,
          afterReboot: reboot !== undefined,
        });
    }
  }

  private readEdit(
    name: string,
    { text }: File,
    found: Omit<Edit, 'file' | 'path' | 'records'>,
  ): Edit | undefined {
    const path = pathOf(catalog, name);
    const edit = { file: name, path, records: [], ...found };
    try {
      return { ...edit, records: parseFile(catalog, path, name, Buffer.from(text)) };
    } catch (error) {
      this.refuse(edit, asLockstepError(error));
      return undefined;
    }
  }

  private refuse(
    { file, path, hash = '', savedAt, afterReboot }: Edit,
    { code, message }: LockstepError,
  ): void {
    this.around.say(`refuses ${file}: ${code}`);
    if (afterReboot && code === 'conflict') this.keepBeside(file);
    else if (code === RETRIED) this.noticed(file);
    else {
      this.memory.refuse(file, { hash, savedAt, code, path, reason: message });
      this.refused.set(file, false);
    }
  }

  private keepBeside(name: string): void {
    this.around.files.keepBeside(name);
    this.writeAgain(name);
  }

  private writeAgain(name: string): void {
    this.memory.lose(name);
    this.refused.delete(name);
    this.dirty.add(pathOf(catalog, name));
  }

  private async textOf(name: string, { text }: File): Promise<FoundFile['text']> {
    const bytes = Buffer.from(text);
    if (isBlank(bytes)) return 'blank';
    const path = pathOf(catalog, name);
    try {
      parseFile(catalog, path, name, bytes);
      return 'whole';
    } catch {
      return (await this.render(path))?.startsWith(text) ? 'cut' : 'broken';
    }
  }

  // Store → files.

  private async write(): Promise<void> {
    const { memory, around } = this;
    const plans: { file: string; path: string; text: string | undefined; hash: string | undefined }[] = [];
    for (const path of [...this.dirty]) {
      const file = fileOf(path) as string;
      if (this.touched.has(file)) continue;
      this.dirty.delete(path);
      const text = await this.render(path);
      const hash = text === undefined ? undefined : hashOf(text);
      const known = memory.known(file);
      const same = hash === undefined ? known.length === 0 : known.length === 1 && known[0] === hash;
      if (this.refused.has(file) && memory.get(file)?.worthless === undefined) {
        if (!same) this.overtake(file);
      } else if (!same || memory.get(file)?.lost === true) plans.push({ file, path, text, hash });
    }
    if (plans.length === 0) return;
    await memory.intend(plans).catch(error => {
      for (const { path } of plans) this.dirty.add(path);
      throw error;
    });
    const done = plans.filter(plan => around.alive() && this.carryOut(plan));
    await memory.keep(done.map(({ file, hash }) => ({ file, hash, written: true })));
    await memory.retract(plans.filter(plan => !done.includes(plan)).map(({ file }) => file));
  }

  private carryOut({ file, path, text }: { file: string; path: string; text: string | undefined }): boolean {
    const { files, wall, gaveUp } = this.around;
    const state = this.memory.get(file);
    const [found, hash] = [files.read(file), files.hashAt(file)];
    if (hash !== undefined && !state?.known.includes(hash) && state?.worthless !== hash) {
      this.dirty.add(path);
      this.noticed(file);
      return false;
    }
    if (found?.work !== undefined && text?.includes(found.work) !== true) gaveUp(found, 'was written over');
    files.write(file, text === undefined ? undefined : { text, at: wall() });
    return true;
  }

  private overtake(file: string): void {
    if (this.refused.get(file) === true) return;
    this.refused.set(file, true);
    this.noticed(file);
  }

  private async render(path: string): Promise<string | undefined> {
    const records = [];
    for await (const record of this.around.store.list(path)) records.push(record);
    return render(catalog, path, records);
  }

  // What is durable.

  private flushLater(): void {
    if (this.flushes || this.memory.isDurable) return;
    this.flushes = true;
    this.around.timers.after(FLUSH_AFTER_MS, () => {
      this.flushes = false;
      this.turn = this.turn.then(() => this.flush()).catch(error => this.failed(error));
    });
  }

  private async flush(): Promise<void> {
    const startedAt = this.around.wall();
    const names = this.memory.mayComeBack();
    if (!this.around.alive()) return;
    for (const { file } of names) this.around.files.flush(file);
    await this.memory.flushed(names);
    if (!names.some(({ file }) => this.memory.isLost(file))) this.durableUntil = startedAt;
    this.flushLater();
  }

  private async mark(): Promise<void> {
    const { store, boot, timers, wall } = this.around;
    if (this.seen === 0) return; // nothing is held yet
    const waits = this.dirty.size > 0 || this.touched.size > 0 || this.reboot !== undefined;
    if (waits || timers.now() - this.markedAt < MARK_EVERY_MS) return;
    this.markedAt = timers.now();
    const durable = this.memory.isDurable ? wall() : this.durableUntil;
    const known = durable !== undefined && this.judgedUntil !== undefined;
    const held = [...this.refused.keys()].map(name => pathOf(catalog, name));
    const durableAt = known ? Math.min(durable, this.judgedUntil as number) : undefined;
    await store.writeLocal(MARK, { revision: this.seen, held, boot: boot.id, durableAt } satisfies Mark);
  }
}
