import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CertificateFinding } from '../../../certs/finding.ts';
import { LockstepError } from '../../../schema/error.ts';
import { hashOf, hashOfBefore } from '../../../unit/certificates/drop-hash.ts';
import { findingsOf, problemsOf } from '../../../unit/certificates/findings.ts';
import { hostsOf, hostTrouble } from '../../../unit/certificates/hosts.ts';
import { CertificateJudge } from '../../../unit/certificates/judge.ts';
import { candidateOf, newerHere } from '../../../unit/certificates/newer.ts';
import { certificatePath } from '../../../unit/certificates/record-path.ts';
import { inUse, judged, refused } from '../../../unit/certificates/refusals.ts';
import { CertificateRegistry, readHeld } from '../../../unit/certificates/registry.ts';
import { certificateProblems, hostProblems, serviceProblem } from '../../../unit/certificates/warnings.ts';
import { unitWith } from '../../backup/restorer.ts';
import { daysFromNow, issue, NOW, type Wish } from '../../certs/ca.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';

const SHOP = 'certificates/shop';
const codes = (problems: { code: string }[]): string[] => problems.map(({ code }) => code);

function value(wish: Wish = {}): { certificate: string; key: string } {
  const { pem, keyPem } = issue({ names: ['shop.example'], ...wish });
  return { certificate: pem, key: keyPem };
}

function caught(act: () => unknown): LockstepError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof LockstepError);
    return error;
  }
  return assert.fail('nothing is thrown');
}

describe('the place of a certificate', () => {
  it('follows from its kind and its name; the web certificate needs none', () => {
    assert.equal(certificatePath({ name: 'shop', kind: 'certificate' }), SHOP);
    assert.equal(certificatePath({ name: 'ca', kind: 'intermediate' }), 'intermediates/ca');
    assert.equal(certificatePath({ kind: 'web' }), 'webCertificate');
    assert.equal(caught(() => certificatePath({ kind: 'certificate' })).code, 'bad-usage');
  });

  it('is inside its collection, whatever the name is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 0, maxLength: 300, unit: 'grapheme-ascii' }), name => {
        try {
          const path = certificatePath({ name, kind: 'certificate' });
          assert.match(path, /^certificates\/[\w.-]{1,251}$/);
          assert.ok(!path.endsWith('/.') && !path.endsWith('/..'));
        } catch (error) {
          assert.ok(error instanceof LockstepError && error.code === 'bad-id');
          assert.ok(String(error.facts.name).length <= 61);
        }
      }),
    );
    for (const name of ['.', '..', 'a/b', '']) assert.equal(certificatePathCode(name), 'bad-id');
  });
});

const certificatePathCode = (name: string): string =>
  caught(() => certificatePath({ name, kind: 'certificate' })).code;

describe('what is said against a certificate', () => {
  const fault = (code: CertificateFinding['code'], until?: Date): CertificateFinding =>
    ({ code, message: `${code}.`, fails: true, ...(until && { until }) }) as CertificateFinding;

  it('is a warning while nothing fails, and a refusal that names all of it otherwise', () => {
    const weak = { ...fault('weak-key'), fails: false };
    assert.deepEqual(judged(SHOP, [weak]), [{ code: 'weak-key', path: SHOP, message: 'weak-key.' }]);
    const error = caught(() => judged(SHOP, [fault('certificate-expired'), weak, fault('weak-key')]));
    assert.equal(error.code, 'certificate-refused');
    assert.equal(error.message, `${SHOP}: certificate-expired (and 1 more).`);
    assert.equal(error.facts.until, undefined);
  });

  it('passes by itself only when all of it does: then it is said when', () => {
    const [soon, later] = [daysFromNow(1), daysFromNow(2)];
    const both = [fault('certificate-not-yet-valid', soon), fault('certificate-not-yet-valid', later)];
    assert.equal(caught(() => judged(SHOP, both)).facts.until, later.toISOString());
    const forGood = [...both, fault('weak-key')];
    assert.equal(caught(() => judged(SHOP, forGood)).facts.until, undefined);
  });

  it('names --allow-weak only where that helps', () => {
    const problem = (code: string) => ({ code, path: SHOP, message: 'm', hint: 'other' });
    assert.match(refused(SHOP, [problem('weak-key'), problem('weak-hash')]).hint ?? '', /--allow-weak/);
    assert.equal(refused(SHOP, [problem('weak-key'), problem('chain-order')]).hint, 'other');
  });

  it('names twenty of those who use it, and counts all', () => {
    const users = Array.from({ length: 25 }, (_, index) => `virtualServices/${index}`);
    const error = inUse(SHOP, users);
    assert.match(error.message, /virtualServices\/19 and 5 more\.$/);
    assert.deepEqual([(error.facts.users as string[]).length, error.facts.count], [20, 25]);
  });

  it('says what to do, and leaves out what nobody has to do anything about', () => {
    const [found] = problemsOf(SHOP, [fault('not-for-servers')]);
    assert.match(found?.hint ?? '', /serverAuth/);
    assert.deepEqual([found?.path, found?.fails], [SHOP, true]);
  });
});

