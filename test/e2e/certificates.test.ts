import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { CertificateDetails } from '../../api/contract/certificates.ts';
import type { ChangeAnswer } from '../../api/contract/changes.ts';
import { readX509 } from '../../certs/x509.ts';
import { type Asked, parseCommandLine } from '../../cli/program.ts';
import type { LockstepError } from '../../schema/error.ts';
import { issue, type Made } from '../certs/ca.ts';
import { pairUp, refusalOf, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const SERVICE = 'virtualServices/tcp:10.20.0.100:443';
const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

/** One pair and one CA for everything here. */
describe('certificates of a pair', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.71.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.71.2');
  const root = issue({ commonName: 'Root', ca: true, usage: [5], from: inDays(-9), to: inDays(900) });
  const issuing = issue({
    commonName: 'Issuing',
    issuer: root,
    ca: true,
    usage: [5],
    from: inDays(-9),
    to: inDays(900),
  });
  /** Every key that was ever made, to be looked for everywhere in the end. */
  const keys = new Map<string, string>();

  const make = (name: string, days = 90, from = -1): Made => {
    const made = issue({
      commonName: name,
      names: [name],
      issuer: issuing,
      from: inDays(from),
      to: inDays(days),
    });
    keys.set(name + from, made.keyPem);
    return made;
  };
  const file = (name: string, content: string | Buffer): string => {
    const place = path.join(folder, name);
    writeFileSync(place, content, { mode: 0o600 });
    return place;
  };
  const drop = (unit: TestUnit, name: string, content: string): void =>
    writeFileSync(path.join(unit.dir, 'certs.d', name), content, { mode: 0o600 });
  const shown = async (unit: TestUnit, name: string): Promise<CertificateDetails> =>
    unit.api.call('certificate', { name });
  const fingerprint = ({ x509 }: Made): string => x509.fingerprint.toUpperCase().replace(/(..)(?=.)/g, '$1:');
  const holds = (unit: TestUnit, name: string, made: Made): Promise<void> =>
    until(`${name} is what was dropped`, async () => {
      const found = await shown(unit, name).catch(() => undefined);
      return found?.fingerprint === fingerprint(made);
    });
  /** What goes over the socket when somebody adds these files. */
  const sent = (...contents: (string | Buffer)[]): { name: string; bytes: string }[] =>
    contents.map((content, i) => ({ name: `${i}.pem`, bytes: Buffer.from(content).toString('base64') }));
  /** A command that is refused, without the start of a process. */
  const refusedWith = async (...args: string[]): Promise<string> => {
    const asked = await parseCommandLine(['--dir', ha1.dir, 'certs', ...args]);
    // Commands are loaded late, so their errors are of another copy of the class.
    const refusal = await (asked as Asked).run().then(
      () => assert.fail(`${args.join(' ')} was not refused`),
      (error: LockstepError) => error,
    );
    return refusal.code;
  };
  const revision = async (): Promise<number> => (await ha1.status()).unit.revision;

  before(async () => {
    await ha1.init({
      mode: 'first',
      name: 'lb1',
      address: '10.20.0.11/24',
      shared: '10.20.0.30',
      partner: '10.20.0.12',
    });
    await ha2.init({
      mode: 'second',
      name: 'lb2',
      address: '10.20.0.12/24',
      shared: '10.20.0.30',
      partner: '10.20.0.11',
    });
    await Promise.all([ha1.start('--log-level', 'debug'), ha2.start('--log-level', 'debug')]);
    await pairUp(ha1, ha2);
  });
  after(async () => {
    await Promise.all([ha1.stop(), ha2.stop()]);
    remove();
  });

  const shop = make('shop.example');
  const renewed = make('shop.example', 180, 0);

  it('are added from files in any order and form, and told with what is worth knowing', async () => {
    const all = file('shop.pem', root.pem + shop.keyPem + issuing.pem + shop.pem);
    const added = await ha1.cli('certs', 'add', 'shop', all);
    assert.deepEqual([added.code, added.stderr], [0, '']);
    assert.match(
      added.stdout,
      /^Revision \d+: 1 added\.\n {2}\+ certificates\/shop\n {2}for shop\.example, by CN=Issuing, 89 days left\n$/,
    );
    const { chain, hasKey } = await shown(ha1, 'shop');
    assert.deepEqual([chain.map(({ subject }) => subject), hasKey], [['CN=Issuing', 'CN=Root'], true]);
    await ha1.api.call('addCertificate', { name: 'issuing', kind: 'intermediate', files: sent(issuing.pem) });
  });

  it('follow the rules of names and of --replace', async () => {
    const before = await revision();
    const good = [renewed.pem, renewed.keyPem];
    const old = make('old.example', -1, -9);
    for (const [code, unit, name, pems, more] of [
      ['certificate-exists', ha1, 'shop', good, {}],
      ['no-such-certificate', ha1, 'other', good, { replace: true }],
      ['bad-id', ha1, 'a b', good, {}],
      ['certificate-refused', ha1, 'other', [renewed.pem], {}],
      ['key-unfit', ha1, 'other', [renewed.pem, shop.keyPem], {}],
      ['certificate-refused', ha1, 'old', [old.pem, old.keyPem], {}],
      ['certificate-refused', ha1, 'other', [renewed.pem], { kind: 'intermediate' }],
      ['certificate-refused', ha1, 'other', [issuing.pem, issuing.keyPem], { kind: 'intermediate' }],
      ['not-active', ha2, 'other', good, {}],
    ] as const) {
      const refusal = await refusalOf(
        unit.api.call('addCertificate', { name, files: sent(...pems), ...more }),
      );
      assert.equal(refusal.code, code);
    }
    assert.equal(
      (await refusalOf(ha1.api.call('removeCertificate', { name: 'nobody' }))).code,
      'no-such-certificate',
    );
    assert.equal(await revision(), before);
  });

  it('come as PFX with a passphrase, which is no argument', async () => {
    file('pfx.pem', renewed.pem + renewed.keyPem);
    const pfx = path.join(folder, 'shop.pfx');
    const made = spawnSync(
      'openssl',
      ['pkcs12', '-export', '-in', path.join(folder, 'pfx.pem'), '-out', pfx, '-passout', 'stdin'],
      { input: 'open sesame\n' },
    );
    assert.equal(made.status, 0, String(made.stderr));
    assert.equal(await refusedWith('add', 'shop', pfx, '--replace'), 'passphrase-needed');
    assert.equal(
      await refusedWith('add', 'shop', pfx, '--replace', '--passphrase-file', file('wrong', 'no\n')),
      'wrong-passphrase',
    );
    const pass = file('pass', 'open sesame\n');
    const { code, answer } = await ha1.json<ChangeAnswer>(
      'certs',
      'add',
      'shop',
      pfx,
      '--replace',
      '--passphrase-file',
      pass,
    );
    assert.deepEqual([code, answer.counts], [0, { added: 0, changed: 1, removed: 0 }]);
    assert.equal((await shown(ha1, 'shop')).fingerprint, fingerprint(renewed));
  });

  it('are listed with their users, which keep them from being removed', async () => {
    await ha1.api.call('change', {
      changes: [
        {
          op: 'put',
          path: SERVICE,
          value: { certificates: ['shop'], allowedHosts: ['shop.example', 'pay.example'] },
        },
      ],
    });
    const { certificates } = await ha1.api.call('certificates');
    assert.deepEqual(
      certificates.map(({ name, kind, names, issuer, daysLeft, usedBy }) => [
        name,
        kind,
        names,
        issuer,
        daysLeft,
        usedBy,
      ]),
      [
        ['shop', 'certificate', ['shop.example'], 'CN=Issuing', 179, [SERVICE]],
        ['issuing', 'intermediate', [], 'CN=Root', 899, []],
        ['web', 'web', ['lb1', '10.20.0.11', '10.20.0.30'], 'CN=lb1', 396, []],
      ],
    );
    const { code, facts } = await refusalOf(ha1.api.call('removeCertificate', { name: 'shop' }));
    assert.deepEqual([code, facts], ['certificate-in-use', { users: [SERVICE], count: 1 }]);
    await until('the service is named', async () =>
      (await ha1.status()).warnings.some(
        ({ code: what, path: where }) => what === 'certificate-host-names' && where === SERVICE,
      ),
    );
    const leaning = await refusalOf(ha1.api.call('removeCertificate', { name: 'issuing' }));
    assert.deepEqual([leaning.code, leaning.facts.users], ['certificate-in-use', ['certificates/shop']]);
    assert.equal((await ha1.cli('certs', 'list')).stdout.split('\n').length, 5);
  });

  it('are exported; a key to a new file of the owner alone, and to nowhere else', async () => {
    const { stdout } = await ha1.cli('certs', 'export', 'shop', '--public');
    assert.equal(stdout, renewed.pem);
    const target = path.join(folder, 'exported.pem');
    assert.equal(await refusedWith('export', 'shop', '--with-key'), 'bad-usage');
    assert.equal(await refusedWith('export', 'shop', '--with-key', '-o', '-'), 'bad-usage');
    const exported = await ha1.cli('certs', 'export', 'shop', '--with-key', '-o', target);
    assert.equal(exported.code, 0, exported.stderr);
    assert.deepEqual(
      [readFileSync(target, 'utf8'), statSync(target).mode & 0o777],
      [renewed.pem + renewed.keyPem, 0o600],
    );
    assert.equal(await refusedWith('export', 'shop', '--with-key', '-o', target), 'file-exists');
    rmSync(target);
  });

  it('travel to the standby with their keys; the one of the web interface does not', async () => {
    await ha1.api.call('forceUpdate');
    await untilInStep(ha1, ha2);
    const stored = (unit: TestUnit, place: string) => unit.stored(store => store.read(place));
    assert.deepEqual(await stored(ha2, 'certificates/shop'), {
      certificate: renewed.pem,
      key: renewed.keyPem,
    });
    const [own, other] = [await stored(ha1, 'webCertificate'), await stored(ha2, 'webCertificate')];
    assert.notEqual(own?.certificate, other?.certificate);
    assert.deepEqual(readX509(String(other?.certificate)).names, ['lb2']);
    keys.set('web 1', String(own?.key)).set('web 2', String(other?.key));
    const digest = (await ha1.status()).unit.digest;
    const given = issue({
      commonName: 'lb2',
      names: ['lb2.example'],
      issuer: issuing,
      from: inDays(-1),
      to: inDays(90),
    });
    keys.set('given', given.keyPem);
    const replaced = await ha2.cli(
      'certs',
      'add',
      '--web',
      file('web.pem', given.pem + issuing.pem),
      file('web.key', given.keyPem),
    );
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.equal((await ha2.api.call('certificate', { kind: 'web' })).selfMade, false);
    assert.deepEqual([(await ha1.status()).unit.digest, (await ha2.status()).unit.digest], [digest, digest]);
  });

  describe('in certs.d', () => {
    it('are taken as one change, though they are written slowly and key first', async () => {
      const slow = make('slow.example');
      const before = await revision();
      drop(ha1, 'slow.key', slow.keyPem);
      const target = openSync(path.join(ha1.dir, 'certs.d', 'slow.crt'), 'w', 0o600);
      const [half, rest] = [slow.pem.slice(0, 300), slow.pem.slice(300) + issuing.pem];
      writeSync(target, half);
      writeSync(target, rest);
      closeSync(target);
      await holds(ha1, 'slow', slow);
      assert.equal(await revision(), before + 1);
      const [latest] = (await ha1.api.call('history', { limit: 1 })).revisions;
      assert.deepEqual([latest?.author, latest?.reason], ['certs.d', 'certs.d/slow']);
    });

    it('are renewed the way certbot does it: links in a folder that lead elsewhere from now on', async () => {
      const [first, second] = [make('bot.example'), make('bot.example', 180, 0)];
      const [archive, live] = [path.join(folder, 'archive'), path.join(ha1.dir, 'certs.d', 'bot.example')];
      mkdirSync(archive);
      mkdirSync(live, { mode: 0o700 });
      const lead = (made: Made, number: number): void => {
        for (const [name, content] of [
          ['fullchain', made.pem + issuing.pem],
          ['privkey', made.keyPem],
        ] as const) {
          const kept = path.join(archive, `${name}${number}.pem`);
          writeFileSync(kept, content, { mode: 0o600 });
          symlinkSync(kept, path.join(live, '.next'));
          renameSync(path.join(live, '.next'), path.join(live, `${name}.pem`));
        }
      };
      lead(first, 1);
      await holds(ha1, 'bot.example', first);
      const before = await revision();
      lead(second, 2);
      await holds(ha1, 'bot.example', second);
      assert.equal(await revision(), before + 1);
    });

    it('are named while they are not complete, and taken once they are', async () => {
      const late = make('late.example');
      drop(ha1, 'late.pem', late.pem);
      const named = async (): Promise<boolean> =>
        (await ha1.status()).warnings.some(({ path: where }) => where === 'certs.d/late');
      await until('it is named', named);
      assert.ok(ha1.log.some(({ name, msg }) => name === 'late' && msg === 'certs.d: not taken'));
      drop(ha1, 'late.key', late.keyPem);
      await holds(ha1, 'late', late);
      assert.equal(await named(), false);
    });

    it('stay in the configuration when their files go, and do not come back over what is newer', async () => {
      const newer = make('late.example', 180, 0);
      for (const name of ['slow.crt', 'slow.key']) rmSync(path.join(ha1.dir, 'certs.d', name));
      await ha1.api.call('addCertificate', {
        name: 'late',
        files: sent(newer.pem, newer.keyPem),
        replace: true,
      });
      await ha1.stop();
      await ha1.start('--log-level', 'debug');
      drop(ha1, 'late.pem', `${readFileSync(path.join(ha1.dir, 'certs.d', 'late.pem'), 'utf8')}\n`);
      await until('the older one is refused', async () =>
        (await ha1.status()).warnings.some(
          ({ code, path: where }) => code === 'certificate-older' && where === 'certs.d/late',
        ),
      );
      assert.equal((await shown(ha1, 'late')).fingerprint, fingerprint(newer));
      assert.equal((await shown(ha1, 'slow')).name, 'slow');
    });

    it('wait on a standby, and are taken when it becomes active', async () => {
      const waits = make('waits.example');
      await untilInStep(ha1, ha2);
      drop(ha2, 'waits.pem', waits.pem + waits.keyPem);
      await until('the standby says that it waits', async () =>
        (await ha2.status()).warnings.some(
          ({ code, path: where }) => code === 'not-active' && where === 'certs.d/waits',
        ),
      );
      await ha2.api.call('takeover', {});
      await holds(ha2, 'waits', waits);
      assert.deepEqual(
        (await ha2.status()).warnings.filter(({ path: where }) => where.startsWith('certs.d/')),
        [],
      );
    });
  });

  // Behind the others: it looks for every key that they made.
  describe('afterwards', () => {
    it('show how many days are left to Prometheus, and no key to anybody', async () => {
      const answers = await Promise.all(
        [ha1, ha2].flatMap(unit =>
          [
            '/v1/status',
            '/v1/config',
            '/v1/certificates',
            '/v1/certificates/one?name=shop',
            '/v1/history',
            '/v1/diff?from=1',
            '/metrics',
          ].map(async url => (await unit.http('GET', url)).text),
        ),
      );
      assert.ok(
        answers.some(text =>
          /^lockstep_certificate_days_left\{name="shop",kind="certificate"\} 179$/m.test(text),
        ),
      );
      const refused = await ha2.http(
        'POST',
        '/v1/certificates/add',
        JSON.stringify({ name: 'x', files: sent(`${shop.keyPem}\nrubbish`) }),
      );
      assert.equal(refused.status, 409);
      const texts = [...answers, refused.text, JSON.stringify(ha1.log), JSON.stringify(ha2.log)];
      for (const unit of [ha1, ha2])
        for (const name of readdirSync(unit.dir, { recursive: true, encoding: 'utf8' })) {
          const place = path.join(unit.dir, name);
          if (/^(store|keys|certs\.d)(\/|$)/.test(name) || !lstatSync(place).isFile()) continue;
          texts.push(readFileSync(place, 'latin1'));
        }
      assert.ok(texts.length > 20, `${texts.length} texts`);
      assert.ok(keys.size > 8, `${keys.size} keys`);
      for (const [name, pem] of keys) {
        const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
        const scalar = der.subarray(36, 68); // of an EC key in PKCS#8, after what all of them begin with
        const forms = [
          scalar.toString('hex'),
          scalar.toString('latin1'),
          pem.split('\n')[1]?.slice(-16) as string,
        ];
        for (const text of texts)
          for (const form of forms) assert.ok(!text.includes(form), `${name}: ${text.slice(0, 80)}`);
      }
    });
  });
});
