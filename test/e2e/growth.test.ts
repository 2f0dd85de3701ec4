import assert from 'node:assert/strict';
import path from 'node:path';
import type { HistoryKept } from '../../api/contract/status.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const CHANGES = 200;

describe('a pair that keeps little of its history', function () {
  this.timeout(90_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.113.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.113.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1', '--no-mirror');
  const kept = async (unit: TestUnit): Promise<HistoryKept> => (await unit.status()).store.history;
  const commits = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++)
      await ha1.api.call('change', {
        changes: [{ op: 'put', path: 'hosts/a', value: { address: `10.0.${number % 200}.${count % 200}` } }],
      });
  };

  before(async () => {
    await ha1.init({ mode: 'first', name: 'lb1', virtualId: 11 });
    await ha2.init({ mode: 'second', name: 'lb2', virtualId: 11 });
    await Promise.all([serve(ha1), serve(ha2)]);
    await pairUp(ha1, ha2);
    await commits(3);
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('keeps what a standby that is away still lacks, and says who needs it', async () => {
    await ha2.stop();
    const { unit } = await ha1.status();
    await ha1.api.call('change', {
      changes: [{ op: 'put', path: 'history', value: { least: 100, most: 100 } }],
    });
    await commits(CHANGES);
    await until('it was looked at', async () => (await kept(ha1)).because === 'partner');
    const { oldest, revisions } = await kept(ha1);
    assert.ok(oldest <= unit.commonRevision && revisions > CHANGES, JSON.stringify({ oldest, revisions }));
  });

  it('lets it go once that one has it, although both were killed meanwhile', async () => {
    await Promise.all([ha1.kill(), serve(ha2)]);
    await serve(ha1);
    await untilInStep(ha1, ha2);
    await commits(20);
    await until('older revisions go', async () => (await kept(ha1)).because === 'most');
    await ha1.kill();
    await serve(ha1);
    const { revisions } = await kept(ha1);
    assert.ok(revisions >= 100 && revisions <= 200, String(revisions));
    await untilInStep(ha1, ha2);
  });

  it('names what is not kept any more, with an exit code and something to type', async () => {
    for (const command of [
      ['diff', '3'],
      ['rollback', '3'],
      ['audit', 'local', '3'],
    ]) {
      const { code, answer } = await ha1.json(...command);
      assert.deepEqual([code, answer.error.code], [3, 'history-pruned'], command.join(' '));
      assert.match(
        answer.error.message,
        /^Revision 3 is older than the history that is kept; that begins with /,
      );
    }
    const hint = (await ha1.json('diff', '3')).answer.error.hint ?? '';
    const typed = [...hint.matchAll(/lockstep ([a-z /]+\d*)/g)].map(([, words]) =>
      (words as string).split(' '),
    );
    assert.equal(typed.length, 2);
    for (const words of typed) assert.equal((await ha1.cli(...words)).code, 0, words.join(' '));
    await ha1.api.call('change', { changes: [{ op: 'set', path: 'history', field: ['most'], value: 100 }] });
  });

  it('is the same on both units for an audit, damaged nowhere, and tells its sizes', async () => {
    assert.equal((await ha1.cli('audit')).code, 0);
    assert.equal((await ha1.cli('verify-store')).code, 0);
    const { text } = await ha1.http('GET', '/metrics');
    for (const name of [
      'history_oldest_revision',
      'store_bytes',
      'log_bytes',
      'disk_free_bytes',
      'disk_full_days',
    ])
      assert.match(text, new RegExp(`^lockstep_${name} -?\\d`, 'm'));
    const { answer } = await ha1.json<{ findings: { code: string; outcome: string }[] }>('doctor');
    assert.equal(answer.findings.find(({ code }) => code === 'disk-lasts')?.outcome, 'ok');
  });

  it('history says when there is more, and the command goes on by itself', async () => {
    const { oldest, revisions } = await kept(ha1);
    const { text } = await ha1.http('GET', '/v1/history?limit=10');
    const answer = JSON.parse(text);
    assert.deepEqual([answer.revisions.length, answer.more, answer.oldest], [10, true, oldest]);
    const next = JSON.parse((await ha1.http('GET', `/v1/history?limit=10000&before=${answer.before}`)).text);
    assert.deepEqual([next.revisions.length, next.more, next.before], [revisions - 10, false, null]);
    assert.match(
      (await ha1.cli('history', '--limit', '10')).stdout,
      /older ones: lockstep history --before \d+/,
    );
  });
});
