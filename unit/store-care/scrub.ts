import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifyAnswer } from '../../api/contract/store-care.ts';
import { writeAtomic } from '../../host/durable-file.ts';
import type { Timers } from '../../host/timers.ts';
import type { Finding } from '../../store/damage.ts';
import { findPageFaults } from '../../store/lmdb/pages.ts';
import type { Store } from '../../store/store.ts';
import { TREE_STEPS } from '../../store/verify.ts';
import type { Log } from '../log/log.ts';
import type { Health } from './health.ts';

export interface ScrubOptions {
  store: Store;
  health: Health;
  /** Folder of the store. */
  folder: string;
  /** Where the position is kept. */
  file: string;
  /** Time for a whole pass; 0: only on demand. */
  hours: number;
  timers: Timers;
  now(): Date;
  log: Log;
}

/** What comes next: the pages, a node of the digest tree, or the entries from a key on. */
type Position = { at: 'pages' } | { at: 'node'; index: number } | { at: 'entries'; from: string };

interface Kept {
  position: Position;
  /** When a whole pass last found nothing. */
  verifiedAt?: string;
}

const FIRST: Position = { at: 'pages' };
const ENTRIES_A_STEP = 2_000;
const HOUR_MS = 3_600_000;
/** Steps that a pass is spread over; it takes longer only when there are more. */
const STEPS_A_PASS = 4_096;
/** The scrub rests nine times as long as it works: a tenth of one CPU at most. */
const REST = 9;
const MAX_ANSWERED = 100;

/**
 * Verifies the store, slowly and for ever: its pages, every record against its hash, every hash against the tree, and
 * that every entry can be read. A restart goes on where it was.
 */
export class Scrub {
  /** 0 to 1 while a verification on demand runs. */
  progress: number | undefined;
  verifiedAt: string | undefined;
  private readonly options: ScrubOptions;
  private position: Position = FIRST;
  private passStarted: number;
  private cleanSoFar = true;
  private cancel: () => void = () => undefined;
  private stopped = false;
  private working: Promise<unknown> = Promise.resolve();
  private demanded: Promise<VerifyAnswer> | undefined;

  private constructor(options: ScrubOptions) {
    this.options = options;
    this.passStarted = options.timers.now();
  }

  static start(options: ScrubOptions): Scrub {
    const scrub = new Scrub(options);
    const kept = readKept(options.file);
    if (kept !== undefined) {
      scrub.position = kept.position;
      scrub.verifiedAt = kept.verifiedAt;
      scrub.cleanSoFar = kept.position.at === 'pages'; // half a pass of another process proves nothing
    }
    if (options.hours > 0) scrub.after(scrub.gapMs(0));
    return scrub;
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel();
    await Promise.allSettled([this.working, this.demanded]);
  }

  /** Verify everything now. Whoever asks while one runs gets its answer. */
  verify(): Promise<VerifyAnswer> {
    this.demanded ??= this.verifyAll().finally(() => {
      this.demanded = undefined;
      this.progress = undefined;
    });
    return this.demanded;
  }

  private async verifyAll(): Promise<VerifyAnswer> {
    const { health, timers } = this.options;
    const started = timers.now();
    const findings: Finding[] = [];
    let position: Position | undefined = FIRST;
    for (let step = 0; position !== undefined && !this.stopped; step++) {
      this.progress = Math.min(step / (2 * TREE_STEPS), 0.99);
      const found: { findings: Finding[]; next: Position | undefined } = await this.step(
        position,
        'a verification',
      );
      findings.push(...found.findings);
      position = found.next;
    }
    if (position === undefined && findings.length === 0) {
      health.good();
      this.verifiedAt = this.options.now().toISOString();
      await this.keep();
    }
    return {
      damaged: findings.length > 0,
      findings: findings.slice(0, MAX_ANSWERED),
      more: Math.max(0, findings.length - MAX_ANSWERED),
      seconds: Math.round(timers.now() - started) / 1000,
    };
  }

  private after(ms: number): void {
    if (this.stopped) return;
    this.cancel = this.options.timers.after(ms, () => {
      this.working = this.paced().catch((error: unknown) =>
        this.options.log.error({ reason: String(error) }, 'the scrub could not go on'),
      );
    });
  }

  private async paced(): Promise<void> {
    const { timers } = this.options;
    const started = timers.now();
    const { findings, next } = await this.step(this.position, 'the scrub');
    if (findings.length > 0) this.cleanSoFar = false;
    this.position = next ?? FIRST;
    if (next === undefined) this.passEnded();
    await this.keep();
    const gap = this.gapMs(timers.now() - started);
    this.after(next === undefined ? Math.max(gap, this.passStarted - timers.now()) : gap);
  }

  private passEnded(): void {
    const { log, now, hours } = this.options;
    if (this.cleanSoFar) this.verifiedAt = now().toISOString();
    log.info({ good: this.cleanSoFar }, 'the scrub has seen the whole store');
    this.cleanSoFar = true;
    this.passStarted += hours * HOUR_MS;
  }

  private gapMs(workedMs: number): number {
    return Math.max(REST * workedMs, (this.options.hours * HOUR_MS) / STEPS_A_PASS);
  }

  private async step(
    position: Position,
    foundBy: string,
  ): Promise<{ findings: Finding[]; next: Position | undefined }> {
    const { store, health, folder } = this.options;
    const snapshot = await store.snapshot(); // also keeps LMDB from using pages again that are looked at
    try {
      const found = await this.look(snapshot, position, folder);
      health.found(foundBy, found.findings);
      return found;
    } finally {
      snapshot.close();
    }
  }

  private async look(
    snapshot: Awaited<ReturnType<Store['snapshot']>>,
    position: Position,
    folder: string,
  ): Promise<{ findings: Finding[]; next: Position | undefined }> {
    switch (position.at) {
      case 'pages':
        return { findings: await pageFindings(folder), next: { at: 'node', index: 0 } };
      case 'node': {
        const index = position.index + 1;
        const next: Position = index < TREE_STEPS ? { at: 'node', index } : { at: 'entries', from: '' };
        return { findings: await snapshot.verifyNode(position.index), next };
      }
      case 'entries': {
        const { findings, next } = await snapshot.verifyEntries(position.from, ENTRIES_A_STEP);
        return { findings, next: next === undefined ? undefined : { at: 'entries', from: next } };
      }
    }
  }

  private async keep(): Promise<void> {
    const kept: Kept = {
      position: this.position,
      ...(this.verifiedAt === undefined ? {} : { verifiedAt: this.verifiedAt }),
    };
    await writeAtomic(this.options.file, `${JSON.stringify(kept)}\n`).catch(() => undefined); // the next pass starts sooner
  }
}

/** What is wrong with the file of the store; nothing when there is none yet. */
export async function pageFindings(folder: string): Promise<Finding[]> {
  const file = join(folder, 'data.mdb');
  if (!existsSync(file)) return [];
  const faults = await findPageFaults(file);
  return faults.map(({ page, reason }) => ({
    path: page === undefined ? 'store/data.mdb' : `store/data.mdb, page ${page}`,
    reason: `is damaged: ${reason}`,
  }));
}

function readKept(file: string): Kept | undefined {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept;
    return ['pages', 'node', 'entries'].includes(kept.position.at) ? kept : undefined;
  } catch {
    return undefined; // there is none yet, or it is of no use: begin at the beginning
  }
}
