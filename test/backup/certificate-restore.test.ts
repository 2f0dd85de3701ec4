import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { Bundle } from '../../backup/bundle.ts';
import type { Whose } from '../../backup/guards.ts';
import { planRestore } from '../../backup/plan.ts';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import { kindNamed } from '../schema/records-of.ts';
import { bundleOf, type ManifestFacts } from './bundle-in-memory.ts';
import { made } from './made-certificates.ts';
import { type AskedCertificates, contentOf, Restorer, unitWith } from './restorer.ts';
import { catalog } from './site.ts';

type Records = Record<string, JsonObject>;

const OLD = made('shop.example', '2025-01-01');
const NEW = made('shop.example', '2026-01-01');
const WWW = made('www.example');
const ISSUING = { certificate: made('issuing.example').certificate };
const SERVICE = 'virtualServices/tcp:10.20.0.100:443';
const service = (...certificates: string[]): JsonObject => ({
  protocol: 'tcp',
  address: '10.20.0.100',
  port: 443,
  certificates,
});
const fingerprint = ({ certificate }: { certificate: string }): string =>
  new X509Certificate(certificate).fingerprint256;

function configuration(records: Records, facts: ManifestFacts = {}): Bundle {
  const all = Object.entries(records).map(([path, value]) => ({ path, value }));
  return bundleOf(catalog, all, facts);
}

function bundle(records: Records): Bundle {
  return configuration(records, { kind: 'certificates', withKeys: true });
}

const ALL = { 'certificates/shop': NEW, 'certificates/www': WWW, 'intermediates/issuing': ISSUING };

