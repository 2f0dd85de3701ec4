import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkCertificate } from '../../certs/check.ts';
import { covers } from '../../certs/names.ts';
import { makeSelfSigned } from '../../certs/self-signed.ts';
import { readX509 } from '../../certs/x509.ts';
import { openssl, opensslVerdict, workFolder } from './openssl.ts';

const NOW = new Date('2030-06-01T12:00:00Z');
const WISH = {
  commonName: 'lb1.site.example',
  names: ['lb1.site.example', '*.lb.site.example'],
  addresses: ['10.0.0.1', '2001:db8::1', '::'],
  now: NOW,
  days: 397,
};

describe('a certificate that a unit makes for itself', () => {
  const folder = workFolder();

  it('is good, for its names and addresses, for as long as was asked', () => {
    const made = makeSelfSigned(WISH);
    assert.deepEqual(checkCertificate(made, { now: NOW, intermediates: [] }), []);
    const x509 = readX509(made.certificate);
    for (const host of ['lb1.site.example', 'a.lb.site.example', '10.0.0.1', '2001:db8::1', '::'])
      assert.ok(covers(x509, host), host);
    assert.equal(x509.notAfter.toISOString(), '2031-07-03T12:00:00.000Z');
    assert.deepEqual(x509.key, { type: 'ec', curve: 'P-256', bits: 256 });
    assert.equal(x509.ca, false);
    assert.deepEqual(x509.extendedKeyUsage, ['serverAuth']);
  });

  it('is good for OpenSSL at its strictest, and its key fits', async () => {
    const { certificate, key } = makeSelfSigned(WISH);
    writeFileSync(join(folder, 'made.pem'), certificate);
    const time = ['-attime', String(NOW.getTime() / 1_000)];
    const strict = ['-x509_strict', '-check_ss_sig', '-purpose', 'sslserver', '-auth_level', '2'];
    const names = ['-verify_hostname', 'lb1.site.example', '-verify_ip', '10.0.0.1'];
    const verdict = await opensslVerdict(
      ['verify', ...time, ...strict, ...names, '-CAfile', 'made.pem', 'made.pem'],
      folder,
    );
    assert.deepEqual(verdict, { good: true, told: 'made.pem: OK\n' });
    const ofKey = openssl(['pkey', '-pubout'], { input: key }).toString();
    assert.equal(openssl(['x509', '-pubkey', '-noout'], { input: certificate }).toString(), ofKey);
    const text = openssl(['x509', '-noout', '-text'], { input: certificate }).toString();
    assert.match(text, /Version: 3 /);
    assert.match(
      text,
      /DNS:lb1.site.example, DNS:\*.lb.site.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1/,
    );
  });

  it('has a random serial of 128 bits and a key of its own', () => {
    const all = Array.from({ length: 20 }, () => makeSelfSigned({ ...WISH, names: [], addresses: [] }));
    assert.equal(new Set(all.map(({ certificate }) => readX509(certificate).serial)).size, 20);
    assert.equal(new Set(all.map(({ key }) => key)).size, 20);
    for (const { certificate } of all) assert.match(readX509(certificate).serial, /^01[0-9a-f]{32}$/);
  });

  it('may end after 2049, where years are written otherwise', () => {
    const { certificate } = makeSelfSigned({ ...WISH, days: 36_500 });
    assert.match(
      openssl(['x509', '-noout', '-enddate'], { input: certificate }).toString(),
      /May {1,2}\d+ 12:00:00 2130/,
    );
  });

  it('is not made for what is no name and no address', () => {
    const bad = [{ names: ['a b'] }, { names: ['a.*.b'] }, { addresses: ['10.0.0'] }, { commonName: '' }];
    for (const each of [...bad, { commonName: 'x'.repeat(65) }, { names: ['ü.example'] }])
      assert.throws(() => makeSelfSigned({ ...WISH, ...each }), { code: 'bad-usage' });
  });
});
