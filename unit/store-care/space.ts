/** What a unit takes of its disk, and how long that lasts. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Space } from '../../api/contract/status.ts';
import type { StoreSpace } from '../../store/port.ts';
import { diskOf } from '../doctor/machine-facts.ts';
import type { UnitFolder } from '../folder.ts';

/** Once in so many hours of running it is noted how much is taken. */
export const SAMPLE_HOURS = 6;
export const SAMPLES_A_DAY = 24 / SAMPLE_HOURS;

export interface Sample {
  /** ISO 8601. */
  at: string;
  /** Of this unit: store, log, bundles, uploads. */
  ownBytes: number;
  /** Of the disk that they lie on; null: not known. */
  freeBytes: number | null;
}

/** Further away than this it is no use to say when. */
const MAX_DAYS = 3_650;

/**
 * Whole days until the disk is full; null: not within ten years, or not known before the second day. What this unit takes counts, and
 * what the disk lost to anybody: the larger. Growth that ended a day ago is none.
 */
export function daysUntilFull(samples: readonly Sample[], freeBytes: number | null): number | null {
  const newest = samples.at(-1);
  if (newest === undefined || freeBytes === null || samples.length <= SAMPLES_A_DAY) return null;
  const perDay = Math.min(
    growthPerDay(samples[0] as Sample, newest, samples.length - 1),
    growthPerDay(samples.at(-1 - SAMPLES_A_DAY) as Sample, newest, SAMPLES_A_DAY),
  );
  const days = perDay <= 0 ? Number.POSITIVE_INFINITY : Math.floor(freeBytes / perDay);
  return days > MAX_DAYS ? null : days;
}

function growthPerDay(from: Sample, to: Sample, steps: number): number {
  const own = to.ownBytes - from.ownBytes;
  const lost = from.freeBytes === null || to.freeBytes === null ? 0 : from.freeBytes - to.freeBytes;
  return Math.max(own, lost) / (steps / SAMPLES_A_DAY);
}

/** Looks at a few files; no cost depends on the configuration. */
export async function measureSpace(
  folder: Pick<UnitFolder, 'dir' | 'log' | 'backups' | 'incoming'>,
  store: StoreSpace | undefined,
): Promise<Omit<Space, 'fullInDays'>> {
  const [log, backups, incoming, disk] = await Promise.all([
    bytesIn(folder.log),
    bytesIn(folder.backups),
    bytesIn(folder.incoming),
    diskOf(folder.dir),
  ]);
  return {
    storeBytes: store?.fileBytes ?? 0,
    storeFreeBytes: store?.freeBytes ?? 0,
    logBytes: log,
    backupBytes: backups,
    incomingBytes: incoming,
    diskFreeBytes: disk?.freeBytes ?? null,
    diskBytes: disk?.totalBytes ?? null,
  };
}

export function ownBytes(
  space: Pick<Space, 'storeBytes' | 'logBytes' | 'backupBytes' | 'incomingBytes'>,
): number {
  return space.storeBytes + space.logBytes + space.backupBytes + space.incomingBytes;
}

/** Of the files right below it; 0 where there is no such folder. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map(name =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
