import assert from 'node:assert/strict';
import { type CheckOptions, checkCertificate } from '../../certs/check.ts';
import {
  address,
  cpuMs,
  daysFromNow,
  directory,
  dns,
  extension,
  issue,
  keysOf,
  type Made,
  NOW,
  nameOf,
  type Wish,
} from './ca.ts';

const ROOT = issue({ commonName: 'Root', ca: true, usage: [5, 6] });
const MIDDLE = issue({ commonName: 'Middle', ca: true, usage: [5, 6], issuer: ROOT });
const LOW = issue({ commonName: 'Low', ca: true, usage: [5, 6], pathLength: 0, issuer: MIDDLE });
const SHOP = issue({ commonName: 'shop', names: ['www.site.example'], issuer: LOW });

function found(members: Made[], options: Partial<CheckOptions> = {}, key?: string): string[] {
  const record = {
    certificate: members.map(({ pem }) => pem).join(''),
    ...(key === undefined ? {} : { key }),
  };
  const findings = checkCertificate(record, { now: NOW, intermediates: [], ...options });
  return findings.map(({ code, fails }) => (fails ? code : `(${code})`));
}

/** Root, a CA as wished, and a certificate below it. */
function below(ca: Wish, leaf: Wish = {}): string[] {
  const made = issue({ commonName: 'CA', ca: true, issuer: ROOT, ...ca });
  return found([issue({ issuer: made, names: ['www.site.example'], ...leaf }), made, ROOT]);
}

