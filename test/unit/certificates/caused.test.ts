import assert from 'node:assert/strict';
import { readX509 } from '../../../certs/x509.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { causedBy, type Untouched } from '../../../unit/certificates/caused.ts';
import { type HeldCertificate, readHeld } from '../../../unit/certificates/registry.ts';
import { daysFromNow, issue, type Made, NOW, type Wish } from '../../certs/ca.ts';

const ROOT = issue({ commonName: 'Root', ca: true });
const LOW = issue({ commonName: 'Low', ca: true, issuer: ROOT });
const make = (wish: Wish = {}): Made =>
  issue({ names: ['shop.example'], issuer: LOW, to: daysFromNow(90), ...wish });
const record = ({ pem, keyPem }: Made, chain = LOW.pem): JsonObject => ({
  certificate: pem + chain,
  key: keyPem,
});
const SHOP = 'certificates/shop';
const SERVICE = 'virtualServices/tcp:10.1.0.1:443';
const BELOW = `${SERVICE}/subVirtualServices/1`;

/** `is` and `was`: records that the change touches; `others`: those that it does not. */
async function caused(
  is: Record<string, JsonObject | undefined>,
  was: Record<string, JsonObject> = {},
  others: Record<string, JsonObject> = {},
  above: Made[] = [],
): Promise<string[]> {
  const asked: string[] = [];
  const held = (path: string): HeldCertificate | undefined => {
    asked.push(path);
    return others[path] && readHeld(path, others[path]);
  };
  const untouched: Untouched = {
    now: NOW,
    held,
    read: async path => others[path],
    verdict: () => [],
    intermediates: () => above.map(({ pem }) => readX509(pem)),
  };
  const steps = Object.entries(is).map(([path, after]) => ({ path, before: was[path], after }));
  const found = await causedBy(steps, untouched);
  assert.ok(asked.length <= 60, 'it looks at what was touched, and at what that names');
  return found.map(({ code, path }) => `${code} ${path}`);
}

describe('what a change brings about', () => {
  it('nothing, when the certificate serves', async () => {
    assert.deepEqual(await caused({ [SHOP]: record(make()) }), []);
  });

  const poor: [string, () => JsonObject, string][] = [
    ['is due soon', () => record(make({ to: daysFromNow(3) })), 'certificate-expires-soon'],
    ['has expired', () => record(make({ to: daysFromNow(-1) })), 'certificate-expired'],
    ['is not valid yet', () => record(make({ from: daysFromNow(1) })), 'certificate-not-yet-valid'],
    ['has no key', () => ({ certificate: make().pem + LOW.pem }), 'certificate-without-key'],
    ['has the key of another one', () => ({ ...record(make()), key: make().keyPem }), 'key-unfit'],
    ['is for clients alone', () => record(make({ purposes: ['1.3.6.1.5.5.7.3.2'] })), 'not-for-servers'],
    ['lacks its intermediate', () => record(make(), ''), 'chain-incomplete'],
    [
      'says its hosts in its common name alone',
      () => record(make({ names: [], commonName: 'shop.example' })),
      'name-in-common-name',
    ],
  ];
  for (const [what, value, code] of poor)
    it(`a certificate that ${what} is told at once`, async () => {
      const found = await caused({ [SHOP]: value() });
      assert.ok(found.includes(`${code} ${SHOP}`), found.join());
    });

  it('an intermediate that the unit holds completes a chain', async () => {
    assert.deepEqual(await caused({ [SHOP]: record(make(), '') }, {}, {}, [LOW]), []);
  });

  it('only what was not so before', async () => {
    const due = record(make({ to: daysFromNow(3) }));
    assert.deepEqual(await caused({ [SHOP]: { ...due, comment: 'x' } }, { [SHOP]: due }), []);
    const bare = { certificate: due.certificate as string };
    assert.deepEqual(await caused({ [SHOP]: bare }, { [SHOP]: due }), [`certificate-without-key ${SHOP}`]);
    assert.deepEqual(await caused({ [SHOP]: undefined }, { [SHOP]: due }), []);
  });

  it('a service is told of the certificates that it names from now on, and of hosts that they are not for', async () => {
    const others = { [SHOP]: record(make({ to: daysFromNow(3) })) };
    const shows = { certificates: ['shop'] };
    assert.deepEqual(await caused({ [SERVICE]: shows }, { [SERVICE]: {} }, others), [
      `certificate-expires-soon ${SERVICE}`,
    ]);
    const other = { ...shows, allowedHosts: ['other.example'] };
    assert.deepEqual(await caused({ [SERVICE]: other }, { [SERVICE]: shows }, others), [
      `certificate-host-names ${SERVICE}`,
    ]);
    assert.deepEqual(
      await caused({ [SERVICE]: { ...other, nickname: 'x' } }, { [SERVICE]: other }, others),
      [],
    );
  });

  it('a service below another one shows the certificates of that', async () => {
    const others = { [SHOP]: record(make()), [SERVICE]: { certificates: ['shop'] } };
    const found = await caused({ [BELOW]: { allowedHosts: ['other.example'] } }, {}, others);
    assert.deepEqual(found, [`certificate-host-names ${BELOW}`]);
  });

  it('a certificate and its service in one change are told once', async () => {
    const is = { [SHOP]: record(make({ to: daysFromNow(3) })), [SERVICE]: { certificates: ['shop'] } };
    assert.deepEqual(await caused(is), [`certificate-expires-soon ${SHOP}`]);
  });

  it('a change of thousands of services costs no more than one of a few', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [
        `virtualServices/tcp:10.1.${index >> 8}.${index & 255}:443`,
        { certificates: ['shop'] },
      ]),
    );
    const found = await caused(many, {}, { [SHOP]: record(make({ to: daysFromNow(3) })) });
    assert.equal(found.length, 20);
  });
});