describe('the days of a certificate', () => {
  const problems = (wish: Wish, now = NOW) =>
    certificateProblems(readHeld(SHOP, value(wish)), now).map(({ code, fails }) => `${code} ${fails}`);

  it('are told before they are over, and make it fail afterwards', () => {
    const wish = { from: daysFromNow(-1), to: daysFromNow(40) };
    assert.deepEqual(problems(wish), []);
    assert.deepEqual(problems(wish, daysFromNow(20)), ['certificate-expires-soon false']);
    assert.deepEqual(problems(wish, daysFromNow(40)), ['certificate-expired true']);
    assert.deepEqual(problems(wish, daysFromNow(-2)), ['certificate-not-yet-valid true']);
  });

  it('are told with the command that replaces it', () => {
    const hint = (path: string, wish: Wish = {}) =>
      certificateProblems(readHeld(path, value({ to: daysFromNow(1.5), ...wish })), NOW)[0]?.hint ?? '';
    assert.match(hint(SHOP), /lockstep certs add shop FILE… --replace$/);
    assert.match(hint('intermediates/ca', { ca: true }), /--intermediate$/);
    assert.match(hint('webCertificate'), /--web FILE… --replace$/);
  });

  it('do not matter where it cannot be read, or nobody can serve it without its key', () => {
    const broken = readHeld(SHOP, { certificate: 'no certificate', key: 'none' });
    assert.deepEqual(codes(certificateProblems(broken, NOW)), ['certificate-unreadable']);
    const { certificate } = value({ to: daysFromNow(400) });
    assert.deepEqual(codes(certificateProblems(readHeld(SHOP, { certificate }), NOW)), [
      'certificate-without-key',
    ]);
    assert.deepEqual(certificateProblems(readHeld('intermediates/ca', { certificate }), NOW), []);
  });

  it('reach the Virtual Service that shows it', () => {
    const held = readHeld(SHOP, value({ to: daysFromNow(-1), from: daysFromNow(-9) }));
    const [problem] = certificateProblems(held, NOW);
    assert.ok(problem);
    const told = serviceProblem('virtualServices/tcp:10.0.0.1:443', held, problem);
    assert.equal(told.path, 'virtualServices/tcp:10.0.0.1:443');
    assert.match(told.message, /^it shows certificate shop: it expired on /);
  });

  it('are told once, though the check of the chain finds them too', () => {
    const made = value({ from: daysFromNow(-9), to: daysFromNow(-1) });
    const found = codes(findingsOf(readHeld(SHOP, made), made, [], NOW));
    assert.equal(found.filter(code => code === 'certificate-expired').length, 1);
    assert.equal(new Set(found).size, found.length);
  });
});

describe('the hosts of a Virtual Service', () => {
  it('are those that say something: without ports, once, and no pattern for any host', () => {
    const allowedHosts = ['Shop.example:443', 'shop.example', '*.shop.example', 'w*.shop.example', '*', ''];
    assert.deepEqual(hostsOf({ allowedHosts }), ['shop.example', '*.shop.example']);
    assert.deepEqual(hostsOf({ allowedHosts: ['[::1]:443', '::2'] }), ['::1', '::2']);
    assert.deepEqual(hostsOf({}), []);
  });

  it('are trouble where no certificate is for them, or only by its common name', () => {
    const shown = [issue({ names: ['shop.example'] }).x509, issue({ commonName: 'old.example' }).x509];
    assert.equal(hostTrouble(['shop.example'], shown), undefined);
    assert.deepEqual(hostTrouble(['shop.example', 'old.example', 'other.example'], shown), {
      hosts: ['other.example'],
      byCommonName: ['old.example'],
    });
  });

  it('are told by three, and how many more there are', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e'];
    const trouble = { path: 'virtualServices/x', certificates: ['shop', 'old'], hosts, byCommonName: ['f'] };
    assert.deepEqual(
      hostProblems(trouble).map(({ code, message }) => `${code}: ${message}`),
      [
        'certificate-host-names: its certificates shop, old are not for a, b, c and 2 more',
        'certificate-common-name: its certificates shop, old name f as common name only, which clients do not look at',
      ],
    );
    assert.deepEqual(hostProblems({ ...trouble, hosts: [], byCommonName: [] }), []);
  });
});

