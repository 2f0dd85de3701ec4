import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RestoreAnswer } from '../../api/contract/restore.ts';
import type { Status } from '../../api/contract/status.ts';
import { createBundle } from '../../backup/create.ts';
import type { ErrorBody } from '../../schema/error.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const PASSPHRASE = 'four words are enough';

describe('a restore on running units', function () {
  this.timeout(90_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.64.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.64.2');
  const bundle = path.join(folder, 'lb1.lockstep');
  const passphrase = path.join(folder, 'passphrase');
  const restore = (unit: TestUnit, ...args: string[]) =>
    unit.json<RestoreAnswer & { error: { code: string; hint?: string } }>(
      'restore',
      bundle,
      '--passphrase-file',
      passphrase,
      ...args,
    );
  const hostOn = async (unit: TestUnit): Promise<unknown> =>
    (await unit.api.call('show', { path: 'hosts' })).value as unknown;
  const incoming = (unit: TestUnit): string[] => {
    const place = path.join(unit.dir, 'incoming');
    return existsSync(place) ? readdirSync(place) : [];
  };

  async function backup(unit: TestUnit): Promise<void> {
    const { unit: said } = await unit.status();
    await unit.stored(async store => {
      const { bytes } = await createBundle({
        snapshot: await store.snapshot(),
        catalog: store.catalog,
        unit: { id: said.id, name: said.name, mode: said.mode, model: said.model, release: said.release },
        createdAt: new Date(),
        passphrase: PASSPHRASE,
      });
      await writeFile(bundle, bytes);
    });
  }

  before(async () => {
    writeFileSync(passphrase, `${PASSPHRASE}\n`);
    await ha1.init({ mode: 'first', name: 'lb1', virtualId: 11 });
    await ha2.init({ mode: 'second', name: 'lb2', virtualId: 11 });
    await Promise.all([ha1.start('--interval', '1'), ha2.start('--interval', '1')]);
    await pairUp(ha1, ha2);
    await ha1.cli('set', 'hosts/old.example.com/address', '10.0.0.1');
    await ha1.cli('set', 'email/password', '--value-file', passphrase);
    await backup(ha1);
    await ha1.cli('unset', 'hosts/old.example.com');
    await ha1.cli('set', 'hosts/new.example.com/address', '10.0.0.2');
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('is planned first, for people part by part and record by record', async () => {
    const { code, stdout, stderr } = await ha1.cli(
      'restore',
      bundle,
      '--passphrase-file',
      passphrase,
      '--dry-run',
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Bundle of lb1, made /);
    assert.match(stdout, /base {2}1 added, 1 removed/);
    assert.match(stdout, /removed hosts\/new\.example\.com/);
    assert.match(stdout, /confirm-source/);
    assert.doesNotMatch(stdout, new RegExp(PASSPHRASE));
    assert.deepEqual(await hostOn(ha1), { 'new.example.com': { address: '10.0.0.2' } });
    assert.deepEqual(incoming(ha1), []);
  });

  it('is refused whole, with a hint, and nothing stays behind', async () => {
    writeFileSync(`${passphrase}-wrong`, 'another passphrase');
    const wrong = await ha1.json('restore', bundle, '--passphrase-file', `${passphrase}-wrong`, '--yes');
    assert.deepEqual([wrong.code, wrong.answer.error.code], [3, 'wrong-passphrase']);
    const asked = await restore(ha1);
    assert.deepEqual([asked.code, asked.answer.error.code], [2, 'bad-usage']);
    const parts = await restore(ha1, '--parts', 'vs,nothing');
    assert.deepEqual([parts.code, parts.answer.error.code], [2, 'bad-usage']);
    const single = await new TestUnit(path.join(folder, 'one'), '127.0.64.3').init({ mode: 'single' });
    await single.start();
    try {
      const refused = await restore(single, '--yes');
      assert.deepEqual([refused.code, refused.answer.error.code], [3, 'restore-ha-on-single']);
      assert.deepEqual(incoming(single), []);
    } finally {
      await single.kill();
    }
    assert.deepEqual(incoming(ha1), []);
  });

  it('on the active unit is one revision, and goes to nobody before somebody confirms it', async () => {
    const before = await ha1.status();
    const { code, answer } = await restore(ha1, '--yes');
    assert.deepEqual([code, answer.counts], [0, { added: 1, changed: 0, removed: 1 }]);
    assert.equal(answer.revision, before.unit.revision + 1);
    assert.deepEqual(await hostOn(ha1), { 'old.example.com': { address: '10.0.0.1' } });
    assert.deepEqual(incoming(ha1), []);
    await until('the unit says that it is no source', async () => {
      const { unit, sync }: Status = await ha1.status();
      return unit.unconfirmed !== undefined && sync.inStep === false;
    });
    assert.equal((await ha2.status()).unit.digest, before.unit.digest);
    assert.equal((await ha1.cli('confirm-source', '--yes')).code, 0);
    await untilInStep(ha1, ha2);
    assert.deepEqual(await hostOn(ha2), { 'old.example.com': { address: '10.0.0.1' } });
  });

  it('made again finds nothing that differs', async () => {
    const { code, stdout } = await ha1.cli('restore', bundle, '--passphrase-file', passphrase, '--yes');
    assert.equal(code, 0);
    assert.match(stdout, /Nothing differs: revision \d+ stands\./);
  });

  it('is undone by a rollback', async () => {
    const { revision } = (await ha1.status()).unit;
    assert.equal((await ha1.cli('rollback', String(revision - 1))).code, 0);
    assert.deepEqual(await hostOn(ha1), { 'new.example.com': { address: '10.0.0.2' } });
    await untilInStep(ha1, ha2);
  });

  it('on the standby is refused, and says where to type it', async () => {
    const { digest } = (await ha2.status()).unit;
    const { code, answer } = await restore(ha2, '--as-this-unit', '--yes');
    const { error } = answer as unknown as { error: ErrorBody };
    assert.deepEqual([code, error.code], [3, 'not-active']);
    const { name } = (await ha1.status()).unit;
    assert.ok(error.hint?.includes(`Type the command on ${name}`), error.hint);
    assert.equal((await ha2.status()).unit.digest, digest);
  });

  it('a drill proves a bundle, and the list and the status say so; prune keeps it', async () => {
    const made = await ha1.cli('backup', 'create', '--passphrase-file', passphrase);
    assert.equal(made.code, 0, made.stderr);
    const listed = async () =>
      (await ha1.json<{ bundles: { file: string; proved: boolean }[] }>('backup', 'list')).answer.bundles;
    const [{ file, proved } = assert.fail('no bundle')] = await listed();
    assert.equal(proved, false);
    const drill = await ha1.cli('backup', 'drill', file, '--passphrase-file', passphrase);
    assert.equal(drill.code, 0, drill.stderr);
    assert.match(drill.stdout, /^The drill passed: /);
    assert.equal((await listed())[0]?.proved, true);
    assert.equal((await ha1.status()).backup.drill.passed?.name, path.basename(file));
    assert.match((await ha1.http('GET', '/metrics')).text, /lockstep_backup_drill_failed 0/);
    const pruned = await ha1.json<{ bundles: { keep: boolean; reasons: string[] }[] }>(
      'backup',
      'prune',
      '--dry-run',
    );
    assert.ok(pruned.answer.bundles[0]?.reasons.includes('the newest proved one'));
    assert.deepEqual(incoming(ha1), []);
  });

  it('uploads do not outlive the daemon', async () => {
    await ha1.api.call('upload', {
      bytes: (await import('node:stream')).Readable.from([Buffer.from('x')]),
    });
    assert.equal(incoming(ha1).length, 1);
    await ha1.kill();
    await ha1.start();
    assert.deepEqual(incoming(ha1), []);
  });
});
