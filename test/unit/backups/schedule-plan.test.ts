import assert from 'node:assert/strict';
import type { JsonObject } from '../../../schema/json.ts';
import { planFault, readBackupPlan } from '../../../unit/backups/schedule-plan.ts';
import { catalog } from '../../schema/records-of.ts';

const REMOTE = { host: 'vault.example', user: 'u', path: '/srv', key: 'KEY', hostKey: 'HOSTKEY' };

function plan(records: Record<string, JsonObject>) {
  return readBackupPlan(catalog, async path => records[path]);
}

async function faultOf(schedule: JsonObject) {
  const fault = planFault(await plan({ backupSchedule: schedule }));
  return fault && { code: fault.code, missing: fault.facts.missing, hint: fault.hint ?? '' };
}

describe('the plan of scheduled backups', () => {
  it('says what the record says, in the time zone of the unit', async () => {
    const read = await plan({
      backupSchedule: { enabled: true, day: 3, hour: 2, minute: 30, keepDaily: 9, method: 'sftp', ...REMOTE },
      time: { timeZone: 'Europe/Vienna' },
      ha: { mode: 'second' },
    });
    assert.deepEqual(read.times, { day: 3, hour: 2, minute: 30, timeZone: 'Europe/Vienna' });
    assert.deepEqual([read.enabled, read.isSecond, read.policy.daily], [true, true, 9]);
    assert.deepEqual(read.remote, REMOTE);
  });

  it('takes from the schema what the record does not say', async () => {
    const properties = catalog.kindNamed('backupSchedule')?.schema.properties as JsonObject;
    const preset = (field: string) => (properties[field] as JsonObject).default;
    const read = await plan({});
    assert.deepEqual(read.policy, {
      last: preset('keepLast'),
      daily: preset('keepDaily'),
      weekly: preset('keepWeekly'),
      monthly: preset('keepMonthly'),
    });
    assert.deepEqual([read.enabled, read.isSecond, read.times.timeZone], [false, false, 'UTC']);
    assert.equal(read.method, preset('method'));
  });

  it('does not run without a passphrase, whatever else is set', async () => {
    const fault = await faultOf({ method: 'local' });
    assert.deepEqual([fault?.code, fault?.missing], ['backup-unset', ['passphrase']]);
    assert.equal(await faultOf({ method: 'local', passphrase: 'four words are enough' }), undefined);
  });

  it('sends nothing by FTP, and nothing to a host whose key is not known', async () => {
    const passphrase = 'four words are enough';
    assert.equal((await faultOf({ method: 'ftp', passphrase, ...REMOTE }))?.code, 'backup-method');
    const { hostKey: _unknown, ...bare } = REMOTE;
    const fault = await faultOf({ method: 'sftp', passphrase, ...bare });
    assert.deepEqual([fault?.code, fault?.missing], ['backup-unset', ['hostKey']]);
    assert.match(fault?.hint ?? '', /^lockstep set backupSchedule\/hostKey;/);
    assert.equal(await faultOf({ method: 'sftp', passphrase, ...REMOTE }), undefined);
  });

  it('names the first that is missing in the hint, and all in the facts', async () => {
    const fault = await faultOf({ method: 'sftp', passphrase: 'p' });
    assert.deepEqual(fault?.missing, ['host', 'user', 'path', 'key', 'hostKey']);
    assert.match(fault?.hint ?? '', /backupSchedule\/host;/);
  });
});