describe('a restore of certificates', () => {
  let restorer: Restorer;
  before(() => {
    restorer = new Restorer();
  });
  after(() => restorer.close());

  async function refusal(
    here: Records,
    from: Bundle,
    select: string[],
    asked: AskedCertificates = {},
  ): Promise<LockstepError> {
    const unit = await unitWith(here);
    const before = { ...unit.head };
    const error: LockstepError = await restorer.restoreCertificates(unit, from, select, asked).then(
      () => assert.fail('it was not refused'),
      thrown => thrown,
    );
    assert.deepEqual([await contentOf(unit), unit.head], [here, before]);
    assert.ok(error.hint, 'a refusal says what to do');
    assert.doesNotMatch(JSON.stringify(error), /PRIVATE KEY/);
    return error;
  }

  it('takes all, those of Virtual Services, intermediates alone, or the ones that are named', async () => {
    const everything = Object.keys(ALL);
    for (const [select, expected] of [
      [['full'], everything],
      [['vs'], ['certificates/shop', 'certificates/www']],
      [['third'], ['intermediates/issuing']],
      [['www'], ['certificates/www']],
      [
        ['issuing', 'certificates/shop'],
        ['certificates/shop', 'intermediates/issuing'],
      ],
    ] as const) {
      const unit = await unitWith();
      const answer = await restorer.restoreCertificates(unit, bundle(ALL), [...select]);
      assert.deepEqual(Object.keys(await contentOf(unit)).sort(), [...expected].sort());
      assert.deepEqual(
        answer.certificates.map(({ path, action }) => [path, action]),
        expected.map(path => [path, 'add']),
      );
    }
  });

  it('tells a certificate that is called like a group from the group', async () => {
    const unit = await unitWith();
    await restorer.restoreCertificates(unit, bundle({ ...ALL, 'certificates/third': WWW }), [
      'certificates/third',
    ]);
    assert.deepEqual(Object.keys(await contentOf(unit)), ['certificates/third']);
    const usage = [[], ['full', 'vs'], ['third', 'shop']];
    for (const select of usage) assert.equal((await refusal({}, bundle(ALL), select)).code, 'bad-usage');
  });

  it('is refused for a name that the bundle does not hold, and for a bundle of the configuration', async () => {
    const error = await refusal({}, bundle(ALL), ['shop', 'nobody', 'certificates/issuing']);
    assert.equal(error.code, 'restore-no-certificate');
    assert.deepEqual(error.facts.absent, ['nobody', 'certificates/issuing']);
    assert.deepEqual(error.facts.held, Object.keys(ALL));
    assert.equal((await refusal({}, configuration(ALL), ['full'])).code, 'restore-configuration');
  });

  it('is refused whole for a key that does not fit, and takes the others by name', async () => {
    const from = bundle({ ...ALL, 'certificates/shop': { ...NEW, key: WWW.key } });
    const error = await refusal({}, from, ['full']);
    assert.equal(error.code, 'restore-key-unfit');
    assert.match(error.message, /certificates\/shop: its private key belongs to another certificate/);
    const unit = await unitWith();
    await restorer.restoreCertificates(unit, from, ['www', 'issuing']);
    assert.equal((await unit.read('certificates/www'))?.key, WWW.key);
  });

  it('of a record that the schema refuses is refused', async () => {
    const from = bundle({ 'certificates/shop': { ...NEW, colour: 'red' } });
    assert.equal((await refusal({}, from, ['full'])).code, 'restore-invalid');
    const crafted: Bundle = {
      ...bundle(ALL),
      async *records() {
        yield { path: 'hosts/evil', value: { address: '10.6.6.6' } };
      },
    };
    assert.equal((await refusal({}, crafted, ['full'])).code, 'damaged-bundle');
  });

  it('over another certificate of the same name shows which is newer, and does not decide by itself', async () => {
    const here = { 'certificates/shop': OLD };
    const unit = await unitWith(here);
    const plan = await restorer.restoreCertificates(unit, bundle(ALL), ['vs'], { dryRun: true });
    assert.deepEqual(await contentOf(unit), here);
    assert.deepEqual(plan.counts, { added: 1, changed: 0, removed: 0 });
    const [shop] = plan.certificates;
    assert.equal(shop?.action, 'undecided');
    assert.equal(shop?.other?.newer, 'bundle');
    assert.deepEqual(
      [shop?.bundle.fingerprint, shop?.other?.fingerprint],
      [fingerprint(NEW), fingerprint(OLD)],
    );
    assert.match(String(shop?.other?.notAfter), /^2026-01-01T/);
    const error = await refusal(here, bundle(ALL), ['vs']);
    assert.equal(error.code, 'certificates-differ');
    assert.match(error.message, /certificates\/shop \(newer in the bundle\)/);
    assert.match(String(error.hint), /--newer.*--replace.*--keep/);
  });

  it('takes the newer one, the one of the bundle or the one that is here, as it is told', async () => {
    const key = async (here: JsonObject, given: JsonObject, others: 'newer' | 'replace' | 'keep') => {
      const unit = await unitWith({ 'certificates/shop': here });
      const from = bundle({ 'certificates/shop': given });
      const { certificates } = await restorer.restoreCertificates(unit, from, ['full'], { others });
      return [certificates[0]?.action, (await unit.read('certificates/shop'))?.key];
    };
    assert.deepEqual(await key(OLD, NEW, 'newer'), ['change', NEW.key]);
    assert.deepEqual(await key(NEW, OLD, 'newer'), ['keep', NEW.key]);
    assert.deepEqual(await key(NEW, OLD, 'replace'), ['change', OLD.key]);
    assert.deepEqual(await key(OLD, NEW, 'keep'), ['keep', OLD.key]);
  });

  it('takes neither a placeholder of a day for newer than a backdated one, nor what clients refuse', async () => {
    const now = new Date('2026-03-01T12:00:00Z');
    const placeholder = made('shop.example', '2026-03-01T10:00:00Z', 1);
    const backdated = made('shop.example', '2026-02-25', 90);
    const ahead = made('shop.example', '2035-01-01', 90);
    const newer = async (here: JsonObject, given: JsonObject) => {
      const unit = await unitWith({ 'certificates/shop': here });
      const from = bundle({ 'certificates/shop': given });
      const plan = await restorer.restoreCertificates(unit, from, ['full'], { others: 'newer', now });
      const { other, action } = plan.certificates[0] ?? {};
      return [action, other?.newer, other?.because];
    };
    const brief = 'the other one is valid for two days at most, as a placeholder is';
    assert.deepEqual(await newer(placeholder, backdated), ['change', 'bundle', brief]);
    assert.deepEqual(await newer(backdated, placeholder), ['keep', 'here', brief]);
    const good = 'it is good today, and the other one is not';
    assert.deepEqual(await newer(ahead, backdated), ['change', 'bundle', good]);
    assert.deepEqual(
      await newer(backdated, { ...placeholder, key: ahead.key as string }).catch(({ code }) => code),
      'restore-key-unfit',
    );
  });

  it('of two that were issued in the same second takes the one that lasts longer', async () => {
    const longer = made('shop.example', '2025-01-01', 500);
    const unit = await unitWith({ 'certificates/shop': OLD });
    await restorer.restoreCertificates(unit, bundle({ 'certificates/shop': longer }), ['full'], {
      others: 'newer',
    });
    assert.equal((await unit.read('certificates/shop'))?.key, longer.key);
    const same = made('shop.example', '2025-01-01', 500);
    const { certificates } = await restorer.restoreCertificates(
      unit,
      bundle({ 'certificates/shop': same }),
      ['full'],
      { others: 'newer' },
    );
    assert.deepEqual([certificates[0]?.action, certificates[0]?.other?.newer], ['keep', 'neither']);
  });

  it('gives a certificate that is here its key, and leaves a key that only the unit has', async () => {
    const { certificate } = NEW;
    const unit = await unitWith({ 'certificates/shop': { certificate }, 'certificates/www': WWW });
    const from = bundle({ 'certificates/shop': NEW, 'certificates/www': { certificate: WWW.certificate } });
    const { certificates, counts } = await restorer.restoreCertificates(unit, from, ['full']);
    assert.deepEqual(
      certificates.map(({ action }) => action),
      ['change', 'same'],
    );
    assert.deepEqual(counts, { added: 0, changed: 1, removed: 0 });
    assert.deepEqual(await contentOf(unit), { 'certificates/shop': NEW, 'certificates/www': WWW });
  });

  it('removes nothing, and says what stays', async () => {
    const unit = await unitWith({ 'certificates/own': OLD, 'intermediates/own': ISSUING });
    const { staying } = await restorer.restoreCertificates(unit, bundle(ALL), ['vs']);
    assert.deepEqual(staying, { paths: ['certificates/own'], count: 1 });
    const named = await restorer.restoreCertificates(unit, bundle(ALL), ['issuing']);
    assert.deepEqual(named.staying, { paths: [], count: 0 });
    assert.deepEqual(await unit.read('certificates/own'), OLD);
  });

  it('is one revision that leaves the unit a source, and a rollback undoes it', async () => {
    const unit = await unitWith({ 'certificates/shop': OLD });
    const { revision } = await restorer.restoreCertificates(unit, bundle(ALL), ['full'], {
      others: 'replace',
    });
    assert.equal(revision, 2);
    assert.deepEqual([unit.head.unconfirmed, (await unit.revision(2))?.kind], [undefined, 'restore']);
    assert.match(String((await unit.revision(2))?.reason), /^restore certificates \(full\) of lb-old/);
    const again = await restorer.restoreCertificates(unit, bundle(ALL), ['full']);
    assert.deepEqual([again.revision, again.changes], [2, []]);
    await unit.rollback(1, { author: 'ada', reason: 'undo' });
    assert.deepEqual(await contentOf(unit), { 'certificates/shop': OLD });
  });

  it('on a standby is refused like any shared change', async () => {
    const unit = await unitWith();
    await unit.setRole('standby', 1);
    await assert.rejects(restorer.restoreCertificates(unit, bundle(ALL), ['full']), { code: 'not-active' });
  });

  it('that was planned on another revision is refused', async () => {
    assert.equal((await refusal({ host: {} }, bundle(ALL), ['full'], { expected: 0 })).code, 'conflict');
  });

  it('names the Virtual Services whose certificate has no key, neither here nor in the bundle', async () => {
    const here = {
      'certificates/shop': { certificate: NEW.certificate },
      'certificates/www': { certificate: WWW.certificate },
      'certificates/unused': { certificate: OLD.certificate },
      [SERVICE]: service('shop', 'www'),
    };
    const unit = await unitWith(here);
    const from = bundle({ 'certificates/shop': NEW });
    const expected = {
      services: [{ path: SERVICE, certificate: 'certificates/www', fingerprint: fingerprint(WWW) }],
      count: 1,
    };
    for (const dryRun of [true, false])
      assert.deepEqual(
        (await restorer.restoreCertificates(unit, from, ['full'], { dryRun })).unserved,
        expected,
      );
  });

  it('shows no key in its plan', async () => {
    const unit = await unitWith({ 'certificates/shop': OLD });
    const plan = await restorer.restoreCertificates(unit, bundle(ALL), ['full'], {
      dryRun: true,
      others: 'replace',
    });
    assert.equal(plan.changes.length, 3);
    assert.doesNotMatch(JSON.stringify(plan), /PRIVATE KEY/);
  });
});