describe('a chain', () => {
  it('of one to four certificates is good, in any order', () => {
    const self = issue({ commonName: 'self', names: ['self.site.example'] });
    assert.deepEqual(found([self], {}, self.keyPem), []);
    assert.deepEqual(found([issue({ issuer: ROOT }), ROOT]), []);
    assert.deepEqual(found([SHOP, LOW, MIDDLE, ROOT], {}, SHOP.keyPem), []);
    assert.deepEqual(found([SHOP, ROOT, LOW, MIDDLE], { roots: [ROOT.pem] }), []);
  });

  it('is completed by the intermediates of the unit and ends in a root that is trusted', () => {
    assert.deepEqual(found([SHOP], { intermediates: [MIDDLE.pem, LOW.pem, ROOT.pem] }), []);
    assert.deepEqual(found([SHOP], { intermediates: [MIDDLE.pem, LOW.x509], roots: [ROOT.x509] }), []);
    assert.deepEqual(
      found([SHOP], { intermediates: ['rubbish', `${MIDDLE.pem}${LOW.pem}`], roots: [ROOT.pem] }),
      [],
    );
    const other = issue({ commonName: 'Other', ca: true });
    assert.deepEqual(found([SHOP, LOW, MIDDLE, ROOT], { roots: [other.pem] }), ['root-unknown']);
  });

  it('without its root is only told of; without a link that is a warning, and a fault where roots are given', () => {
    assert.deepEqual(found([SHOP, LOW, MIDDLE]), ['(root-not-included)']);
    assert.deepEqual(found([SHOP]), ['(chain-incomplete)']);
    assert.deepEqual(found([SHOP, MIDDLE, ROOT]), ['(chain-incomplete)']);
    assert.deepEqual(found([SHOP, MIDDLE], { roots: [ROOT.pem] }), ['chain-incomplete']);
    assert.deepEqual(found([SHOP, LOW], { roots: [ROOT.pem] }), ['root-not-included']);
    assert.deepEqual(found([LOW], { use: 'intermediate' }), ['(root-not-included)']);
  });

  it('holds by signatures, not by names', () => {
    const namesake = issue({ commonName: 'Low', ca: true, keyIds: false });
    assert.deepEqual(found([SHOP, namesake]), ['signature-wrong']);
    assert.deepEqual(found([SHOP, namesake, LOW, MIDDLE, ROOT]), []);
    assert.deepEqual(found([issue({ issuer: LOW, forged: true }), LOW, MIDDLE, ROOT]), ['signature-wrong']);
  });

  it('needs CAs for issuers', () => {
    assert.deepEqual(below({ ca: false }), ['issuer-not-ca']);
    assert.deepEqual(below({ ca: true, usage: [0, 6] }), ['issuer-not-ca']);
    assert.deepEqual(below({ ca: true, usage: [5] }), []);
    const old = issue({ commonName: 'Old root', version: 1 });
    assert.deepEqual(found([issue({ issuer: old }), old]), []);
  });

  it('keeps the path length of every CA; a CA that certifies itself anew does not count', () => {
    const tight = issue({ commonName: 'Tight', ca: true, pathLength: 0 });
    const over = issue({ commonName: 'Over', ca: true, issuer: tight });
    assert.deepEqual(found([issue({ issuer: over }), over, tight]), ['path-too-long']);
    const again = issue({ commonName: 'Tight', ca: true, issuer: tight });
    assert.deepEqual(found([issue({ issuer: again }), again, tight]), []);
  });

  it('is as old as its oldest and as young as its youngest member', () => {
    assert.deepEqual(below({ to: daysFromNow(-1) }), ['issuer-expired']);
    assert.deepEqual(below({ from: daysFromNow(1) }), ['issuer-not-yet-valid']);
    assert.deepEqual(below({ to: daysFromNow(5) }), ['(issuer-expires-soon)']);
    assert.deepEqual(below({}, { to: daysFromNow(-1) }), ['certificate-expired']);
    assert.deepEqual(below({}, { to: NOW }), ['certificate-expired']);
    assert.deepEqual(below({}, { from: NOW }), []);
  });

  it('refuses weak keys and hashes, unless they are allowed; then it says so', () => {
    const weak = issue({ commonName: 'weak', keys: keysOf('rsa1024', 0), issuer: ROOT });
    assert.deepEqual(found([weak, ROOT]), ['weak-key']);
    assert.deepEqual(found([weak, ROOT], { allowWeak: true }), ['(weak-key)']);
    assert.deepEqual(found([issue({ kind: 'p224', issuer: ROOT }), ROOT]), ['weak-key']);
    const sha1 = issue({ issuer: ROOT, hash: 'sha1' });
    assert.deepEqual(found([sha1, ROOT]), ['weak-signature']);
    const [finding] = checkCertificate(
      { certificate: sha1.pem + ROOT.pem },
      { now: NOW, intermediates: [], allowWeak: true },
    );
    assert.equal(finding?.message, 'it is signed with SHA-1, which can be forged; that is allowed here');
    const rsa = issue({ commonName: 'RSA root', ca: true, keys: keysOf('rsa2048', 0) });
    assert.deepEqual(found([issue({ issuer: rsa, hash: 'md5' }), rsa]), ['weak-signature']);
    const oldRoot = issue({ commonName: 'SHA-1 root', ca: true, hash: 'sha1' });
    assert.deepEqual(found([issue({ issuer: oldRoot }), oldRoot]), []);
  });

  it('knows RSA, ECDSA and Ed25519 as keys and signatures', () => {
    for (const kind of ['p256', 'p384', 'p521', 'ed25519', 'rsa2048'] as const) {
      const ca = issue({ commonName: kind, ca: true, keys: keysOf(kind, 1), hash: 'sha384' });
      const leaf = issue({ issuer: ca, keys: keysOf(kind, 2) });
      assert.deepEqual(found([leaf, ca], {}, leaf.keyPem), [], kind);
      assert.deepEqual(found([leaf, ca], {}, ca.keyPem), ['key-unfit'], kind);
    }
  });

  it('keeps name constraints, for names, addresses and the subject', () => {
    const name = nameOf(['2.5.4.6', 'AT'], ['2.5.4.10', 'Site']);
    const permitted = [dns('site.example'), address(10, 0, 0, 0, 255, 0, 0, 0), directory(name)];
    const inside = nameOf(['2.5.4.6', 'at'], ['2.5.4.10', 'site '], ['2.5.4.3', 'www']);
    assert.deepEqual(below({ permitted }, { name: inside, addresses: [Buffer.of(10, 1, 2, 3)] }), []);
    assert.deepEqual(below({ permitted }, { name: inside, addresses: [Buffer.of(11, 1, 2, 3)] }), [
      'name-forbidden',
    ]);
    assert.deepEqual(below({ permitted }, { name: inside, names: ['www.else.example'] }), ['name-forbidden']);
    assert.deepEqual(below({ permitted }), ['name-forbidden']);
    assert.deepEqual(below({ excluded: [dns('site.example')] }), ['name-forbidden']);
    assert.deepEqual(below({ excluded: [dns('www.site.example')] }, { names: ['api.site.example'] }), []);
    const byCommonName = { commonName: 'www.else.example', names: [] };
    assert.deepEqual(below({ permitted: [dns('site.example')] }, byCommonName), ['name-forbidden']);
  });

  it('refuses critical extensions that nobody knows', () => {
    const odd = extension('1.2.3.4', Buffer.of(5, 0), true);
    assert.deepEqual(below({}, { extra: [odd] }), ['critical-unknown']);
    assert.deepEqual(below({ extra: [odd] }), ['critical-unknown']);
    assert.deepEqual(below({ extra: [extension('1.2.3.4', Buffer.of(5, 0))] }), []);
  });

  it('that is cross-signed needs one good way', () => {
    const old = issue({ commonName: 'Old root', ca: true, to: daysFromNow(-1) });
    const crossed = issue({ commonName: 'Root', ca: true, issuer: old, keys: ROOT });
    for (const members of [
      [crossed, old, ROOT],
      [ROOT, old, crossed],
      [old, ROOT, crossed],
    ])
      assert.deepEqual(found([SHOP, LOW, MIDDLE, ...members]), []);
    assert.deepEqual(found([SHOP, LOW, MIDDLE, crossed, old]), ['issuer-expired']);
    assert.deepEqual(found([SHOP, LOW, MIDDLE, crossed, old], { roots: [ROOT.pem] }), []);
  });

  it('that goes in circles, or has a thousand ways, is judged in bounded time', () => {
    const [one, two] = [keysOf('p256', 10), keysOf('p256', 11)];
    const wish = { ca: true, keyIds: false } as const;
    const first = issue({ ...wish, commonName: 'one', keys: one });
    const second = issue({ ...wish, commonName: 'two', keys: two });
    const ring = [
      issue({ ...wish, commonName: 'one', keys: one, issuer: second }),
      issue({ ...wish, commonName: 'two', keys: two, issuer: first }),
    ];
    assert.deepEqual(found([issue({ issuer: first, keyIds: false }), ...ring]), ['(root-not-included)']);
    const many = Array.from({ length: 60 }, (_, serial) =>
      issue({
        ...wish,
        commonName: serial % 2 === 0 ? 'one' : 'two',
        keys: serial % 2 === 0 ? one : two,
        issuer: serial % 2 === 0 ? second : first,
        serial,
      }),
    );
    const start = cpuMs();
    found([issue({ issuer: first, keyIds: false }), ...many]);
    assert.ok(cpuMs() - start < 3_000);
  });
});
