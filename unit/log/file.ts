import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Bytes that wait for space on the disk; what comes on top of that is left out of the file. */
const MAX_UNWRITTEN = 1024 * 1024;
const AGAIN_MS = 1_000;
const NEWLINE = 10;

export interface Rotation {
  /** A file that would become larger is put aside; 0: never. */
  mostBytes: number;
  /** So many stay aside, the newest as `FILE.1`. */
  files: number;
}

/**
 * The file of the log (0600). Each line is in one file, whole and once, whenever it is put aside and whenever the process ends: a
 * rotation is a few renames between two lines. What the disk does not take ends neither a commit nor the unit.
 */
export class LogFile {
  private readonly file: string;
  private readonly rotation: Rotation;
  private descriptor: number;
  private size = 0;
  private unwritten = Buffer.alloc(0);
  private timer: NodeJS.Timeout | undefined;
  /** A rotation that failed is tried again once the file has grown by a tenth. */
  private rotateAt: number;

  constructor(file: string, rotation: Rotation) {
    this.file = file;
    this.rotation = rotation;
    this.rotateAt = rotation.mostBytes;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.descriptor = this.open();
  }

  /** Whole lines. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    if (this.unwritten.length === 0) this.makeRoom(bytes.length);
    if (this.unwritten.length + bytes.length <= MAX_UNWRITTEN || this.unwritten.length === 0)
      this.unwritten = Buffer.concat([this.unwritten, bytes]);
    this.flush();
  }

  /** Somebody else has put the file aside: begin another one of its name. */
  reopen(): void {
    this.flush();
    try {
      const before = this.descriptor;
      this.descriptor = this.open();
      closeSync(before);
    } catch {
      // The one that is open still takes lines.
    }
  }

  private open(): number {
    const descriptor = openSync(this.file, 'a+', 0o600);
    this.size = fstatSync(descriptor).size;
    // A power cut may have left half a line: the next one must not go on behind it.
    const last = Buffer.alloc(1);
    if (this.size > 0 && readSync(descriptor, last, 0, 1, this.size - 1) === 1 && last[0] !== NEWLINE)
      this.unwritten = Buffer.concat([Buffer.from('\n'), this.unwritten]);
    return descriptor;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      while (this.unwritten.length > 0) {
        const written = writeSync(this.descriptor, this.unwritten);
        this.size += written;
        this.unwritten = this.unwritten.subarray(written);
      }
    } catch {
      this.timer = setTimeout(() => this.flush(), AGAIN_MS).unref();
    }
  }

  private makeRoom(bytes: number): void {
    const { mostBytes, files } = this.rotation;
    if (mostBytes === 0 || this.size === 0 || this.size + bytes <= this.rotateAt) return;
    if (!this.isOpen()) {
      this.reopen();
      return;
    }
    try {
      putAside(this.file, files);
      const before = this.descriptor;
      this.descriptor = this.open();
      closeSync(before);
      this.rotateAt = mostBytes;
    } catch {
      this.rotateAt = this.size + mostBytes / 10;
    }
  }

  /** Whether the file of that name is the one that is open: another program may have put it aside. */
  private isOpen(): boolean {
    const [named, open] = [statSync(this.file, { throwIfNoEntry: false }), fstatSync(this.descriptor)];
    this.size = open.size;
    return named?.ino === open.ino && named.dev === open.dev;
  }
}

/**
 * FILE becomes FILE.1, that FILE.2, up to `files`; the oldest goes only when there is no gap, which a kill between two of these
 * renames leaves.
 */
function putAside(file: string, files: number): void {
  if (files === 0) {
    rmSync(file);
    return;
  }
  let free = 1;
  while (free < files && existsSync(`${file}.${free}`)) free++;
  for (let number = free; number > 1; number--) renameSync(`${file}.${number - 1}`, `${file}.${number}`);
  renameSync(file, `${file}.1`);
}
