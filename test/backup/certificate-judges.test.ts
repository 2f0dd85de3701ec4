import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createBundle } from '../../backup/create.ts';
import { temporaryFolder } from '../e2e/daemon.ts';
import { needs } from '../needs.ts';
import { bundleOf } from './bundle-in-memory.ts';
import { PASSPHRASE } from './forge.ts';
import { gnupg, stopGnupg } from './gnupg.ts';
import { made } from './made-certificates.ts';
import { read } from './open.ts';
import { contentOf, Restorer, unitWith } from './restorer.ts';
import { bytesOf, catalog, options, State } from './site.ts';

const SHOP = made('shop.example');
const ISSUING = { certificate: made('issuing.example').certificate };
const RECORDS = [
  { path: 'certificates/shop', value: SHOP },
  { path: 'intermediates/issuing', value: ISSUING },
];

/** GnuPG, sqop, tar, jq and OpenSSL know nothing of Lockstep: with them alone a key must come back, and a bundle be made. */
describe('other programs and certificate bundles', () => {
  const { folder, remove } = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const restorer = new Restorer();
  before(async () => {
    mkdirSync(at('gnupg'), { mode: 0o700 });
    writeFileSync(at('pw'), PASSPHRASE);
    const { bytes } = await createBundle(options(new State(RECORDS), { kind: 'certificates' }));
    writeFileSync(at('a.lockstep'), await bytesOf(bytes));
  });
  after(() => {
    stopGnupg(at('gnupg'));
    restorer.close();
    remove();
  });

  it('open with GnuPG and sqop, and unpack with GNU tar and bsdtar into PEM files that OpenSSL takes', function () {
    needs(this, 'gpg', 'sqop', 'bsdtar', 'openssl');
    const byGnupg = gnupg(at('gnupg'), at('pw'), '-d', at('a.lockstep'));
    const bySequoia = execFileSync('sqop', ['decrypt', '--with-password', at('pw')], {
      input: readFileSync(at('a.lockstep')),
    });
    assert.ok(byGnupg.equals(bySequoia));
    writeFileSync(at('a.tar'), gunzipSync(byGnupg));
    for (const program of ['tar', 'bsdtar']) {
      const out = at(`by-${program}`);
      mkdirSync(out);
      execFileSync(program, ['-xf', at('a.tar'), '-C', out]);
      const names = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter(name =>
        statSync(path.join(out, name)).isFile(),
      );
      assert.deepEqual(names.sort(), [
        'certificates/shop.key',
        'certificates/shop.pem',
        'intermediates/issuing.pem',
        'manifest.json',
        'parts/certs.ndjson',
      ]);
      assert.equal(statSync(path.join(out, 'certificates/shop.key')).mode & 0o077, 0);
      const [certificate, key] = ['certificates/shop.pem', 'certificates/shop.key'].map(name =>
        path.join(out, name),
      ) as [string, string];
      assert.equal(readFileSync(key, 'utf8'), SHOP.key);
      const fromKey = execFileSync('openssl', ['pkey', '-in', key, '-pubout']);
      const fromCertificate = execFileSync('openssl', ['x509', '-in', certificate, '-noout', '-pubkey']);
      assert.ok(fromKey.equals(fromCertificate));
    }
  });

  it('are made by hand with tar, gzip and gpg, and restored', async function () {
    needs(this, 'gpg');
    const site = at('hand');
    mkdirSync(path.join(site, 'parts'), { recursive: true });
    mkdirSync(path.join(site, 'certificates'));
    const lines = RECORDS.map(record => `${JSON.stringify(record)}\n`).join('');
    // Word for word what FORMAT.md asks for, and nothing that only Lockstep knows.
    const manifest = {
      format: 1,
      kind: 'certificates',
      createdAt: '2026-11-22T04:30:00Z',
      unit: { id: 'by hand', name: 'by hand', mode: 'single', model: '', release: '' },
      schemaDigest: '',
      kinds: {},
      revision: 0,
      epoch: 0,
      digest: '',
      parts: [
        {
          part: 'certs',
          file: 'parts/certs.ndjson',
          records: RECORDS.length,
          bytes: Buffer.byteLength(lines),
          sha256: createHash('sha256').update(lines).digest('hex'),
        },
      ],
      withKeys: true,
    };
    writeFileSync(path.join(site, 'manifest.json'), JSON.stringify(manifest));
    writeFileSync(path.join(site, 'parts/certs.ndjson'), lines);
    writeFileSync(path.join(site, 'certificates/shop.pem'), SHOP.certificate);
    writeFileSync(path.join(site, 'certificates/shop.key'), SHOP.key);
    const files = ['manifest.json', 'parts', 'certificates'];
    execFileSync('tar', ['--format=ustar', '-czf', at('hand.tar.gz'), '-C', site, ...files]);
    const plain = ['--compress-algo', 'none', '--cipher-algo', 'AES256'];
    gnupg(at('gnupg'), at('pw'), '-o', at('hand.lockstep'), ...plain, '-c', at('hand.tar.gz'));
    const { manifest: said, records } = await read(readFileSync(at('hand.lockstep')));
    const unit = await unitWith();
    await restorer.restoreCertificates(unit, bundleOf(catalog, records, said), ['full']);
    assert.deepEqual(await contentOf(unit), {
      'certificates/shop': SHOP,
      'intermediates/issuing': ISSUING,
    });
  });
});
