import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { read } from '../backup/open.ts';
import { ShiftedClock } from '../faults/clock.ts';
import { TestUnit, temporaryFolder, until } from './daemon.ts';

/** A unit runs at most so much later than its schedule says. */
const SPREAD_MS = 30 * 60_000;
const DAY_MS = 24 * 3_600_000;
const PASSPHRASE = 'four words are enough';

/** `npm run faults -- --only scheduled` kills it while a bundle is sent. */
describe('a scheduled backup', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const clock = new ShiftedClock(folder);
  const unit = new TestUnit(path.join(folder, 'u'), '127.0.69.1', { inside: clock.inside });
  let made: string | undefined;

  before(async () => {
    await unit.init({ mode: 'single', name: 'ha1' });
    await unit.start('--no-mirror');
    const value = { enabled: true, hour: 3, minute: 30, method: 'local', passphrase: PASSPHRASE };
    await unit.api.call('change', { changes: [{ op: 'put', path: 'backupSchedule', value }] });
  });
  after(async () => {
    await unit.stop();
    remove();
  });

  const lastRun = async () => (await unit.status()).backup.lastRun;
  const untilRun = (known: string | undefined): Promise<void> =>
    until('a bundle is made', async () => {
      const at = (await lastRun())?.at;
      return at !== undefined && at !== known;
    });

  it('is made when its time comes, and status, log and metrics say so', async () => {
    assert.equal(await lastRun(), null);
    clock.forward(DAY_MS + SPREAD_MS);
    await unit.api.call('change', {
      changes: [{ op: 'set', path: 'backupSchedule', field: ['keepLast'], value: 9 }],
    });
    await untilRun(undefined);
    const { name = '', to = '', reason, at } = (await lastRun()) ?? {};
    made = at;
    assert.equal(reason, undefined);
    assert.equal(to, path.join(unit.dir, 'backups', name));
    const { manifest } = await read(readFileSync(to), { passphrase: PASSPHRASE });
    assert.equal(manifest.unit.name, 'ha1');
    assert.match((await unit.cli('status')).stdout, /backup .*local, next .*last made[\s\S]*drill .*passed/);
    assert.ok(unit.log.some(line => line.msg === 'a scheduled backup was made' && line.name === name));
    assert.match((await unit.http('GET', '/metrics')).text, /lockstep_backups_total\{result="done"\} 1\b/);
  });

  it('is made up once when the unit was off at its time', async () => {
    await unit.stop();
    clock.forward(3 * DAY_MS);
    await unit.start('--no-mirror');
    await untilRun(made);
    const { at = '', name } = (await lastRun()) ?? {};
    assert.ok(Date.parse(at) - Date.parse(made ?? '') >= 3 * DAY_MS);
    const { bundles } = await unit.api.call('bundles');
    assert.deepEqual([bundles.length, bundles[0]?.name], [2, name]);
    assert.ok(Date.parse((await unit.status()).backup.schedule?.nextRunAt ?? '') > Date.parse(at));
  });
});
