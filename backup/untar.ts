import { LIMITS } from './limits.ts';
import { damagedBundle } from './refusals.ts';

/**
 * A strict reader of the small tar that a bundle is (backup/FORMAT.md): regular files and folders with plain names and
 * plain sizes. Everything that the format can do beyond that is refused, so there is little to read.
 */

export interface TarEntry {
  /** Printable ASCII, at most 100 characters, as it is written. */
  name: string;
  type: 'file' | 'folder';
  size: number;
  /** To be read before the next entry is asked for; what is left is skipped. */
  content: AsyncIterable<Buffer>;
}

const BLOCK = 512;

/** Throws `damaged-bundle`. Reads `chunks` to their end. */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const feed = new Feed(chunks);
  try {
    for (;;) {
      const block = await feed.exactly(BLOCK);
      if (isZero(block)) break;
      const entry = readHeader(block);
      const content = feed.next(entry.size);
      yield { ...entry, content };
      for await (const _rest of content);
      const padding = await feed.exactly((BLOCK - (entry.size % BLOCK)) % BLOCK);
      if (!isZero(padding)) throw damagedBundle(`something stands after ${entry.name} in its last block`);
    }
    if (!isZero(await feed.exactly(BLOCK))) throw afterTheEnd();
    let padding = 0;
    for await (const chunk of feed.rest()) {
      padding += chunk.length;
      if (padding > LIMITS.padding || !isZero(chunk)) throw afterTheEnd();
    }
  } finally {
    await feed.close();
  }
}

function afterTheEnd(): Error {
  return damagedBundle('something follows the end of its archive');
}

function isZero(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0);
}

function readHeader(block: Buffer): Omit<TarEntry, 'content'> {
  const name = text(block, 0, 100);
  const refuse = (reason: string): Error =>
    damagedBundle(`an entry of its archive ${reason}`, { entry: name });
  if (octal(block, 148, 8) !== checksum(block)) throw damagedBundle('a header of its archive is not whole');
  if (!['ustar\u000000', 'ustar  \0'].includes(block.toString('latin1', 257, 265)))
    throw refuse('is not in the ustar format');
  const flag = String.fromCharCode(block[156] ?? 0);
  if (flag !== '0' && flag !== '\0' && flag !== '5') throw refuse('is no regular file');
  if (!isZero(block.subarray(157, 257))) throw refuse('is a link');
  if (!isZero(block.subarray(345, 500))) throw refuse('has a name that is too long');
  if (name === '' || !/^[\x21-\x7e]+$/.test(name)) throw refuse('has a name that is not plain text');
  const mode = octal(block, 100, 8);
  if (mode === undefined || mode > 0o777) throw refuse('has special rights');
  const size = octal(block, 124, 12);
  if (size === undefined || size > LIMITS.entry) throw refuse('does not say its size plainly');
  if (flag === '5' && size > 0) throw refuse('is a folder with content');
  return { name, type: flag === '5' ? 'folder' : 'file', size };
}

/** Up to the first NUL, behind which only NULs may stand. */
function text(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  if (end === -1) return field.toString('latin1');
  if (!isZero(field.subarray(end))) throw damagedBundle('a name in its archive hides something');
  return field.toString('latin1', 0, end);
}

/** undefined: written in another way. */
function octal(block: Buffer, at: number, length: number): number | undefined {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(block.toString('latin1', at, at + length))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** Over the header, with its own field taken for spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 32;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

/** Chunks of any size, cut as they are asked for. */
class Feed {
  private readonly source: AsyncIterator<Buffer>;
  private held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.next(length)) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** The next `length` bytes, also for several readers one after the other: each goes on where the last one stopped. */
  next(length: number): AsyncIterable<Buffer> {
    let left = length;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      if (this.held.length === 0 && !(await this.fill())) throw damagedBundle('its archive was cut short');
      const value = this.held.subarray(0, left);
      this.held = this.held.subarray(value.length);
      left -= value.length;
      return { done: false, value };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async *rest(): AsyncGenerator<Buffer> {
    do {
      yield this.held;
    } while (await this.fill());
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async fill(): Promise<boolean> {
    const next = await this.source.next();
    if (next.done === true) return false;
    this.held = next.value;
    return true;
  }
}
