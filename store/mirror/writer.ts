import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../host/durable-file.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import type { Store } from '../store.ts';
import { look } from './disk.ts';
import { fileOf, hashOf, render } from './file.ts';
import type { MirrorMemory } from './memory.ts';

const BATCH = 256;
const AT_ONCE = 16;
/** Rendering alone never lets go of the event loop. */
const RENDERED_IN_A_ROW = 16;

export interface WriterOptions {
  store: Store;
  catalog: Catalog;
  root: string;
  memory: MirrorMemory;
  /** Whether the folder of the file is one that may be written to. */
  usable(file: string): boolean;
  /** Whether the file is to be left alone for now: an edit of it waits, or could not be committed. */
  held(file: string): 'waiting' | 'troubled' | undefined;
  /** The store moved on under a troubled file. */
  overtaken(file: string): void;
  /** The file does not hold what the mirror wrote: somebody's edit. */
  surprised(file: string): void;
  wrote(file: string): void;
  failed(file: string, path: string, error: unknown): void;
  /** The object has no file; reads and updates of it are not touched by that. */
  nameless(path: string): void;
}

interface Plan {
  file: string;
  path: string;
  text: string | undefined;
  hash: string | undefined;
}

/** Store → files. What is not written yet is in `dirty`. */
export class MirrorWriter {
  /** Paths of top-level objects whose files may not say what the store says. */
  readonly dirty = new Set<string>();
  /** Those whose file could not be written. */
  readonly failed = new Set<string>();
  private readonly options: WriterOptions;

  constructor(options: WriterOptions) {
    this.options = options;
  }

  /** Whether something can be written now. */
  get ready(): boolean {
    for (const path of this.dirty) if (!this.waits(path)) return true;
    return false;
  }

  retry(): void {
    for (const path of this.failed) this.dirty.add(path);
    this.failed.clear();
  }

  /** Write some of what is dirty. */
  async writeBatch(): Promise<void> {
    const { memory } = this.options;
    const plans = await this.plan();
    await memory.intend(plans).catch(error => {
      for (const { path } of plans) this.failed.add(path);
      throw error;
    });
    const done: Parameters<MirrorMemory['keep']>[0] = [];
    const undone: string[] = [];
    await inParallel(plans, AT_ONCE, async plan => {
      if (await this.carryOut(plan)) done.push({ ...plan, written: true });
      else undone.push(plan.file);
    });
    await memory.keep(done);
    await memory.retract(undone);
  }

  async render(path: string): Promise<string | undefined> {
    const records: ConfigRecord[] = [];
    for await (const record of this.options.store.list(path)) records.push(record);
    return render(this.options.catalog, path, records);
  }

  private async plan(): Promise<Plan[]> {
    const { held, memory, overtaken } = this.options;
    const plans: Plan[] = [];
    for (const path of this.take()) {
      const file = fileOf(path);
      if (file === undefined) {
        this.options.nameless(path);
        continue;
      }
      const isHeld = held(file) === 'troubled';
      if (!isHeld && !this.options.usable(file)) {
        this.failed.add(path);
        continue;
      }
      const text = await this.render(path);
      const hash = text === undefined ? undefined : hashOf(text);
      const known = memory.known(file);
      const same = hash === undefined ? known.length === 0 : known.length === 1 && known[0] === hash;
      if (isHeld) {
        if (!same) overtaken(file);
        continue;
      }
      if (same && memory.get(file)?.lost !== true) continue;
      plans.push({ file, path, text, hash });
      if (plans.length % RENDERED_IN_A_ROW === 0) await new Promise(setImmediate);
    }
    return plans;
  }

  private take(): string[] {
    const taken: string[] = [];
    for (const path of this.dirty) {
      if (this.waits(path)) continue;
      taken.push(path);
      this.dirty.delete(path);
      if (taken.length === BATCH) break;
    }
    return taken;
  }

  private waits(path: string): boolean {
    const file = fileOf(path);
    return file !== undefined && this.options.held(file) === 'waiting';
  }

  /** Whether the file now holds what was planned. */
  private async carryOut(plan: Plan): Promise<boolean> {
    const { root, surprised, wrote, failed } = this.options;
    try {
      if (await this.holdsSomethingElse(plan.file)) {
        this.dirty.add(plan.path);
        surprised(plan.file);
        return false;
      }
      // Not durable: what a power cut takes or brings back is known as such, and made again from the store.
      if (plan.text !== undefined) await writeAtomic(join(root, plan.file), plan.text);
      else await unlink(join(root, plan.file)).catch(ignoreMissing);
      wrote(plan.file);
      return true;
    } catch (error) {
      this.failed.add(plan.path);
      failed(plan.file, plan.path, error);
      return false;
    }
  }

  /** Between this look and the rename an edit can still be lost; there is no way to rename only over what was seen. */
  private async holdsSomethingElse(file: string): Promise<boolean> {
    const state = this.options.memory.get(file);
    const seen = await look(join(this.options.root, file), state?.stamp);
    if (seen.is === 'content')
      return state === undefined || !(state.known.includes(seen.hash) || state.worthless === seen.hash);
    return seen.is === 'unusable';
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function inParallel<Item>(
  items: Item[],
  limit: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
