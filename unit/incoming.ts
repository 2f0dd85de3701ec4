import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { Timers } from '../sync/requests.ts';

/** A bundle of 600,000 records has a tenth of this. */
export const MAX_BUNDLE_BYTES = 4 * 1024 ** 3;
/** An upload that nobody asks for any more goes by itself. */
const KEPT_MS = 30 * 60_000;
const MOST_UPLOADS = 4;
const ID = /^[0-9a-f-]{36}$/;

/** Bundles that were uploaded to be restored, still encrypted; none outlives the daemon. */
export class Incoming {
  private readonly folder: string;
  private readonly timers: Timers;
  private readonly most: number;
  /** How to stop the clock of each upload that is there. */
  private readonly kept = new Map<string, () => void>();
  private receiving = 0;

  /** `most`: bytes of one upload. */
  constructor(folder: string, timers: Timers, most = MAX_BUNDLE_BYTES) {
    this.folder = folder;
    this.timers = timers;
    this.most = most;
    this.clear();
  }

  /** Keeps what comes. Throws `too-large`, `disk`, `conflict` when too many wait. */
  async receive(from: Readable): Promise<{ upload: string; bytes: number }> {
    if (this.kept.size + this.receiving >= MOST_UPLOADS)
      throw new LockstepError('conflict', `${MOST_UPLOADS} uploaded bundles wait to be restored already.`, {
        hint: 'Restore or cancel those; an upload that nobody uses is gone after half an hour.',
      });
    const upload = randomUUID();
    const file = join(this.folder, upload);
    this.receiving++;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      const bytes = await this.write(from, file);
      this.kept.set(
        upload,
        this.timers.after(KEPT_MS, () => void this.drop(upload)),
      );
      return { upload, bytes };
    } catch (error) {
      await rm(file, { force: true });
      throw asLockstepError(error);
    } finally {
      this.receiving--;
    }
  }

  /** Where an upload lies. Throws `no-such-upload`. */
  async find(upload: string): Promise<string> {
    const file = join(this.folder, upload);
    const found = ID.test(upload) && this.kept.has(upload) && (await stat(file).catch(() => undefined));
    if (found) return file;
    throw new LockstepError('no-such-upload', 'There is no such uploaded bundle.', {
      hint: 'An upload is kept for half an hour, and not across a restart: upload it again.',
    });
  }

  async drop(upload: string): Promise<void> {
    const stopClock = this.kept.get(upload);
    if (stopClock === undefined) return;
    stopClock();
    this.kept.delete(upload);
    await rm(join(this.folder, upload), { force: true });
  }

  /** Removes everything; at the start, what an earlier daemon left. */
  clear(): void {
    for (const stopClock of this.kept.values()) stopClock();
    this.kept.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What is not read stays with the caller, so that a refusal can still be answered. */
  private async write(from: Readable, file: string): Promise<number> {
    const handle = await open(file, 'wx', 0o600);
    let bytes = 0;
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        bytes += (chunk as Buffer).length;
        if (bytes > this.most) throw uploadTooLarge(this.most);
        await handle.appendFile(chunk as Buffer);
      }
      return bytes;
    } finally {
      await handle.close();
    }
  }
}

function uploadTooLarge(limit: number): LockstepError {
  return new LockstepError('too-large', `The bundle has more than ${limit} bytes.`, { facts: { limit } });
}
