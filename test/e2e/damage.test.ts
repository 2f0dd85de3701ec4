import assert from 'node:assert/strict';
import { readdirSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RebuildAnswer, VerifyAnswer } from '../../api/contract/store-care.ts';
import { bucketBytes, bucketOf } from '../../store/digest.ts';
import { keys } from '../../store/keys.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, refusalOf, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const RECORDS = 300;

/** What an LMDB tool, or a bad disk, would leave: bytes that are not what was written. */
async function tamper(unit: TestUnit, key: string, bytes: Buffer | undefined): Promise<void> {
  const port = openLmdb(path.join(unit.dir, 'store'));
  await port.batch({
    expect: [],
    put: bytes === undefined ? [] : [[key, bytes]],
    remove: bytes === undefined ? [key] : [],
  });
  await port.close();
}

const dataFile = (unit: TestUnit): string => path.join(unit.dir, 'store', 'data.mdb');
const asides = (unit: TestUnit): string[] =>
  readdirSync(unit.dir).filter(name => name.startsWith('store.damaged-'));

describe('a damaged store', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.167.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.167.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '600', '--every-commit'); // at an interval a unit looks for damage itself;
  const put = (unit: TestUnit, name: string, address: string) =>
    unit.api.call('change', { changes: [{ op: 'put', path: `hosts/${name}`, value: { address } }] });

  before(async () => {
    await ha1.init({ mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' }).then(serve);
    await ha2
      .init({ mode: 'second', name: 'lb2', address: '10.0.0.12/24', partner: '10.0.0.11' })
      .then(serve);
    await pairUp(ha1, ha2);
    const changes = Array.from({ length: RECORDS }, (_, index) => ({
      op: 'put' as const,
      path: `hosts/h${index}`,
      value: { address: `10.9.${index >> 8}.${index & 255}` },
    }));
    await ha1.api.call('change', { changes });
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('whole: a verification finds nothing, and says so', async () => {
    for (const unit of [ha1, ha2]) {
      const { code, answer } = await unit.json<VerifyAnswer>('verify-store');
      assert.equal(code, 0, JSON.stringify(answer));
      assert.deepEqual([answer.damaged, answer.findings], [false, []]);
      assert.notEqual((await unit.status()).store.verifiedAt, null);
    }
  });

  it('a record of the standby changed from outside is named by a verification, exit code 5', async () => {
    await tamper(ha2, keys.pair('hosts/h7'), Buffer.from('{"address":"6.6.6.6"}'));
    const { code, answer } = await ha2.json<VerifyAnswer>('verify-store');
    assert.equal(code, 5);
    assert.deepEqual(answer.findings, [{ path: 'hosts/h7', reason: 'is not what the digest tree says' }]);
    const status = await ha2.status();
    assert.equal(status.sync.state, 'damaged');
    assert.equal(status.sync.inStep, false);
    assert.equal(status.store.damage?.foundBy, 'a verification');
    assert.equal((await ha2.cli('status')).code, 5);
    assert.match((await ha2.http('GET', '/metrics')).text, /lockstep_damaged 1/);
    assert.ok(ha2.log.some(({ path: at, msg }) => at === 'hosts/h7' && msg === 'the store is damaged'));
  });

  it('its partner says so too, and sends it nothing', async () => {
    await until('the active unit knows', async () => (await ha1.status()).sync.state === 'damaged');
    const { unit } = await put(ha1, 'late', '10.9.9.9').then(() => ha1.status());
    const refused = await refusalOf(ha1.api.call('forceUpdate'));
    assert.equal(refused.code, 'damaged-store');
    assert.match(refused.message, /lb2/);
    assert.equal((await ha1.status()).sync.missing?.revisions, 1);
    assert.notEqual((await ha2.status()).unit.digest, unit.digest);
  });

  it('it stays damaged over a restart, and does not take over unless forced', async () => {
    await ha2.stop();
    await serve(ha2);
    assert.equal((await ha2.status()).sync.state, 'damaged');
    assert.equal((await refusalOf(ha2.api.call('takeover', {}))).code, 'damaged-store');
  });

  it('rebuilt from the partner it is in step again, with its own settings, and the old store is kept aside', async () => {
    const before = await ha2.status();
    await until('the partner is seen', async () => (await ha2.status()).partner?.seen === true);
    const { code, answer } = await ha2.json<RebuildAnswer>('rebuild', '--from-partner', '--yes');
    assert.equal(code, 0, JSON.stringify(answer));
    assert.ok(answer.kept.includes('ha') && answer.kept.includes('host'), answer.kept.join(' '));
    await until(
      'it answers again',
      async () => (await ha2.status().catch(() => undefined))?.sync.state === 'in-step',
    );
    await untilInStep(ha1, ha2);
    const after = await ha2.status();
    assert.deepEqual(
      [after.unit.id, after.unit.name, after.unit.mode, after.unit.role],
      [before.unit.id, 'lb2', 'second', 'standby'],
    );
    assert.equal(after.store.damage, null);
    const own = (await ha2.api.call('show', { path: 'interfaces/eth0' })).value as { address: string };
    assert.equal(own.address, '10.0.0.12');
    assert.deepEqual(asides(ha2), [answer.aside]);
    assert.equal(statSync(path.join(ha2.dir, answer.aside)).mode & 0o777, 0o700);
    assert.deepEqual(after.files, []);
    assert.equal((await ha2.json<VerifyAnswer>('verify-store')).answer.damaged, false);
  });

  it('an unreadable record of the active unit: the read is refused by name, and nothing is committed any more', async () => {
    await tamper(ha1, keys.pair('hosts/h9'), Buffer.from('{"addr'));
    const read = await ha1.json('show', 'hosts/h9');
    assert.equal(read.code, 5);
    assert.equal(read.answer.error.code, 'damaged-store');
    assert.match(read.answer.error.message, /hosts\/h9/);
    const set = await ha1.json('set', 'hosts/h1/address', '10.8.8.8');
    assert.deepEqual([set.code, set.answer.error.code], [5, 'damaged-store']);
    assert.equal((await ha1.status()).sync.state, 'damaged');
  });

  it('an active unit is not rebuilt: its partner takes over first', async () => {
    const refused = await refusalOf(ha1.api.call('rebuild', {}));
    assert.equal(refused.code, 'not-standby');
    assert.match(String(refused.hint), /takeover on lb2/);
    await until('the standby sees it', async () => (await ha2.status()).partner?.seen === true);
    assert.equal((await ha2.api.call('takeover', {})).partnerSteppedDown, true);
    await until(
      'the partner is heard as active',
      async () => (await ha1.status()).partner?.role === 'active',
    );
    await ha1.api.call('rebuild', {});
    await until(
      'it answers again',
      async () => (await ha1.status().catch(() => undefined))?.sync.state === 'in-step',
    );
    await untilInStep(ha2, ha1);
    assert.deepEqual((await ha1.api.call('show', { path: 'hosts/h9' })).value, { address: '10.9.0.9' });
  });

  it('a commit does not build upon a damaged tree', async () => {
    const wrong = bucketBytes(new Map([['hosts/h3', Buffer.alloc(32, 7)]]));
    await tamper(ha2, keys.bucket(bucketOf('hosts/h3')), wrong);
    const refused = await refusalOf(put(ha2, 'h3', '10.7.7.7'));
    assert.equal(refused.code, 'damaged-store');
    assert.equal((await ha2.status()).store.damage?.foundBy, 'a commit or an update');
    await ha1.api.call('takeover', {});
    await until('ha1 is heard as active', async () => (await ha2.status()).partner?.role === 'active');
    await ha2.api.call('rebuild', {});
    await until('in step', async () => (await ha2.status().catch(() => undefined))?.sync.state === 'in-step');
    await untilInStep(ha1, ha2);
  });

  it('the scrub finds it by itself, and goes on after a restart where it was', async () => {
    await ha2.stop();
    await tamper(ha2, keys.pair('hosts/h5'), Buffer.from('{"address":"6.6.6.6"}'));
    const index = bucketOf('hosts/h5') >> 5;
    writeFileSync(path.join(ha2.dir, 'scrub.json'), JSON.stringify({ position: { at: 'node', index } }));
    await ha2.start('--interval', '600', '--every-commit', '--scrub-hours', '1');
    await until('the scrub has found it', async () => (await ha2.status()).store.damage !== null);
    const { damage } = (await ha2.status()).store;
    assert.equal(damage?.foundBy, 'the scrub');
    assert.equal(damage?.findings[0]?.path, 'hosts/h5');
    await ha2.stop();
  });

  it('a file that is cut short is refused at the start, exit code 5, and LMDB never maps it', async () => {
    truncateSync(dataFile(ha2), Math.floor(statSync(dataFile(ha2)).size / 2 / 4096) * 4096);
    const { code, answer } = await ha2.json('serve', '--listen', ha2.listen);
    assert.deepEqual([code, answer.error.code], [5, 'damaged-store']);
    assert.match(answer.error.message, /data\.mdb/);
    assert.match(String(answer.error.hint), /rebuild --from-partner/);
  });

  it('it is rebuilt without the daemon, and knows afterwards which unit it is', async () => {
    const { code, answer } = await ha2.json<RebuildAnswer>(
      'rebuild',
      '--from-partner',
      '--yes',
      '--mode',
      'second',
    );
    assert.equal(code, 0, JSON.stringify(answer));
    await serve(ha2);
    await untilInStep(ha1, ha2);
    const { unit } = await ha2.status();
    assert.deepEqual([unit.mode, unit.role], ['second', 'standby']);
    assert.equal((await ha2.json<VerifyAnswer>('verify-store')).answer.damaged, false);
    assert.deepEqual((await ha1.status()).files.concat((await ha2.status()).files), []);
  });

  it('a store of which nothing is left: the mode must be said, the id comes from the keys', async () => {
    const { id } = (await ha2.status()).unit;
    await ha2.stop();
    writeFileSync(dataFile(ha2), Buffer.alloc(8192, 0xff));
    const unsaid = await ha2.json('rebuild', '--from-partner', '--yes');
    assert.deepEqual([unsaid.code, unsaid.answer.error.code], [2, 'bad-usage']);
    const { code } = await ha2.json('rebuild', '--from-partner', '--yes', '--mode', 'second');
    assert.equal(code, 0);
    // What a crash between the two renames of a rebuild leaves: the start finishes it.
    renameSync(path.join(ha2.dir, 'store'), path.join(ha2.dir, 'store.new'));
    await serve(ha2);
    await untilInStep(ha1, ha2);
    assert.equal((await ha2.status()).unit.id, id);
  });
});
