import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../schema/error.ts';
import { PIECE_BYTES } from './pieces.ts';

/** An encrypted file that can be read as often as needed: always the same one, whatever its name comes to mean. */
export class BundleSource {
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: Date;
  private readonly file: FileHandle;

  private constructor(name: string, { size, mtime }: Pick<Stats, 'size' | 'mtime'>, file: FileHandle) {
    this.name = name;
    this.size = size;
    this.modifiedAt = mtime;
    this.file = file;
  }

  /** Throws `bad-usage` when it cannot be read, or is no regular file. */
  static async open(path: string): Promise<BundleSource> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      throw unreadable(path, error.code === 'ENOENT' ? 'it is not there' : error.message);
    });
    const found = await file.stat();
    if (found.isFile()) return new BundleSource(path, found, file);
    await file.close();
    throw unreadable(path, 'it is no regular file');
  }

  /**
   * Keep what comes only once, still encrypted, in a file of mode 0600 in `folder`, which loses its name at once and
   * is gone when it is closed or the process ends. Throws the error of the file system.
   */
  static async keep(input: AsyncIterable<unknown>, folder: string, name: string): Promise<BundleSource> {
    const path = join(folder, `.lockstep-${randomBytes(6).toString('hex')}.tmp`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
      for await (const chunk of input) await file.writeFile(chunk as Buffer);
      return new BundleSource(name, await file.stat(), file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Its bytes from `start` on; `onBytes` is told how many were read. */
  async *read(start = 0, onBytes: (bytes: number) => void = () => undefined): AsyncGenerator<Buffer> {
    for (let at = start; ; ) {
      const { bytesRead, buffer } = await this.file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      onBytes(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  }

  async head(length: number): Promise<Buffer> {
    const { bytesRead, buffer } = await this.file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function unreadable(path: string, reason: string): LockstepError {
  return new LockstepError('bad-usage', `${path} cannot be read: ${reason}.`, { facts: { path } });
}
