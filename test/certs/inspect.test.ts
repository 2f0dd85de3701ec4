import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CertificateRecord, inspectCertificate } from '../../certs/inspect.ts';

/** The certificate of the example site; valid for 30 years from November 2026. */
const { shop } = JSON.parse(readFileSync('examples/site/site.json', 'utf8')).certificates as {
  shop: Required<CertificateRecord>;
};
const GOOD = new Date('2040-01-01T00:00:00Z');

const found = (record: CertificateRecord, at: Date | string): string[] =>
  inspectCertificate(record, new Date(at)).map(({ code, fails }) => `${code}${fails ? '' : ' (soon)'}`);

function otherKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('a certificate', () => {
  it('with its own key, in its time, has no fault', () => {
    assert.deepEqual(inspectCertificate(shop, GOOD), []);
    assert.deepEqual(inspectCertificate({ certificate: shop.certificate }, GOOD), []);
    assert.deepEqual(found({ ...shop, certificate: `${shop.certificate}${shop.certificate}` }, GOOD), []);
  });

  it('out of its time is told with the day', () => {
    assert.deepEqual(found(shop, '2020-01-01'), ['certificate-not-yet-valid']);
    const [finding] = inspectCertificate(shop, new Date('2060-01-01'));
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
    const findings = inspectCertificate({ ...shop, key }, GOOD);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['key-unreadable'],
    );
    assert.doesNotMatch(JSON.stringify(findings), /MARKER/);
    assert.deepEqual(found({ certificate: 'no certificate' }, GOOD), ['certificate-unreadable']);
  });
});
