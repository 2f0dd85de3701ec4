import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Events } from '../../../unit/events.ts';
import { unitFolder } from '../../../unit/folder.ts';
import { Growth } from '../../../unit/store-care/growth.ts';
import { daysUntilFull, type Sample } from '../../../unit/store-care/space.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const MB = 1_000_000;
/** Four a day: what this unit takes, and what is free. */
const samples = (...megabytes: [own: number, free: number][]): Sample[] =>
  megabytes.map(([own, free]) => ({ at: '', ownBytes: own * MB, freeBytes: free * MB }));
const steady = (own: number, lost: number): Sample[] =>
  samples(
    ...Array.from({ length: 9 }, (_, index): [number, number] => [100 + own * index, 10_000 - lost * index]),
  );

describe('how long until the disk is full', () => {
  it('follows from how this unit grew', () => {
    assert.equal(daysUntilFull(steady(25, 0), 1_000 * MB), 10);
  });

  it('and from what the disk lost to others, when that is more', () => {
    assert.equal(daysUntilFull(steady(25, 50), 1_000 * MB), 5);
  });

  it('is not known before the second day', () => {
    assert.equal(daysUntilFull(steady(25, 50).slice(0, 4), 1_000 * MB), null);
    assert.equal(daysUntilFull([], 1_000 * MB), null);
    assert.equal(daysUntilFull(steady(25, 50), null), null);
  });

  it('what ended a day ago is no growth, and what is given back neither', () => {
    const once = samples(
      [100, 10_000],
      [900, 9_200],
      [900, 9_200],
      [900, 9_200],
      [900, 9_200],
      [900, 9_200],
      [900, 9_200],
    );
    assert.equal(daysUntilFull(once, 9_200 * MB), null);
    assert.equal(daysUntilFull(steady(-5, -5), 1_000 * MB), null);
  });

  it('is not told for what is further away than ten years', () => {
    assert.equal(daysUntilFull(steady(0.001, 0), 1_000_000 * MB), null);
  });
});

describe('what a unit knows of its growth', () => {
  const HOUR = 3_600_000;
  let dir: string;
  let timers: ManualTimers;
  let fact: unknown;
  let revision: number;
  let growth: Growth;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-growth-'));
    timers = new ManualTimers();
    [fact, revision] = [undefined, 0];
    for (const name of ['log', 'backups']) mkdirSync(join(dir, name));
    writeFileSync(join(dir, 'log', 'lockstep.jsonl'), 'x'.repeat(1_000));
    writeFileSync(join(dir, 'log', 'lockstep.jsonl.1'), 'x'.repeat(2_000));
    writeFileSync(join(dir, 'backups', 'site.lockstep'), 'x'.repeat(5_000));
  });
  afterEach(async () => {
    await growth.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    growth = await Growth.start({
      events: new Events(keptLog().log),
      store: {
        head: {
          get revision() {
            return revision;
          },
        } as never,
        space: () => ({ fileBytes: 40_000, freeBytes: 8_000 }),
        readLocal: async <T>() => fact as T | undefined,
        writeLocal: async (_name: string, value: object | undefined) => {
          fact = structuredClone(value);
        },
      },
      folder: unitFolder(dir),
      timers,
      now: () => new Date(0),
      log: keptLog().log,
    });
  }
  async function hours(count: number): Promise<void> {
    for (let hour = 0; hour < count; hour++) {
      timers.advance(HOUR);
      await growth.space();
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    }
  }

  it('tells the sizes of store, log with what was rotated, bundles and uploads', async () => {
    await start();
    const { storeBytes, storeFreeBytes, logBytes, backupBytes, incomingBytes, diskFreeBytes } =
      await growth.space();
    assert.deepEqual(
      { storeBytes, storeFreeBytes, logBytes, backupBytes, incomingBytes },
      { storeBytes: 40_000, storeFreeBytes: 8_000, logBytes: 3_000, backupBytes: 5_000, incomingBytes: 0 },
    );
    assert.ok((diskFreeBytes ?? 0) > 0);
  });

  it('remembers which revision stood at the end of each day that it ran, over restarts', async () => {
    await start();
    for (revision = 10; revision <= 30; revision += 10) await hours(24);
    assert.deepEqual([growth.aged(1), growth.aged(2), growth.aged(3), growth.aged(4)], [30, 20, 10, 0]);
    await growth.stop();
    await start();
    assert.equal(growth.aged(3), 10);
    await hours(5);
    assert.equal(growth.aged(1), 30, 'a clock that jumps is no day');
  });

  it('warns two weeks before the disk is full, with what takes the space', async () => {
    await start();
    const free = (await growth.space()).diskFreeBytes ?? 0;
    const samples = Array.from({ length: 9 }, (_, index) => ({
      at: '',
      ownBytes: (free / 40) * index,
      freeBytes: free,
    }));
    await growth.stop();
    fact = { samples, days: [], sinceDay: 0 };
    await start();
    const [warning] = growth.warnings();
    assert.equal(warning?.code, 'disk-fills');
    assert.match(warning?.message ?? '', /^the disk is full in (9|10) days, if it goes on .*bundles 0 MB/);
  });
});
