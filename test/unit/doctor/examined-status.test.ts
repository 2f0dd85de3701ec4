import assert from 'node:assert/strict';
import { MAX_CHARACTERS } from '../../../audit/doctor/examination.ts';
import { readBackupPlan } from '../../../unit/backups/schedule-plan.ts';
import { backupOf, placeOf } from '../../../unit/doctor/examined-status.ts';
import { catalog } from '../../schema/records-of.ts';

describe('what a unit tells its partner of itself', () => {
  it('is never longer than a partner takes', () => {
    const long = 'x'.repeat(MAX_CHARACTERS + 1);
    const { code, path, message } = placeOf({ code: 'drift', path: long, message: long });
    assert.deepEqual([code, path.length, message.length], ['drift', MAX_CHARACTERS, MAX_CHARACTERS]);
  });

  it('says of its backups what lacks, and never the passphrase', async () => {
    const told = async (schedule: object) => {
      const plan = await readBackupPlan(catalog, async path =>
        path === 'backupSchedule' ? (schedule as never) : undefined,
      );
      return backupOf({ drill: {} } as never, plan, null);
    };
    const unset = await told({ method: 'local' });
    assert.equal(unset.passphrase, false);
    assert.match(unset.fault ?? '', /no passphrase/);
    const set = await told({ method: 'local', passphrase: 'four words are enough' });
    assert.deepEqual([set.passphrase, set.fault, set.lastRunAt, set.provedName], [true, null, null, null]);
    assert.doesNotMatch(JSON.stringify(set), /four words/);
  });
});
