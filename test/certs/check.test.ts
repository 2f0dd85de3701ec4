import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CertificateRecord, checkCertificate } from '../../certs/check.ts';
import { cpuMs, issue, keysOf, NOW } from './ca.ts';

/** The certificate of the example site; valid for 30 years from November 2026. */
const { shop } = JSON.parse(readFileSync('examples/site/site.json', 'utf8')).certificates as {
  shop: Required<CertificateRecord>;
};
const GOOD = new Date('2040-01-01T00:00:00Z');

const found = (record: CertificateRecord, at: Date | string): string[] =>
  checkCertificate(record, { now: new Date(at), intermediates: [] }).map(
    ({ code, fails }) => `${code}${fails ? '' : ' (soon)'}`,
  );

function otherKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('a certificate', () => {
  it('with its own key, in its time, has no fault', () => {
    assert.deepEqual(checkCertificate(shop, { now: GOOD, intermediates: [] }), []);
    assert.deepEqual(
      checkCertificate({ certificate: shop.certificate }, { now: GOOD, intermediates: [] }),
      [],
    );
    assert.deepEqual(found({ ...shop, certificate: `${shop.certificate}${shop.certificate}` }, GOOD), []);
  });

  it('out of its time is told with the day', () => {
    assert.deepEqual(found(shop, '2020-01-01'), ['certificate-not-yet-valid']);
    const [finding] = checkCertificate(shop, { now: new Date('2060-01-01'), intermediates: [] });
    assert.equal(finding?.code, 'certificate-expired');
    assert.match(String(finding?.message), /^it expired on 20\d\d-\d\d-\d\d$/);
  });

  it('is told of a month before its end, while it still serves', () => {
    const end = Date.parse('2056-11-14T00:00:00Z');
    const days = (before: number): Date => new Date(end - before * 86_400_000);
    assert.deepEqual(found(shop, days(60)), []);
    assert.deepEqual(found(shop, days(20)), ['certificate-expires-soon (soon)']);
  });

  it('and a key that belongs to another are told of', () => {
    assert.deepEqual(found({ ...shop, key: otherKey() }, GOOD), ['key-unfit']);
  });

  it('or a key that cannot be read is told of, without a word of the key', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n';
    const findings = checkCertificate({ ...shop, key }, { now: GOOD, intermediates: [] });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['key-unreadable'],
    );
    assert.doesNotMatch(JSON.stringify(findings), /MARKER/);
    assert.deepEqual(found({ certificate: 'no certificate' }, GOOD), ['certificate-unreadable']);
  });

  it('is judged the same after any other', () => {
    const kinds = (['ed25519', 'rsa2048', 'p384', 'p256'] as const).map(kind =>
      issue({ keys: keysOf(kind, 0) }),
    );
    for (const one of kinds) {
      for (const other of kinds) {
        const findings = checkCertificate(
          { certificate: one.pem, key: other.keyPem },
          { now: NOW, intermediates: [] },
        );
        assert.deepEqual(
          findings.map(({ code }) => code),
          one === other ? [] : ['key-unfit'],
        );
      }
    }
  });

  it('costs little more than the signatures: a thousand with one issuer', () => {
    const issuer = issue({ commonName: 'Issuer', ca: true });
    const all = Array.from(
      { length: 1_000 },
      (_, serial) => issue({ serial, issuer, keys: keysOf('p256', 0) }).pem,
    );
    const started = cpuMs();
    for (const pem of all) assert.ok(new X509Certificate(pem).verify(issuer.x509.publicKey));
    const signatures = cpuMs() - started;
    for (const certificate of all)
      assert.deepEqual(checkCertificate({ certificate }, { now: NOW, intermediates: [issuer.x509] }), []);
    const checks = cpuMs() - started - signatures;
    process.stdout.write(`      CPU ${Math.round(checks)} ms, the signatures ${Math.round(signatures)} ms\n`);
    assert.ok(checks < 3 * signatures, `${checks} ms for the checks, ${signatures} ms for the signatures`);
  });
});
