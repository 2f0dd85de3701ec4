import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../../schema/error.ts';
import type { JsonObject } from '../../../schema/json.ts';
import type { Store } from '../../../store/store.ts';
import { BundleFolder } from '../../../unit/backups/bundle-folder.ts';
import { Drills } from '../../../unit/backups/drills.ts';
import { openBundle } from '../../../unit/backups/open-bundle.ts';
import { BackupRunner, type SendBundle } from '../../../unit/backups/runner.ts';
import { Events } from '../../../unit/events.ts';
import { unitWith } from '../../backup/restorer.ts';
import { catalog } from '../../schema/records-of.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const PASSPHRASE = 'four words are enough';
const NIGHTLY = { enabled: true, hour: 2, minute: 0, method: 'local', passphrase: PASSPHRASE };
const REMOTE = {
  method: 'sftp',
  host: 'vault.example:22',
  user: 'u',
  path: '/srv',
  key: '-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n',
  hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample',
};

describe('the schedule of backups', () => {
  let dir: string;
  let store: Store;
  let timers: ManualTimers;
  let now: Date;
  let runner: BackupRunner;
  let drills: Drills;
  let bundleFolder: BundleFolder;
  let send: SendBundle;
  let ended: () => void;
  let results: string[];
  /** How much later than its schedule says the second unit runs (ms). */
  let late: number;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-runner-'));
    store = await unitWith({ host: { hostname: 'lb' } });
    now = new Date('2026-06-01T12:00:00Z');
    timers = new ManualTimers();
    results = [];
    late = 0;
    send = () => Promise.reject(new LockstepError('backup-target', 'The host is down.'));
    const log = keptLog().log;
    drills = await Drills.open({ store, catalog, openBundle, log, now: () => now });
    bundleFolder = new BundleFolder(join(dir, 'backups'), drills, log);
  });
  afterEach(async () => {
    await runner.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const events = new Events(keptLog().log);
    events.on('backupRun', ({ result }) => {
      results.push(result);
      ended();
    });
    runner = await BackupRunner.start({
      store,
      catalog,
      unitId: 'a',
      spread: isSecond => (isSecond ? late : 0),
      drills,
      bundles: bundleFolder,
      send: (...asked) => send(...asked),
      timers,
      now: () => now,
      events,
      log: keptLog().log,
    });
    await idle();
  }

  async function set(value: JsonObject): Promise<void> {
    const changes = [{ op: 'put' as const, path: 'backupSchedule', value }];
    await store.commit({ changes, kind: 'change', author: 'ada', reason: 'schedule' });
    await idle();
  }

  /** Until what was begun is over. */
  async function idle(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve));
    await runner.idle();
  }

  /** The clock stands at `at`; resolves when the run that this makes due is over. */
  async function runAt(at: string): Promise<string | undefined> {
    const before = results.length;
    const over = new Promise<void>(resolve => {
      ended = resolve;
    });
    now = new Date(at);
    timers.advance(60_000);
    await over;
    await idle();
    return results[before];
  }

  /** The clock stands at `at`, and nothing is due. */
  async function nothingAt(at: string): Promise<void> {
    const before = results.length;
    ended = () => undefined;
    now = new Date(at);
    timers.advance(60_000);
    await idle();
    assert.equal(results.length, before);
  }

  const bundles = (): string[] => readdirSync(bundleFolder.folder).sort();
  const codes = (): string[] => runner.warnings().map(({ code }) => code);

  it('makes a bundle in its time, drills it, and says so', async () => {
    await start();
    assert.deepEqual([runner.status.schedule, runner.warnings()], [null, []]);
    await set(NIGHTLY);
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-02T02:00:00.000Z');
    await nothingAt('2026-06-02T01:59:00Z');
    assert.equal(await runAt('2026-06-02T02:00:30Z'), 'done');
    const [name] = bundles();
    assert.deepEqual([bundles().length, runner.status.lastRun?.name], [1, name]);
    assert.deepEqual([drills.latest.passed?.name, codes()], [name, []]);
    assert.equal((await bundleFolder.bundles())[0]?.proved, true);
    await nothingAt('2026-06-02T23:00:00Z');
  });

  it('runs later on the second unit, once a day also on the day that the distance changes', async () => {
    store = await unitWith({ host: { hostname: 'lb' }, ha: { mode: 'second' } });
    late = 10 * 60_000;
    await start();
    await set(NIGHTLY);
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-02T02:10:00.000Z');
    await nothingAt('2026-06-02T02:09:59Z');
    assert.equal(await runAt('2026-06-02T02:10:30Z'), 'done');
    late = 25 * 60_000;
    await nothingAt('2026-06-02T02:25:30Z');
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-03T02:25:00.000Z');
    late = 0;
    await nothingAt('2026-06-02T02:26:00Z');
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-03T02:00:00.000Z');
  });

  it('follows the time zone of the unit', async () => {
    await start();
    await set(NIGHTLY);
    const changes = [{ op: 'put' as const, path: 'time', value: { timeZone: 'Europe/Vienna' } }];
    await store.commit({ changes, kind: 'change', author: 'ada', reason: 'zone' });
    await idle();
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-02T00:00:00.000Z');
  });

  it('makes up once for all that was missed, also across a restart', async () => {
    await start();
    await set(NIGHTLY);
    await runner.stop();
    now = new Date('2026-06-09T12:00:00Z');
    ended = () => undefined;
    await start();
    assert.deepEqual([results, bundles().length], [['done'], 1]);
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-10T02:00:00.000Z');
  });

  it('that was just switched on makes up for nothing', async () => {
    await start();
    await set({ ...NIGHTLY, enabled: false });
    now = new Date('2026-06-09T12:00:00Z');
    await set(NIGHTLY);
    assert.deepEqual([results, runner.status.schedule?.nextRunAt], [[], '2026-06-10T02:00:00.000Z']);
  });

  it('without a passphrase, or by FTP, fails with the reason and stays visible', async () => {
    store = await unitWith({ host: { hostname: 'lb' } }, []); // FTP may stand there since before the rule against it
    await start();
    const { passphrase: _none, ...bare } = NIGHTLY;
    await set(bare);
    assert.deepEqual(codes(), ['backup-unset']);
    assert.equal(await runAt('2026-06-02T02:00:00Z'), 'failed');
    assert.equal(runner.status.lastRun?.code, 'backup-unset');
    await set({ ...NIGHTLY, method: 'ftp' });
    assert.deepEqual(codes(), ['backup-method']);
    await set({ ...NIGHTLY, method: 'sftp' });
    assert.match(runner.warnings()[0]?.message ?? '', /host, user, path, key, hostKey/);
  });

  it('tries a failed run again, later each time, and sends the bundle that it has made', async () => {
    await start();
    await set({ ...NIGHTLY, ...REMOTE });
    assert.equal(await runAt('2026-06-02T02:00:00Z'), 'failed');
    assert.deepEqual([codes(), runner.status.schedule?.failures], [['backup-failed'], 1]);
    await nothingAt('2026-06-02T02:00:50Z');
    assert.equal(await runAt('2026-06-02T02:01:00Z'), 'failed');
    await nothingAt('2026-06-02T02:05:00Z');
    const sent: string[] = [];
    send = async (_remote, _file, name) => {
      sent.push(name);
      return `sftp://${name}`;
    };
    assert.equal(await runAt('2026-06-02T02:06:00Z'), 'done');
    assert.deepEqual([sent, codes()], [bundles(), []]);
    assert.equal(bundles().length, 1);
    assert.equal(runner.status.schedule?.nextRunAt, '2026-06-03T02:00:00.000Z');
  });

  it('removes what the policy does not keep, and never the newest proved one', async () => {
    await start();
    await set({ ...NIGHTLY, keepLast: 2, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 });
    for (const day of ['02', '03', '04']) {
      await runAt(`2026-06-${day}T02:00:00Z`);
      for (const name of bundles()) {
        const at = new Date(`2026-06-${name.slice(11, 13)}T02:00:00Z`);
        utimesSync(join(bundleFolder.folder, name), at, at);
      }
    }
    const kept = await bundleFolder.prune(runner.policy, 'UTC', {});
    assert.equal(bundles().length, 2, JSON.stringify(kept));
    const [newest] = bundles().reverse();
    truncateSync(join(bundleFolder.folder, String(newest)), 1000);
    const plan = await bundleFolder.prune({ last: 1, daily: 0, weekly: 0, monthly: 0 }, 'UTC', {
      dryRun: true,
    });
    assert.deepEqual(
      plan.bundles.map(({ keep, reasons }) => [keep, reasons.includes('the newest proved one')]),
      [
        [true, false],
        [true, true],
      ],
    );
    writeFileSync(join(bundleFolder.folder, 'letter.txt'), 'not ours');
    await bundleFolder.prune({ last: 1, daily: 0, weekly: 0, monthly: 0 }, 'UTC', {});
    assert.ok(bundles().includes('letter.txt'));
  });

  it('takes an old bundle that was copied into the folder for no new one', async () => {
    await start();
    await set({ ...NIGHTLY, keepLast: 2, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 });
    for (const day of ['02', '03']) await runAt(`2026-06-${day}T02:00:00Z`);
    const made = bundles();
    const old = String(made[0]).replace('2026-06-02', '2024-06-02');
    copyFileSync(join(bundleFolder.folder, String(made[0])), join(bundleFolder.folder, old));
    const { bundles: verdicts } = await bundleFolder.prune(runner.policy, 'UTC', { dryRun: true });
    assert.deepEqual(
      verdicts.map(({ name, keep }) => [name, keep]),
      [
        [made[1], true],
        [made[0], true],
        [old, false],
      ],
    );
  });

  it('a drill of a damaged bundle fails, is remembered, and takes the proof away', async () => {
    await start();
    await set(NIGHTLY);
    await runAt('2026-06-02T02:00:00Z');
    const file = join(bundleFolder.folder, String(bundles()[0]));
    truncateSync(file, 2000);
    assert.equal(await drills.isProved(file), false);
    await assert.rejects(drills.drill(file, 'damaged', PASSPHRASE), { code: 'damaged-bundle' });
    assert.deepEqual(codes(), ['drill-failed']);
    const again = await Drills.open({ store, catalog, openBundle, log: keptLog().log, now: () => now });
    assert.equal(again.latest.last?.name, 'damaged');
  });
});
