import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AuditReport, DriftReport } from '../../api/contract/audits.ts';
import type { ProvedFacts } from '../../audit/proof.ts';
import { keys } from '../../store/keys.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const PASSPHRASE = 'four words are enough';

/** A kind of the site; the releases of the two units differ in its default. */
function gadget(size: number): string {
  const name = { pattern: '^[a-z]+$', description: 'A name.', examples: ['a'] };
  return JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:lockstep:kind:gadget',
    title: 'Gadget',
    description: 'Something of the site.',
    recordPath: 'gadgets/{id}',
    recordId: name,
    part: 'base',
    scope: 'pair',
    type: 'object',
    properties: { size: { type: 'integer', description: 'Its size.', default: size } },
    unevaluatedProperties: false,
    examples: [{ size }],
  });
}

describe('drift, on a pair that lives', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.168.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.168.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1');
  const put = (name: string, address: string) =>
    ha1.api.call('change', { changes: [{ op: 'put', path: `hosts/${name}`, value: { address } }] });
  const told = path.join(folder, 'told.jsonl');
  const storeOf = (unit: TestUnit): string => path.join(unit.dir, 'store');
  /** The store of the standby as it was before the local edit. */
  const copy = path.join(folder, 'copy');
  const schemaFile = (unit: TestUnit): string => path.join(unit.dir, 'schema.d', 'gadget.schema.json');

  interface Told {
    verdict: AuditReport['verdict'];
    found: unknown[][];
    report: AuditReport;
  }

  const tell = (report: AuditReport): Told => ({
    verdict: report.verdict,
    found: report.findings.map(({ path: at, class: name, on }) => [at, name, on]),
    report,
  });

  const audit = async (unit: TestUnit, all = false): Promise<Told> =>
    tell(await unit.api.call('audit', { a: { of: 'local' }, b: { of: 'partner' }, all }));

  /** The same as an operator types it. */
  async function typed(unit: TestUnit, ...args: string[]): Promise<Told & { code: number | null }> {
    const { code, answer } = await unit.json<AuditReport>('audit', ...args);
    return { code, ...tell(answer) };
  }

  const open = async (unit: TestUnit): Promise<DriftReport | undefined> =>
    (await unit.api.call('auditHistory')).reports.find(({ to }) => to === null);

  /** Resolves to the drift that the unit has found by itself. */
  async function alarm(unit: TestUnit): Promise<unknown[][]> {
    await until('the unit tells of drift', async () => (await open(unit)) !== undefined, 10_000);
    const report = await open(unit);
    return (report?.findings ?? []).map(({ path: at, class: name, on }) => [at, name, on]);
  }

  before(async () => {
    await ha1.init({ mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' });
    await ha2.init({ mode: 'second', name: 'lb2', address: '10.0.0.12/24', partner: '10.0.0.11' });
    mkdirSync(path.join(ha1.dir, 'hooks'), { mode: 0o700 });
    writeFileSync(path.join(ha1.dir, 'hooks', 'tell'), `#!/bin/sh\ncat >> ${told}\n`, { mode: 0o700 });
    for (const unit of [ha1, ha2]) {
      mkdirSync(path.dirname(schemaFile(unit)), { recursive: true, mode: 0o700 });
      writeFileSync(schemaFile(unit), gadget(1));
    }
    await Promise.all([ha1, ha2].map(serve));
    await pairUp(ha1, ha2);
    await ha1.api.call('change', {
      changes: [
        ...['a', 'b', 'c'].map(name => ({
          op: 'put' as const,
          path: `hosts/${name}`,
          value: { address: '10.9.0.1' },
        })),
        { op: 'put', path: 'driftAlert', value: { hook: 'tell' } },
      ],
    });
    await ha1.api.call('forceUpdate');
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('none: exit code 0, on both units, by name and by address', async () => {
    const { code, verdict, found } = await typed(ha2, 'local', '127.0.168.1');
    assert.deepEqual([code, verdict, found], [0, 'same', []]);
    assert.match(
      (await ha1.cli('audit', 'local', ha2.dir)).stdout,
      /^lb1 \(active, .*\) and lb2 \(standby, .*\) hold the same/,
    );
  });

  it('by design: shown with --all, without values, and no drift', async () => {
    const { verdict, report } = await audit(ha1, true);
    assert.equal(verdict, 'same');
    assert.ok(report.findings.length > 0 && report.findings.every(found => found.class === 'by-design'));
    assert.ok(report.findings.some(({ path: at, fields }) => at === 'ha' && fields[0]?.field === 'mode'));
    assert.doesNotMatch(JSON.stringify(report), /10\.0\.0\.1[12]/);
  });

  it('both units sign what they hold, and anybody can check it', async () => {
    const file = path.join(folder, 'monday.proof');
    assert.equal((await ha1.cli('audit', 'proof', '-o', file)).code, 0);
    const fingerprint = (await ha2.status()).partner?.fingerprint as string;
    const nowhere = new TestUnit(path.join(folder, 'nowhere'), '');
    const { code, answer } = await nowhere.json<ProvedFacts>(
      'audit',
      'proof',
      '--check',
      file,
      '--pin',
      fingerprint,
    );
    assert.equal(code, 0);
    assert.equal(answer.digest, (await ha1.status()).unit.digest);
    assert.deepEqual(
      answer.units.map(({ name, role }) => [name, role]),
      [
        ['lb1', 'active'],
        ['lb2', 'standby'],
      ],
    );
  });

  it('a file of the standby that is not what it holds', async () => {
    const file = path.join(ha2.dir, 'config', 'hosts', 'a.json');
    await until('the file is there', async () => existsSync(file));
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('10.9.0.1', '6.6.6.6'));
    await until('the standby has seen it', async () => (await ha2.status()).files.length === 1);
    const { verdict, found } = await audit(ha1);
    assert.deepEqual([verdict, found], ['drift', [['config/hosts/a.json', 'mirror', 'b']]]);
    writeFileSync(file, before);
    await until('it is put right', async () => (await ha2.status()).files.length === 0);
  });

  it('not yet sent: with the revision, and no alarm', async () => {
    await ha1.api.call('pause', { reason: 'to look at it' });
    const { revision } = await put('b', '10.9.0.2');
    for (const [unit, lacking] of [
      [ha1, 'b'],
      [ha2, 'a'],
    ] as const) {
      const { verdict, found, report } = await audit(unit);
      assert.deepEqual([verdict, found], ['drift', [['hosts/b', 'not-sent', lacking]]]);
      assert.equal(report.findings[0]?.revision, revision);
    }
    await ha1.api.call('resume');
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2]) assert.deepEqual((await unit.api.call('auditHistory')).reports, []);
  });

  it('a bundle is compared with what the units hold now', async () => {
    const bundle = path.join(folder, 'site.lockstep');
    const secret = path.join(folder, 'passphrase');
    writeFileSync(secret, PASSPHRASE, { mode: 0o600 });
    const made = await ha1.cli('backup', 'create', '-o', bundle, '--passphrase-file', secret);
    assert.equal(made.code, 0, made.stderr);
    await put('b', '10.9.0.3');
    await ha1.api.call('forceUpdate');
    const { code, found, report } = await typed(ha1, bundle, 'partner', '--passphrase-file', secret);
    assert.deepEqual([code, found], [1, [['hosts/b', 'changed', undefined]]]);
    assert.deepEqual(report.findings[0]?.fields, [{ field: 'address', a: '10.9.0.2', b: '10.9.0.3' }]);
  });

  it('a local edit on the standby: who and when, within an interval, though the update undoes it', async () => {
    await ha1.api.call('pause', { reason: 'to look at it' });
    await ha2.stop();
    cpSync(storeOf(ha2), copy, { recursive: true });
    await ha2.stored(async store => {
      await store.setRole('active', store.head.epoch);
      const changes = [{ op: 'put' as const, path: 'hosts/a', value: { address: '6.6.6.6' } }];
      await store.commit({ changes, kind: 'change', author: 'mallory', reason: 'by hand' });
      await store.setRole('standby', store.head.epoch);
    });
    await serve(ha2);
    assert.deepEqual(await alarm(ha1), [['hosts/a', 'local-edit', 'b']]);
    assert.deepEqual(await alarm(ha2), [['hosts/a', 'local-edit', 'a']]);
    const { verdict, report } = await audit(ha1);
    assert.deepEqual([verdict, report.findings[0]?.by], ['drift', 'mallory']);
    assert.deepEqual(report.findings[0]?.fields, [{ field: 'address', a: '10.9.0.1', b: '6.6.6.6' }]);
    const status = await ha1.status();
    assert.ok(status.warnings.some(({ code: warned, path: at }) => warned === 'drift' && at === 'hosts/a'));
    assert.match((await ha1.http('GET', '/metrics')).text, /lockstep_drift_records 1/);
    assert.ok(ha1.log.some(({ msg }) => msg === 'drift found'));
  });

  it('and when it went: resumed, it is gone, in the history and for the hook', async () => {
    await ha1.api.call('resume');
    await untilInStep(ha1, ha2);
    await until('both say that it is gone', async () => !(await open(ha1)) && !(await open(ha2)));
    const { code, stdout } = await ha1.cli('audit', 'history');
    assert.equal(code, 0);
    assert.match(stdout, /until .*against lb2, 1 local edit .*\n {2}local edit +hosts\/a, by mallory/);
    const lines = () => readFileSync(told, 'utf8').trim().split('\n');
    await until('the hook was told twice', async () => lines().length === 2);
    const events = lines().map(line => JSON.parse(line));
    assert.deepEqual(
      events.map(({ event, unit, records }) => [event, unit, records]),
      [
        ['found', 'lb1', 1],
        ['gone', 'lb1', 1],
      ],
    );
  });

  it('a missed update: the disk of the standby fell back', async () => {
    await put('c', '10.9.0.7');
    await untilInStep(ha1, ha2);
    await ha1.api.call('pause', { reason: 'to look at it' });
    await ha2.stop();
    rmSync(storeOf(ha2), { recursive: true });
    cpSync(copy, storeOf(ha2), { recursive: true });
    await serve(ha2);
    assert.deepEqual(await alarm(ha1), [['hosts/c', 'missed', 'b']]);
    assert.deepEqual(await alarm(ha2), [['hosts/c', 'missed', 'a']]);
    await ha1.api.call('resume');
    await untilInStep(ha1, ha2);
    await until('it is gone', async () => !(await open(ha1)) && !(await open(ha2)));
    await until('its file is what it holds again', async () => (await ha2.status()).files.length === 0);
  });

  it('a fleet: a pair in step, one that does not answer; neither stops the other', async () => {
    const inventory = path.join(folder, 'fleet.yaml');
    writeFileSync(
      inventory,
      `pairs:\n  - {name: here, dir: ${ha1.dir}}\n  - {name: gone, dir: ${folder}/gone}\n`,
    );
    const { code, stdout } = await ha1.cli('audit', 'fleet', inventory);
    assert.equal(code, 4);
    assert.match(stdout, /^here +lb1, lb2 +same$/m);
    assert.match(stdout, /^gone +unreachable +No unit runs in /m);
    assert.match(stdout, /1 of 2 pairs hold the same/);
  });

  it('another release: a kind whose default differs', async () => {
    await ha2.stop();
    writeFileSync(schemaFile(ha2), gadget(2));
    await serve(ha2);
    await until('they see each other', async () => (await ha1.status()).partner?.seen === true);
    await ha1.api.call('change', { changes: [{ op: 'put', path: 'gadgets/one', value: {} }] });
    await until('it is held back', async () => (await ha1.status()).sync.state === 'held-back');
    const { verdict, found } = await audit(ha1);
    assert.deepEqual([verdict, found], ['same', [['gadgets/one', 'release', undefined]]]);
  });

  it('corruption: named on both units within an interval, exit code 5', async () => {
    const port = openLmdb(path.join(ha2.dir, 'store'));
    await port.batch({
      expect: [],
      put: [[keys.pair('hosts/c'), Buffer.from('{"address":"6.6.6.6"}')]],
      remove: [],
    });
    await port.close();
    assert.deepEqual(await alarm(ha1), [['hosts/c', 'corruption', 'b']]);
    assert.deepEqual(await alarm(ha2), [['hosts/c', 'corruption', 'a']]);
    const page = path.join(folder, 'audit.html');
    const { code, found } = await typed(ha1, '--html', page);
    assert.deepEqual([code, found[0]], [5, ['hosts/c', 'corruption', 'b']]);
    assert.match(readFileSync(page, 'utf8'), /<code>hosts\/c<\/code>/);
  });

  it('a partner that is gone: exit code 4', async () => {
    await ha2.stop();
    await until('it is not seen', async () => (await ha1.status()).partner?.seen === false);
    assert.equal((await ha1.cli('audit')).code, 4);
  });
});