describe('of a certificate that is here and one of a bundle', () => {
  const bundleAt = daysFromNow(0);
  const older = value({ from: daysFromNow(-100), to: daysFromNow(100) });
  const newer = value({ from: daysFromNow(-10), to: daysFromNow(190) });

  /** `put`: when the one here was put there. */
  async function judge(here: object, bundle: object, put?: Date, path = SHOP): Promise<string> {
    const revision = { at: put?.toISOString() };
    const traces = async () => new Map(put === undefined ? [] : [[path, { revision }]]);
    const compare = newerHere({ traces } as never, bundleAt, daysFromNow(10));
    return (await compare(here as never, bundle as never, path)).newer;
  }

  it('the one that was issued later is newer', async () => {
    assert.equal(await judge(newer, older), 'here');
    assert.equal(await judge(older, newer), 'bundle');
    assert.equal(await judge(older, older), 'neither');
  });

  it('what cannot be read is never newer', async () => {
    const broken = { certificate: 'no certificate' };
    assert.equal(await judge(broken, older), 'bundle');
    assert.equal(await judge(older, broken), 'here');
    assert.equal(await judge(broken, broken), 'neither');
    assert.equal(candidateOf(broken, NOW, undefined), undefined);
  });

  it('one that does not serve is not the newer one, but an intermediate goes by its days', async () => {
    const fit = value({ from: daysFromNow(-9), to: daysFromNow(100) });
    const unfit = value({ from: daysFromNow(-5), to: daysFromNow(100), purposes: ['1.3.6.1.5.5.7.3.2'] });
    assert.equal(await judge(unfit, fit), 'bundle');
    assert.equal(await judge(unfit, fit, undefined, 'intermediates/ca'), 'here');
  });

  it('what was put here after the bundle was made was put last', async () => {
    const shorter = value({ from: daysFromNow(-10), to: daysFromNow(90) });
    assert.equal(await judge(shorter, older, daysFromNow(1)), 'here');
    assert.equal(await judge(shorter, older), 'bundle');
  });
});

describe('files in certs.d', () => {
  const file = (name: string, text = name) => ({ name, bytes: Buffer.from(text) });
  const files = fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 })), {
    maxLength: 4,
  });

  it('are the same only with the same names and the same content', () => {
    fc.assert(
      fc.property(files, files, (one, other) => {
        const [a, b] = [one, other].map(all =>
          all.map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) })),
        );
        assert.equal(
          hashOf(a as never) === hashOf(b as never),
          JSON.stringify(one) === JSON.stringify(other),
        );
      }),
    );
  });

  it('are known from release 0.1.0: the chain whole or in parts, the key, and what lies at the top', () => {
    const known = (...all: ReturnType<typeof file>[]): string => hashOfBefore('shop', all);
    const [whole, key] = [file('shop/fullchain.pem'), file('shop/privkey.pem')];
    const parts = [file('shop/cert.pem'), file('shop/chain.pem')];
    assert.equal(known(...parts, key, whole, file('shop/README')), hashOf([whole, key]));
    assert.equal(known(...parts, key), hashOf([...parts, key]));
    const [crt, pfx] = [file('shop.crt'), file('shop.pfx')];
    assert.equal(known(pfx, file('shop.txt'), crt, file('shopping.crt')), hashOf([crt, pfx]));
  });
});

describe('the judge of the certificates', () => {
  it('finds what would not be taken in today, on the active unit, and again when an issuer comes', async () => {
    const root = issue({ commonName: 'root', ca: true, usage: [5] });
    const sub = issue({ commonName: 'sub', ca: true, usage: [5], issuer: root });
    const leaf = issue({ names: ['shop.example'], issuer: sub, purposes: ['1.3.6.1.5.5.7.3.1'], usage: [0] });
    const store = await unitWith({ [SHOP]: { certificate: leaf.pem, key: leaf.keyPem } });
    const registry = new CertificateRegistry({
      store,
      timers: new ManualTimers(),
      onChanged: () => undefined,
      failed: error => assert.fail(String(error)),
    });
    registry.start();
    const judge = new CertificateJudge(store, registry);
    const look = async (days = 0): Promise<string[]> => {
      await judge.catchUp(daysFromNow(days), () => false);
      return codes(judge.at(SHOP));
    };
    try {
      await judge.catchUp(NOW, () => true);
      assert.deepEqual(judge.at(SHOP), [], 'it gives up when it is told to');
      assert.deepEqual(await look(), ['chain-incomplete']);
      const put = { op: 'put' as const, path: 'intermediates/sub', value: { certificate: sub.pem } };
      await store.commit({ changes: [put], kind: 'change', author: 'ada', reason: 'r' });
      assert.deepEqual(await look(), ['chain-incomplete'], 'nothing is due yet');
      judge.touched(['intermediates/sub']);
      assert.deepEqual(await look(), []);
      await store.setRole('standby', 2);
      judge.roleChanged();
      assert.deepEqual(await look(), []);
    } finally {
      await registry.stop();
      await store.close();
    }
  });
});
