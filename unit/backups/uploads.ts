import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Timers } from '../../host/timers.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { diskOf } from '../doctor/machine-facts.ts';

/** A bundle of 600,000 records has a tenth of this. */
export const MAX_BUNDLE_BYTES = 4 * 1024 ** 3;
/** An upload that nobody asks for any more goes by itself. */
const KEPT_MS = 30 * 60_000;
const MAX_UPLOADS = 4;
/** Of one person: one that is looked at, and one beside it for an audit. */
const MAX_OF_ONE = 2;
/** Left for the store whatever is uploaded: so many bytes, or on a small disk this share of it. */
const RESERVED_BYTES = 512 * 1024 ** 2;
const RESERVED_SHARE = 0.1;
/** The disk is asked again after so many bytes. */
const LOOK_BYTES = 4 * 1024 ** 2;
const ID = /^[0-9a-f-]{36}$/;

type DiskSpace = { freeBytes: number; totalBytes: number };

/** Bundles that were uploaded to be restored, still encrypted; none outlives the daemon. */
export class Incoming {
  private readonly folder: string;
  private readonly timers: Timers;
  private readonly most: number;
  /** Of each upload that is there: whose it is, and how to stop its clock. */
  private readonly kept = new Map<string, { by: string; stopClock: () => void }>();
  /** Uploads that are coming in: whose, and how to end them. */
  private readonly receiving = new Set<{ by: string; end: (why: LockstepError) => void }>();
  private readonly space: (folder: string) => Promise<DiskSpace | null>;

  /** `most`: bytes of one upload. */
  constructor(
    folder: string,
    timers: Timers,
    most = MAX_BUNDLE_BYTES,
    space: (folder: string) => Promise<DiskSpace | null> = diskOf,
  ) {
    this.space = space;
    this.folder = folder;
    this.timers = timers;
    this.most = most;
    this.clear();
  }

  /**
   * Keeps what comes from `by`. Throws `too-large`, `disk` also when the rest is for the store, `conflict` when too many wait,
   * `role-refused` when `by` is not admitted any more before all of it came.
   */
  async receive(from: Readable, by = ''): Promise<{ upload: string; bytes: number }> {
    const whose = [...this.receiving, ...this.kept.values()].map(each => each.by);
    if (whose.length >= MAX_UPLOADS)
      throw new LockstepError('conflict', `${MAX_UPLOADS} uploaded bundles wait to be restored already.`, {
        hint: 'Restore or cancel those; an upload that nobody uses is gone after half an hour.',
      });
    if (by !== '' && whose.filter(each => each === by).length >= MAX_OF_ONE)
      throw new LockstepError(
        'conflict',
        `${MAX_OF_ONE} uploaded bundles of ${by} wait to be restored already.`,
        {
          hint: 'Restore or cancel those; an upload that nobody uses is gone after half an hour.',
        },
      );
    const upload = randomUUID();
    const file = join(this.folder, upload);
    let ended: LockstepError | undefined;
    const coming = {
      by,
      end: (why: LockstepError): void => {
        ended = why;
        from.destroy();
      },
    };
    this.receiving.add(coming);
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      const bytes = await this.write(from, file);
      if (ended !== undefined) throw ended; // all of it had come, and was being written
      const stopClock = this.timers.after(KEPT_MS, () => void this.drop(upload));
      this.kept.set(upload, { by, stopClock });
      return { upload, bytes };
    } catch (error) {
      await rm(file, { force: true });
      throw ended ?? asLockstepError(error);
    } finally {
      this.receiving.delete(coming);
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
    const found = this.kept.get(upload);
    if (found === undefined) return;
    found.stopClock();
    this.kept.delete(upload);
    await rm(join(this.folder, upload), { force: true });
  }

  /** What somebody left who is not admitted any more goes with them, also what is only coming in. */
  async dropOf(by: string): Promise<void> {
    const gone = new LockstepError(
      'role-refused',
      'You are not admitted any more, or only with other rights.',
    );
    for (const coming of this.receiving) if (coming.by === by) coming.end(gone);
    for (const [upload, kept] of [...this.kept]) if (kept.by === by) await this.drop(upload);
  }

  /** Removes everything; at the start, what an earlier daemon left. */
  clear(): void {
    for (const { stopClock } of this.kept.values()) stopClock();
    this.kept.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Throws `disk` when what is left is for the store. */
  private async assertRoom(): Promise<void> {
    const disk = await this.space(this.folder);
    if (disk === null) return;
    const { freeBytes, totalBytes } = disk;
    if (freeBytes >= Math.min(RESERVED_BYTES, totalBytes * RESERVED_SHARE)) return;
    throw new LockstepError(
      'disk',
      'The disk of the unit has no room for an upload: what is left is for the store.',
      {
        hint: 'lockstep backup prune --dry-run on the unit shows bundles that could go.',
        facts: { freeBytes },
      },
    );
  }

  /** What is not read stays with the caller, so that a refusal can still be answered. */
  private async write(from: Readable, file: string): Promise<number> {
    const handle = await open(file, 'wx', 0o600);
    let bytes = 0;
    let look = 0;
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        bytes += (chunk as Buffer).length;
        if (bytes > this.most) throw uploadTooLarge(this.most);
        if (bytes >= look) {
          await this.assertRoom();
          look = bytes + LOOK_BYTES;
        }
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
