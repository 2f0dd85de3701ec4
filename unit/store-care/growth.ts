import type { Space } from '../../api/contract/status.ts';
import type { Timers } from '../../host/timers.ts';
import type { Problem } from '../../schema/error.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events.ts';
import type { UnitFolder } from '../folder.ts';
import type { Log } from '../log/log.ts';
import { daysUntilFull, measureSpace, ownBytes, SAMPLE_HOURS, SAMPLES_A_DAY, type Sample } from './space.ts';

const NAME = 'growth';
const SAMPLE_MS = SAMPLE_HOURS * 3_600_000;
/** A week. */
const MAX_SAMPLES = 7 * SAMPLES_A_DAY + 1;
/** As many as the record `history` can ask for. */
const MAX_DAYS = 3_650;
/** What was measured is as good as new for so long. */
const FRESH_MS = 10_000;
/** Told from so few days on. */
const WARN_DAYS = 14;

interface Kept {
  /** Oldest first. */
  samples: Sample[];
  /** The revision that stood here at the end of each day that the unit ran, oldest first. */
  days: number[];
  /** Samples since the last of those days. */
  sinceDay: number;
}

export interface GrowthOptions {
  store: Pick<Store, 'head' | 'space' | 'readLocal' | 'writeLocal'>;
  folder: Pick<UnitFolder, 'dir' | 'log' | 'backups' | 'incoming'>;
  timers: Timers;
  now(): Date;
  log: Log;
  events: Events;
}

/**
 * How much this unit takes of its disk, and how that grew; four times a day it is noted, in time that the unit ran: a clock that
 * jumps makes nothing older.
 */
export class Growth {
  private readonly options: GrowthOptions;
  private kept: Kept;
  private cancel: () => void = () => undefined;
  private measured: { at: number; space: Promise<Omit<Space, 'fullInDays'>> } | undefined;
  private last: Space | undefined;
  private working: Promise<void> = Promise.resolve();

  private constructor(options: GrowthOptions, kept: Kept) {
    this.options = options;
    this.kept = kept;
  }

  static async start(options: GrowthOptions): Promise<Growth> {
    const kept = await options.store.readLocal<Kept>(NAME);
    const growth = new Growth(options, kept ?? { samples: [], days: [], sinceDay: 0 });
    growth.later();
    await growth.space();
    return growth;
  }

  async stop(): Promise<void> {
    this.cancel();
    await this.working;
  }

  /** The newest revision that is older than so many days; 0: none is known to be. */
  aged(days: number): number {
    return this.kept.days.at(-days) ?? 0;
  }

  async space(): Promise<Space> {
    const { store, folder, timers } = this.options;
    const now = timers.now();
    if (this.measured === undefined || now - this.measured.at >= FRESH_MS)
      this.measured = { at: now, space: measureSpace(folder, store.space()) };
    const space = await this.measured.space;
    this.last = { ...space, fullInDays: daysUntilFull(this.kept.samples, space.diskFreeBytes) };
    return this.last;
  }

  /** As of the last look. */
  warnings(): Problem[] {
    const { last } = this;
    if (last === undefined || last.fullInDays === null || last.fullInDays > WARN_DAYS) return [];
    return [diskFills(last.fullInDays, last, this.options.folder.dir)];
  }

  private later(): void {
    this.cancel = this.options.timers.after(SAMPLE_MS, () => {
      this.working = this.sample().catch((error: unknown) => {
        const { code, message } = asLockstepError(error);
        this.options.log.warn({ code, reason: message }, 'how much the unit takes could not be noted');
      });
      this.later();
    });
  }

  private async sample(): Promise<void> {
    const { store, now, events } = this.options;
    this.measured = undefined;
    const space = await this.space();
    const sample = { at: now().toISOString(), ownBytes: ownBytes(space), freeBytes: space.diskFreeBytes };
    this.kept = noted(this.kept, sample, store.head.revision);
    await store.writeLocal(NAME, this.kept);
    events.emit('spaceSampled', {});
  }
}

function noted({ samples, days, sinceDay }: Kept, sample: Sample, revision: number): Kept {
  const isDay = sinceDay + 1 >= SAMPLES_A_DAY;
  return {
    samples: [...samples, sample].slice(-MAX_SAMPLES),
    days: isDay ? [...days, revision].slice(-MAX_DAYS) : days,
    sinceDay: isDay ? 0 : sinceDay + 1,
  };
}

const MB = 1_000_000;

function diskFills(days: number, space: Space, dir: string): Problem {
  const megabytes = (bytes: number | null): number => Math.round((bytes ?? 0) / MB);
  return {
    code: 'disk-fills',
    path: dir,
    message: `the disk is full in ${days} days, if it goes on like in the last days: ${megabytes(space.diskFreeBytes)} MB are free; store ${megabytes(space.storeBytes)} MB, log ${megabytes(space.logBytes)} MB, bundles ${megabytes(space.backupBytes)} MB, uploads ${megabytes(space.incomingBytes)} MB`,
    hint: 'lockstep backup prune --dry-run shows bundles that could go; lockstep set history/most keeps fewer revisions.',
  };
}
