import { LockstepError } from '../../schema/error.ts';
import { openMemory } from '../../store/memory.ts';
import type { Batch, Entry, StorePort } from '../../store/port.ts';
import type { Random } from '../random.ts';
import type { Files, FilesImage } from './files.ts';
import type { VirtualTime } from './virtual-time.ts';

export const USUAL_WRITE_MS = 8;
const SLOW_READ = 0.004;
const LOST_BATCH = 0.5;
const REFUSED_BATCH = 0.004;
/** How often somebody takes an image of the disk after a write, and how many are kept. */
const IMAGED = 0.2;
const MOST_IMAGES = 6;

interface Writing {
  batch: Batch;
  /** Tells the process that asked for it. */
  tell(written: boolean): void;
  refuse(error: LockstepError): void;
}

/** A crash at the border of one durable write: just before it, or just after, when nobody was told yet. */
export interface Trap {
  /** Writes that still go through. */
  writes: number;
  is: 'before' | 'after';
  spring(): Promise<void>;
}

export interface Image {
  entries: Entry[];
  files: FilesImage | undefined;
}

const EVERYTHING = { from: '', to: '\u007f' };

/**
 * A disk that outlives the processes which open it. A batch takes time; a crash meanwhile leaves it whole or not there,
 * and whoever waited for it is never told.
 */
export class Disk {
  readonly name: string;
  bytes: StorePort = openMemory();
  private readonly time: VirtualTime;
  private readonly random: Random;
  private readonly written: (disk: Disk, batch: Batch) => Promise<void>;
  /** True: it refuses nothing any more. */
  healthy = false;
  /** Longest time that one write takes, milliseconds. */
  writeMs = USUAL_WRITE_MS;
  trap: Trap | undefined;
  /** Earlier states of it, to which it may fall back. */
  images: Image[] = [];
  /** The mirror of the unit, where it has one. */
  readonly files: Files | undefined;
  /** Of the machine around it: how often it was started, and when last. */
  boot = { id: '', at: 0 };
  private boots = 0;
  private queue: Writing[] = [];
  private process = 0;

  constructor(
    name: string,
    time: VirtualTime,
    random: Random,
    written: (disk: Disk, batch: Batch) => Promise<void>,
    files?: Files,
  ) {
    this.name = name;
    this.time = time;
    this.random = random;
    this.written = written;
    this.files = files;
    this.boot = { id: name, at: 0 };
  }

  /** For one process: after `crash` nothing that it asked is answered any more. */
  open(): StorePort {
    const process = ++this.process;
    const whileItRuns = <T>(value: T): Promise<T> =>
      process === this.process ? Promise.resolve(value) : new Promise(() => undefined);
    const slow = (): Promise<void> =>
      new Promise(resolve => this.time.after(this.random.between(1, 30), resolve));
    return {
      get: async key => {
        if (this.random.chance(SLOW_READ)) await slow();
        return whileItRuns(await this.bytes.get(key));
      },
      range: range => this.bytes.range(range),
      batch: batch => this.enqueue(batch),
      snapshot: () => this.bytes.snapshot(),
      close: async () => undefined,
    };
  }

  /** What was on its way to the disk got there whole, or did not; what came later did not if something earlier did not. */
  async crash(): Promise<void> {
    this.process++;
    this.trap = undefined;
    const queue = this.queue;
    this.queue = [];
    for (const { batch } of queue) {
      if (this.random.chance(LOST_BATCH)) return;
      await this.write(batch);
    }
  }

  async keepImage(): Promise<Image> {
    const entries: Entry[] = [];
    for await (const entry of this.bytes.range(EVERYTHING)) entries.push(entry);
    const image = { entries, files: this.files?.image() };
    this.images.push(image);
    if (this.images.length > MOST_IMAGES) this.images.splice(this.random.between(0, MOST_IMAGES - 1), 1);
    return image;
  }

  /** It shows an earlier state of itself from now on. Nobody may have it open. */
  async fallBack(image: Image): Promise<void> {
    this.bytes = openMemory();
    await this.bytes.batch({ expect: [], put: image.entries, remove: [] });
    if (image.files !== undefined) this.cutPower(image.files);
  }

  /** The store keeps what was acknowledged; files are what they were some time ago. No process may run. */
  cutPower(left = this.files?.image()): void {
    if (left === undefined) return;
    this.files?.cut(left);
    this.boot = { id: `${this.name}-${++this.boots}`, at: this.time.now() };
  }

  private enqueue(batch: Batch): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.queue.push({ batch, tell: resolve, refuse: reject });
      if (this.queue.length === 1) this.spin();
    });
  }

  private spin(): void {
    const process = this.process;
    this.time.after(this.random.between(0, this.writeMs), () => {
      if (process === this.process) void this.writeFirst(process);
    });
  }

  private async writeFirst(process: number): Promise<void> {
    const first = this.queue.shift();
    if (first === undefined) return;
    const trap = this.trap !== undefined && this.trap.writes-- === 0 ? this.trap : undefined;
    if (trap?.is === 'before') return trap.spring();
    const refused = !this.healthy && this.random.chance(REFUSED_BATCH);
    const done = !refused && (await this.write(first.batch));
    if (trap?.is === 'after') return trap.spring();
    const late = this.random.chance(0.3) ? this.random.between(1, 20) : 0;
    this.time.after(late, () => {
      if (process !== this.process) return;
      if (refused) first.refuse(new LockstepError('disk', 'The disk takes nothing.'));
      else first.tell(done);
      if (this.queue.length > 0) this.spin();
    });
  }

  private async write(batch: Batch): Promise<boolean> {
    const done = await this.bytes.batch(batch);
    if (done) await this.written(this, batch);
    if (done && this.random.chance(IMAGED)) await this.keepImage();
    return done;
  }
}
