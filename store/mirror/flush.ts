import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../host/durable-file.ts';
import { parentOf } from './folders.ts';
import type { MirrorMemory } from './memory.ts';

export interface FlushOptions {
  root: string;
  memory: MirrorMemory;
  /** Nothing is written to files or remembered of them meanwhile. */
  inTurn(act: () => Promise<void>): Promise<void>;
  /** It could not be done, and is tried again. */
  failed(error: unknown): void;
  /** Quiet time after a write, milliseconds. */
  afterMs?: number;
}

/**
 * By then the kernel has usually written everything itself, so that asking costs next to nothing: ext4 does so every five seconds.
 */
const AFTER_MS = 6_000;
/** Files of which one transaction tells. */
const IN_A_ROW = 256;
const SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes durable what the mirror wrote, long after it wrote it and one file after the other, so that neither a commit nor
 * an update waits for it. Only files that held something else before: all others are made again where they were lost.
 */
export class MirrorFlush {
  private readonly options: FlushOptions;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;
  /** When the last flush that left nothing out began; set to what it was when the mirror ran last. */
  durableUntil: number | undefined;

  constructor(options: FlushOptions) {
    this.options = options;
  }

  /** What was written before this is durable (milliseconds since 1970). */
  get durableAt(): number | undefined {
    return this.options.memory.isDurable ? Date.now() : this.durableUntil;
  }

  /** Something was written, or is not durable since a start. */
  due(): void {
    const { memory, afterMs = AFTER_MS } = this.options;
    if (this.stopped || memory.isDurable) return;
    if (memory.isCrowded) void this.flush();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush().then(() => this.due());
    }, afterMs).unref();
  }

  /** Resolves when it is done as far as the disk takes it; never rejects. */
  flush(most = Number.POSITIVE_INFINITY): Promise<void> {
    this.running ??= this.all(most)
      .catch(this.options.failed)
      .finally(() => {
        this.running = undefined;
      });
    return this.running;
  }

  /** `once`: flush as much as does not keep a unit from ending. */
  async stop(once: boolean): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    if (once) await this.flush(IN_A_ROW);
  }

  private async all(most: number): Promise<void> {
    const { memory, inTurn } = this.options;
    const startedAt = Date.now();
    const files = memory.mayComeBack();
    const now = files.slice(0, most);
    const complete = now.length === files.length && !files.some(({ file }) => memory.isLost(file));
    for (let from = 0; from < now.length; from += IN_A_ROW) {
      const some = now.slice(from, from + IN_A_ROW);
      await this.sync(some.map(({ file }) => file));
      await inTurn(() => memory.flushed(some));
    }
    if (complete) this.durableUntil = startedAt;
  }

  private async sync(files: string[]): Promise<void> {
    const { root } = this.options;
    for (const file of files) await syncFile(join(root, file));
    for (const folder of new Set(files.map(parentOf))) await syncFolder(join(root, folder));
  }
}

/** A file that is gone needs nothing but its folder; a pipe or a link in its place nothing at all. */
async function syncFile(file: string): Promise<void> {
  try {
    const handle = await open(file, SAFELY);
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ELOOP', 'ENXIO', 'EINVAL'].includes(code)) throw error;
  }
}
