import assert from 'node:assert/strict';
import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Asked } from '../../api/contract/methods.ts';
import type { RestoreCertificatesAnswer } from '../../api/contract/restore.ts';
import type { Manifest } from '../../backup/bundle.ts';
import { made, piecesOf } from '../backup/made-certificates.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, refusalOf, TestUnit, temporaryFolder, untilInStep } from './daemon.ts';

const PASSPHRASE = 'four words are enough';
const SERVICE = 'virtualServices/tcp:10.20.0.100:443';

type Wanted = Asked<'restoreCertificates'>;
type Given = Pick<Wanted, 'upload' | 'passphrase'>;
type Answered<Answer> = Answer & { error: { code: string; message: string; facts?: object } };

describe('certificate bundles on running units', function () {
  this.timeout(90_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.78.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.78.2');
  const passphrase = path.join(folder, 'passphrase');
  const shelf = path.join(ha1.dir, 'backups');
  const configuration = path.join(shelf, 'site.lockstep');
  /** Where the unit put the certificate bundle. */
  let certificates = '';
  const shop = made('shop.example');
  const www = made('www.example');
  const newer = made('shop.example', '2026-06-01');
  const issuing = { certificate: made('issuing.example').certificate };
  /** Everything that was printed, for the search at the end. */
  const printed: string[] = [];

  const asked = ['--passphrase-file', passphrase] as const;
  async function json<Answer>(unit: TestUnit, ...args: string[]) {
    const { code, answer } = await unit.json<Answered<Answer>>(...args, ...asked);
    printed.push(JSON.stringify(answer));
    return { code, answer };
  }
  async function text(unit: TestUnit, ...args: string[]) {
    const result = await unit.cli(...args);
    printed.push(result.stdout, result.stderr);
    return result;
  }
  /** Hands a bundle to the unit as the commands do. */
  async function given<Answer>(unit: TestUnit, file: string, act: (asked: Given) => Promise<Answer>) {
    const { upload } = await unit.api.call('upload', { bytes: createReadStream(file) });
    const answer = await act({ upload, passphrase: PASSPHRASE }).finally(() =>
      unit.api.call('dropUpload', { upload }),
    );
    printed.push(JSON.stringify(answer));
    return answer;
  }
  const restore = (unit: TestUnit, select: string[], more: Pick<Wanted, 'others' | 'dryRun'> = {}) =>
    given(unit, certificates, asked => unit.api.call('restoreCertificates', { ...asked, select, ...more }));
  const refused = async (asked: Promise<unknown>) => {
    const { code, message, facts } = await refusalOf(asked);
    printed.push(message, JSON.stringify(facts));
    return { code, message };
  };
  const keyOn = (unit: TestUnit, name: string) =>
    unit.stored(async store => (await store.read(`certificates/${name}`))?.key);

  before(async () => {
    writeFileSync(passphrase, `${PASSPHRASE}\n`);
    await ha1.init({ mode: 'first', name: 'lb1', virtualId: 12 });
    await ha2.init({ mode: 'second', name: 'lb2', virtualId: 12 });
    await Promise.all([ha1.start('--interval', '1'), ha2.start('--interval', '1')]);
    await pairUp(ha1, ha2);
    const service = { protocol: 'tcp', address: '10.20.0.100', port: 443, certificates: ['shop', 'www'] };
    await ha1.api.call('apply', {
      document: {
        certificates: { shop, www },
        intermediates: { issuing },
        virtualServices: { [path.basename(SERVICE)]: service },
      },
    });
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('are made like other bundles, and the list, inspect, verify, a drill and prune know what they are', async () => {
    const backup = await text(ha1, 'certs', 'backup', ...asked);
    assert.equal(backup.code, 0, backup.stderr);
    assert.match(backup.stdout, /3 certificates, keys included\. It was read back and is good\./);
    const [name = ''] = readdirSync(shelf);
    assert.match(name, /^lb1_.*\.certs\.lockstep$/);
    certificates = path.join(shelf, name);
    assert.equal(statSync(certificates).mode & 0o777, 0o600);
    const wrongName = await json(ha1, 'certs', 'backup', '-o', configuration);
    assert.equal(wrongName.answer.error.code, 'bad-usage');
    const site = await json<{ manifest: Manifest }>(ha1, 'backup', 'create', '-o', configuration);
    assert.equal(site.answer.manifest.withKeys, false);

    const listed = await ha1.json<{ bundles: { kind: string }[] }>('backup', 'list');
    assert.deepEqual(listed.answer.bundles.map(({ kind }) => kind).sort(), ['certificates', 'configuration']);
    const inspected = await text(ha1, 'backup', 'inspect', certificates, ...asked);
    assert.match(inspected.stdout, /kind {6}certificates/);
    assert.match(inspected.stdout, /certificates\/shop ([0-9A-F]{2}:){31}[0-9A-F]{2}\n/);
    assert.equal((await text(ha1, 'backup', 'verify', certificates, ...asked)).code, 0);
    const drill = await text(ha1, 'backup', 'drill', certificates, ...asked);
    assert.match(drill.stdout, /^The drill passed: .*3 records/);
    const { bundles } = await ha1.api.call('pruneBackups', { dryRun: true });
    assert.deepEqual(
      bundles.map(({ reasons }) => reasons.includes('the newest')),
      [true, true],
    );
  });

  it('are taken for no configuration, nor the reverse, and not on a standby', async () => {
    const asConfiguration = given(ha1, certificates, asked => ha1.api.call('restore', asked));
    assert.equal((await refused(asConfiguration)).code, 'restore-certificates');
    const reverse = given(ha1, configuration, asked =>
      ha1.api.call('restoreCertificates', { ...asked, select: ['full'] }),
    );
    assert.equal((await refused(reverse)).code, 'restore-configuration');
    await ha1.api.call('change', { changes: [{ op: 'put', path: 'certificates/shop', value: newer }] });
    await untilInStep(ha1, ha2);
    const standby = await refused(restore(ha2, ['full'], { others: 'replace' }));
    assert.equal(standby.code, 'not-active');
  });

  it('over other certificates decide nothing in a script, and take the newer ones when they are told to', async () => {
    const undecided = await refused(restore(ha1, ['shop']));
    assert.equal(undecided.code, 'certificates-differ');
    assert.match(undecided.message, /certificates\/shop \(newer here\)/);
    const plan = await text(ha1, 'certs', 'restore', certificates, '--select', 'full', '--dry-run', ...asked);
    assert.match(
      plan.stdout,
      /which\? certificates\/shop\n +bundle .*\n +here .*\(newer: it was issued later .*\)\n/,
    );
    assert.match(plan.stdout, /Nothing was changed yet\.$/m);
    assert.deepEqual((await restore(ha1, ['full'], { others: 'newer' })).changes, []);
    assert.equal(await keyOn(ha1, 'shop'), newer.key);
  });

  it('are what a configuration without keys asks for; restored they reach the partner, and a rollback undoes it', async () => {
    const nothing = { virtualServices: {}, certificates: {}, intermediates: {} };
    await ha1.api.call('apply', { document: nothing, replace: true });
    const restored = await given(ha1, configuration, asked => ha1.api.call('restore', asked));
    const missing = restored.missingKeys.map(({ path: each }) => each);
    assert.deepEqual(missing, ['certificates/shop', 'certificates/www']);
    assert.equal(restored.unserved.count, 2);
    await ha1.api.call('confirmSource');
    const one = await restore(ha1, ['www']);
    assert.deepEqual(one.counts, { added: 0, changed: 1, removed: 0 });
    assert.deepEqual(
      one.unserved.services.map(({ path: service, certificate }) => [service, certificate]),
      [[SERVICE, 'certificates/shop']],
    );
    const dry = await restore(ha1, ['full'], { dryRun: true });
    assert.deepEqual(dry.counts, { added: 0, changed: 1, removed: 0 });
    const full = ['restore', certificates, '--select', 'full', '--yes', '--wait'];
    const all = await json<RestoreCertificatesAnswer>(ha1, 'certs', ...full);
    assert.equal(all.code, 0, JSON.stringify(all.answer));
    assert.equal(all.answer.unserved.count, 0);
    assert.ok('receipt' in (all.answer.standby ?? {}));
    assert.equal((await ha1.status()).unit.unconfirmed, undefined);
    for (const unit of [ha1, ha2])
      assert.deepEqual([await keyOn(unit, 'shop'), await keyOn(unit, 'www')], [shop.key, www.key]);
    printed.push(JSON.stringify(await ha1.api.call('rollback', { revision: all.answer.revision - 1 })));
    assert.equal(await keyOn(ha1, 'shop'), undefined);
  });

  it('give no key to a log, a diff, the history, an answer, an error or a file', async () => {
    for (const url of ['/v1/diff?from=1', '/v1/history', '/v1/config', '/metrics', '/v1/status'])
      printed.push((await ha1.http('GET', url)).text);
    const files = [ha1, ha2].flatMap(({ dir }) =>
      readdirSync(dir, { recursive: true, encoding: 'utf8' })
        .filter(name => !name.startsWith('store'))
        .map(name => path.join(dir, name))
        .filter(name => statSync(name).isFile())
        .map(name => readFileSync(name, 'latin1')),
    );
    assert.deepEqual(readdirSync(shelf).sort(), [path.basename(certificates), 'site.lockstep'].sort());
    const logs = [ha1, ha2].map(({ log }) => JSON.stringify(log));
    const everything = [...printed, ...logs, ...files].join('\n');
    for (const { key } of [shop, www, newer])
      for (const piece of piecesOf(key)) assert.ok(!everything.includes(piece), piece);
    assert.ok(!everything.includes(PASSPHRASE));
    assert.match(everything, /BEGIN CERTIFICATE/); // the search looks where certificates are
  });
});
