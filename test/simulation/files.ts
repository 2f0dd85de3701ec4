import { hashOf } from '../../store/mirror/file.ts';
import type { Random } from '../random.ts';

export interface File {
  text: string;
  /** By the wall clock of the unit, milliseconds since 1970. */
  at: number;
  /** Saved by hand, and by nobody taken yet. */
  work?: string;
}

/** What stood on the disk at one moment, as a power cut then would have left it. */
export type FilesImage = Map<string, File>;

/**
 * The files of a unit's mirror, which outlive its processes. Nothing of them is durable but what was flushed: a power cut may bring back
 * all that stood in a file since, nothing, or a part of it. A file whose name was put in place of another is whole or not there.
 */
export class Files {
  private readonly random: Random;
  private now = new Map<string, File>();
  /** What may come back; the first one is durable (undefined: no file), the last one is what stands there now. */
  private versions = new Map<string, (File | undefined)[]>();
  /** Moved aside because nobody could tell who meant it. */
  readonly beside: File[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  names(): string[] {
    return [...this.now.keys()].sort();
  }

  read(name: string): File | undefined {
    return this.now.get(name);
  }

  hashAt(name: string): string | undefined {
    const file = this.now.get(name);
    return file && hashOf(file.text);
  }

  /** undefined: it is removed. */
  write(name: string, file: File | undefined): void {
    const versions = this.versions.get(name) ?? [this.now.get(name)];
    this.versions.set(name, [...versions, file]);
    if (file === undefined) this.now.delete(name);
    else this.now.set(name, file);
  }

  keepBeside(name: string): void {
    const file = this.now.get(name);
    if (file !== undefined) this.beside.push(file);
    this.write(name, undefined);
  }

  flush(name: string): void {
    this.versions.delete(name);
  }

  /** As a power cut leaves it. */
  image(): FilesImage {
    const left = new Map(this.now);
    for (const [name, versions] of this.versions) {
      const file = this.random.chance(0.4) ? versions.at(-1) : this.random.pick(versions);
      const isOld = file === versions[0];
      if (file === undefined) left.delete(name);
      else left.set(name, isOld || this.random.chance(0.7) ? file : this.torn(file));
    }
    return left;
  }

  /** The power is gone and comes back. */
  cut(image: FilesImage): void {
    this.now = new Map(image);
    this.versions = new Map();
  }

  /** The name was durable before its content. */
  private torn({ text, at }: File): File {
    const whole = Math.max(1, text.length - 2);
    return this.random.pick([
      { text: '', at },
      { text: '\0'.repeat(text.length), at },
      { text: text.slice(0, this.random.between(1, whole)), at },
    ]);
  }
}