describe('a restore of a configuration whose keys were left out', () => {
  let restorer: Restorer;
  before(() => {
    restorer = new Restorer();
  });
  after(() => restorer.close());

  it('works, and names the certificates and the Virtual Services that wait for keys, in the plan and after', async () => {
    const from = configuration(
      {
        'certificates/shop': { certificate: NEW.certificate },
        'certificates/www': { certificate: WWW.certificate },
        [SERVICE]: service('shop', 'www'),
      },
      {
        withKeys: false,
        keysLeftOut: [
          { path: 'certificates/shop', fingerprint: fingerprint(NEW) },
          { path: 'certificates/www', fingerprint: fingerprint(WWW) },
        ],
      },
    );
    // The same certificate is here with its key, and a Virtual Service that goes shows one without.
    const unit = await unitWith({
      'certificates/www': WWW,
      'certificates/gone': { certificate: OLD.certificate },
      'virtualServices/tcp:10.20.0.200:443': { ...service('gone'), address: '10.20.0.200' },
    });
    for (const dryRun of [true, false]) {
      const answer = await restorer.restore(unit, from, { dryRun });
      assert.deepEqual(answer.missingKeys, [{ path: 'certificates/shop', fingerprint: fingerprint(NEW) }]);
      assert.deepEqual(answer.unserved, {
        services: [{ path: SERVICE, certificate: 'certificates/shop', fingerprint: fingerprint(NEW) }],
        count: 1,
      });
    }
    assert.equal((await unit.read('certificates/www'))?.key, WWW.key);
    const keys = bundle({ 'certificates/shop': NEW, 'certificates/www': WWW });
    const { unserved } = await restorer.restoreCertificates(unit, keys, ['shop']);
    assert.equal(unserved.count, 0);
    assert.equal((await unit.read('certificates/shop'))?.key, NEW.key);
  });

  it('as the old unit names the keys of the unit itself as well, unless it has the same certificate', async () => {
    const { $schema, properties, required } = kindNamed('certificate').schema;
    const badge = {
      file: 'badge',
      schema: {
        $schema: $schema as string,
        $id: 'urn:lockstep:kind:badge',
        recordPath: 'badge',
        part: 'certs',
        scope: 'unit',
        type: 'object',
        properties: properties as JsonObject,
        required: required as string[],
        unevaluatedProperties: false,
      },
    };
    const kinds = new Catalog(builtInSchemas(), [badge]);
    const leftOut = { path: 'badge', fingerprint: fingerprint(NEW) };
    const from = bundleOf(kinds, [{ path: 'badge', value: { certificate: NEW.certificate } }], {
      withKeys: false,
      keysLeftOut: [leftOut],
    });
    const plan = (here: JsonObject | undefined, as: Whose) =>
      planRestore(
        kinds,
        from,
        {
          async *paths() {
            if (here !== undefined) yield 'badge';
          },
          split: async () => ({ pair: undefined, unit: here }),
        },
        { parts: ['certs'], as },
      );
    assert.deepEqual((await plan(undefined, 'the-old-unit')).missingKeys, [leftOut]);
    const same = await plan({ ...NEW }, 'the-old-unit');
    assert.deepEqual([same.missingKeys, same.changes], [[], []]);
    assert.deepEqual((await plan({ ...OLD }, 'the-old-unit')).missingKeys, [leftOut]);
    const own = await plan({ ...OLD }, 'this-unit');
    assert.deepEqual([own.missingKeys, own.changes], [[], []]);
  });

  it('as the old unit misses no key of the web interface, of which the unit makes itself another one', async () => {
    const path = 'webCertificate';
    const value = { certificate: NEW.certificate, selfSigned: true };
    const from = bundleOf(catalog, [{ path, value }], { withKeys: false });
    const plan = (here: JsonObject, as: Whose = 'the-old-unit') =>
      planRestore(
        catalog,
        from,
        {
          async *paths() {
            yield path;
          },
          split: async () => ({ pair: undefined, unit: here }),
        },
        { parts: ['certs'], as },
      );
    const other = await plan({ ...OLD, selfSigned: true });
    assert.deepEqual([other.missingKeys, other.changes.length > 0], [[], true]);
    const same = await plan({ ...NEW, selfSigned: true });
    assert.deepEqual([same.missingKeys, same.changes], [[], []]); // the key that is here fits
    assert.equal((await plan({ ...NEW, selfSigned: true }, 'this-unit')).keptCount, 0); // it is the same one
    assert.equal((await plan({ ...OLD, selfSigned: true }, 'this-unit')).keptCount, 1);
  });
});
