import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Bundle, BundleRecord } from '../../backup/bundle.ts';
import { MIGRATIONS, type Migration, migrate } from '../../backup/migrate.ts';
import type { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Part } from '../../schema/kind.ts';
import { catalog } from '../schema/records-of.ts';
import { bundleOf, type ManifestFacts } from './bundle-in-memory.ts';
import { type Asked, contentOf, Restorer, unitWith } from './restorer.ts';

const { shop } = JSON.parse(readFileSync('examples/site/site.json', 'utf8')).certificates as {
  shop: { certificate: string; key: string };
};
const SERVICE = { protocol: 'tcp', address: '10.20.0.100', port: 443 };
const PATH = 'virtualServices/tcp:10.20.0.100:443';

type Records = Record<string, JsonObject>;

function bundle(records: Records, facts: ManifestFacts = {}): Bundle {
  return bundleOf(
    catalog,
    Object.entries(records).map(([path, value]) => ({ path, value })),
    facts,
  );
}

describe('a restore', () => {
  let restorer: Restorer;
  before(() => {
    restorer = new Restorer();
  });
  after(() => restorer.close());

  /** What a refused restore was refused with; the unit holds what it held. */
  async function refusal(here: Records, from: Bundle, asked: Asked = {}): Promise<LockstepError> {
    const unit = await unitWith(here);
    const before = { ...unit.head };
    const error: LockstepError = await restorer.restore(unit, from, asked).then(
      () => assert.fail('it was not refused'),
      thrown => thrown,
    );
    assert.deepEqual([await contentOf(unit), unit.head], [here, before]);
    assert.ok(error.hint, 'a refusal says what to do');
    assert.match(error.message, /\.$/);
    return error;
  }

  async function codeOf(here: Records, from: Bundle, asked: Asked = {}): Promise<string> {
    return (await refusal(here, from, asked)).code;
  }

  const FIRST = { unit: { mode: 'first' as const } };

  it('tells in its answer what it brings about', async () => {
    const unit = await unitWith({});
    const { warnings } = await restorer.restore(unit, bundle({ 'hosts/doubtful': { address: '10.0.0.9' } }));
    assert.deepEqual(
      warnings?.filter(({ code }) => code === 'doubtful').map(({ path }) => path),
      ['hosts/doubtful'],
    );
  });

  it('of the base of a single unit is refused on a unit of a pair, and the reverse', async () => {
    assert.equal(await codeOf({ ha: { mode: 'second' } }, bundle({ ha: {} })), 'restore-single-on-ha');
    assert.equal(
      await codeOf({ ha: { mode: 'none' } }, bundle({ ha: { mode: 'first' } }, FIRST)),
      'restore-ha-on-single',
    );
    assert.equal(await codeOf({}, bundle({ ha: { mode: 'first' } }, FIRST)), 'restore-ha-on-single');
    assert.equal(
      await codeOf({ ha: { mode: 'cloud' } }, bundle({ ha: { mode: 'first' } }, FIRST)),
      'restore-not-in-ha-mode',
    );
  });

  it('of the base of a pair onto a fresh single unit goes the way that the refusal names', async () => {
    const fresh = { 'interfaces/eth0': { address: '10.0.0.11', prefix: 24 } };
    const from = bundle({ ha: { mode: 'first', virtualId: 61 } }, FIRST);
    const { hint = '' } = await refusal(fresh, from);
    assert.match(hint, /lockstep set interfaces\/ETH\/haChecks true .*then lockstep set ha\/mode first;/);
    assert.match(hint, /lockstep init --mode first/);
    const unit = await unitWith(fresh);
    const steps = [
      { op: 'set' as const, path: 'interfaces/eth0', field: ['haChecks'], value: true },
      { op: 'set' as const, path: 'ha', field: ['mode'], value: 'first' },
    ];
    for (const step of steps)
      await unit.commit({ changes: [step], kind: 'change', author: 'ada', reason: 'as the hint says' });
    await restorer.restore(unit, from);
    assert.equal((await unit.read('ha'))?.virtualId, 61);
  });

  it('of the other parts does not ask for the mode of the unit', async () => {
    const unit = await unitWith({ ha: { mode: 'second' } });
    await restorer.restore(unit, bundle({ [PATH]: SERVICE, ha: { mode: 'none' } }), { parts: ['vs'] });
    assert.deepEqual(await contentOf(unit), { ha: { mode: 'second' }, [PATH]: SERVICE });
  });

  it('of Virtual Services with ESP is refused on a unit without it', async () => {
    const esp = bundle({ [PATH]: { ...SERVICE, espEnabled: true }, licence: { esp: true } });
    const error = await refusal({ licence: { model: 'generic' } }, esp);
    assert.equal(error.code, 'restore-esp');
    assert.deepEqual(error.facts, { paths: [PATH], count: 1 });
    assert.equal(
      await codeOf({ licence: { esp: false } }, esp, { parts: ['vs'], as: 'the-old-unit' }),
      'restore-esp',
    );
    const replaced = await unitWith({ licence: { esp: false } });
    await restorer.restore(replaced, esp, { as: 'the-old-unit' });
    assert.equal((await replaced.read('licence'))?.esp, true);
    const licensed = await unitWith({ licence: { esp: true } });
    await restorer.restore(licensed, esp, { parts: ['vs'] });
    assert.equal((await licensed.read(PATH))?.espEnabled, true);
  });

  it('that would leave references dangling is refused, and names them and the part that is needed', async () => {
    const secure = bundle({ [PATH]: { ...SERVICE, certificates: ['shop'] }, 'certificates/shop': shop });
    const error = await refusal({}, secure, { parts: ['vs'] });
    assert.equal(error.code, 'restore-dangling');
    assert.match(error.message, /virtualServices\/tcp:10\.20\.0\.100:443\/certificates.*certificates\/shop/);
    assert.match(String(error.hint), /certs/);
    const here = { [PATH]: { ...SERVICE, certificates: ['shop'] }, 'certificates/shop': shop };
    const gone = await refusal(here, bundle({}), { parts: ['certs'] });
    assert.equal(gone.code, 'restore-dangling');
    assert.match(gone.message, /certificates\/shop: it is used by virtualServices/);
  });

  it('of records that the schema of this unit refuses is refused, and names each', async () => {
    const bad = bundle({ ha: { timeout: 4 }, [PATH]: { ...SERVICE, nickname: '' }, 'rules/x': {} });
    const error = await refusal({}, bad);
    assert.equal(error.code, 'restore-invalid');
    const { problems } = error.facts as { problems: { path: string }[] };
    const places = problems.map(({ path }) => path).sort();
    assert.deepEqual(places, ['ha/timeout', 'rules/x', `${PATH}/nickname`]);
    const other = bundle({ [PATH]: { ...SERVICE, address: '10.20.0.101' } });
    assert.equal(await codeOf({}, other), 'restore-invalid');
  });

  it('of records of kinds that are unknown here is refused, and names them', async () => {
    const error = await refusal({}, bundle({ 'gadgets/a': {}, 'gadgets/b': {}, host: {} }));
    assert.equal(error.code, 'restore-unknown-kind');
    assert.deepEqual(error.facts, { paths: ['gadgets/a', 'gadgets/b'], count: 2 });
  });

  it('of a record that lies in the file of another part is refused', async () => {
    const crafted: Bundle = {
      ...bundle({ [PATH]: SERVICE }),
      async *records() {
        yield { path: 'hosts/evil', value: { address: '10.6.6.6' } };
      },
    };
    assert.equal(await codeOf({}, crafted, { parts: ['vs'] }), 'damaged-bundle');
  });

  it('of a newer format, of a certificate bundle, of a part that is not there, is refused', async () => {
    assert.equal(await codeOf({}, bundle({}, { format: 2 })), 'newer-format');
    assert.equal(await codeOf({}, bundle({}, { kind: 'certificates' })), 'restore-certificates');
    const [base] = bundle({}).manifest.parts;
    const error = await refusal({}, bundle({}, { parts: base ? [base] : [] }), { parts: ['base', 'geo'] });
    assert.deepEqual([error.code, error.facts], ['restore-no-part', { absent: ['geo'], held: ['base'] }]);
  });

  it('leaves alone a part that the bundle does not hold', async () => {
    const [base] = bundle({}).manifest.parts;
    const unit = await unitWith({ [PATH]: SERVICE, email: { enabled: true } });
    await restorer.restore(unit, bundle({}, { parts: base ? [base] : [] }));
    assert.deepEqual(await contentOf(unit), { [PATH]: SERVICE });
  });

  it('of kinds that another release described differently says so', async () => {
    const kinds = { ...catalog.kindDigests, virtualService: 'other' };
    const unit = await unitWith();
    const { steps } = await restorer.restore(unit, bundle({ [PATH]: SERVICE, host: {} }, { kinds }));
    assert.deepEqual(steps, [
      'kind virtualService is described differently here: its records (1) are checked against the schema of this unit',
    ]);
  });

  it('plans first: a dry run changes nothing and tells what would, part by part, masked', async () => {
    const here = {
      email: { enabled: true, password: 'old-secret' },
      'certificates/old': { certificate: shop.certificate },
    };
    const unit = await unitWith(here);
    const from = bundle({ email: { enabled: false, password: 'new-secret' }, [PATH]: SERVICE });
    const plan = await restorer.restore(unit, from, { dryRun: true });
    assert.deepEqual(await contentOf(unit), here);
    assert.deepEqual(plan.counts, { added: 1, changed: 1, removed: 1 });
    const none = { added: 0, changed: 0, removed: 0 };
    assert.deepEqual(
      plan.parts.filter(({ added, changed, removed }) => added + changed + removed > 0),
      [
        { part: 'base', ...none, changed: 1 },
        { part: 'vs', ...none, added: 1 },
        { part: 'certs', ...none, removed: 1 },
      ],
    );
    assert.deepEqual(plan.changes.map(({ part }) => part).sort(), ['base', 'certs', 'vs']);
    assert.doesNotMatch(JSON.stringify(plan), /old-secret|new-secret/);
  });

  it('is one revision, marked as unconfirmed, and a rollback undoes it', async () => {
    const here = { [PATH]: SERVICE };
    const unit = await unitWith(here);
    const { revision } = await restorer.restore(unit, bundle({ email: { enabled: true } }), {}, true);
    assert.equal(revision, 2);
    assert.deepEqual([unit.head.unconfirmed?.by, (await unit.revision(2))?.kind], ['ada', 'restore']);
    await unit.rollback(1, { author: 'ada', reason: 'undo' });
    assert.deepEqual(await contentOf(unit), here);
  });

  it('on a standby without a partner is made, and says that the next update replaces it; on one of a pair it is refused', async () => {
    const unit = await unitWith({ ha: { mode: 'second' } });
    await unit.setRole('standby', 1);
    const made = bundle({ [PATH]: SERVICE });
    for (const dryRun of [true, false])
      await assert.rejects(restorer.restore(unit, made, { parts: ['vs'], dryRun }, true), {
        code: 'not-active',
      });
    const { notes } = await restorer.restore(unit, made, { parts: ['vs'] });
    assert.match(notes.join(), /next update of the active unit/);
    assert.notEqual(unit.head.unconfirmed, undefined);
  });

  it('as the old unit is refused on a unit of a pair: that of the partner by name, and that of any other', async () => {
    const unit = await unitWith({ ha: { mode: 'first' } });
    const of = (id: string, name: string) => ({
      ...bundle({ ha: { mode: 'second' } }),
      manifest: {
        ...bundle({}).manifest,
        unit: { ...bundle({}).manifest.unit, id, name, mode: 'second' as const },
      },
    });
    const asOld = { as: 'the-old-unit' as const, dryRun: true };
    await assert.rejects(restorer.restore(unit, of('lb-b-id', 'lb-b'), asOld, true), {
      code: 'restore-old-unit',
      message: /^lb-b is the partner of this unit, and it is alive\. Nothing was changed\.$/,
    });
    await assert.rejects(restorer.restore(unit, of('elsewhere', 'lb-x'), asOld, true), {
      code: 'restore-old-unit',
      message: /paired with lb-b, and cannot become lb-x/,
    });
  });

  it('that was planned on another revision is refused', async () => {
    assert.equal(await codeOf({ host: {} }, bundle({ email: {} }), { expected: 0 }), 'conflict');
  });

  it('is refused while a change waits to be confirmed', async () => {
    const unit = await unitWith();
    const from = { wall: 0, uptime: 0, bootId: 'x' };
    await unit.commit({
      changes: [{ op: 'put', path: 'email', value: { enabled: true } }],
      kind: 'change',
      author: 'ada',
      reason: 'try',
      provisional: { minutes: 5, deadline: { from, durationMs: 300_000 } },
    });
    await assert.rejects(restorer.restore(unit, bundle({})), { code: 'provisional' });
  });

  it('as this unit keeps addresses, name, mode, licence, time and the password of bal; as the old unit takes them', async () => {
    const hash = (letter: string): string =>
      `$scrypt$ln=15,r=8,p=1$${letter.repeat(22)}$${letter.repeat(43)}`;
    const unitRecords = (letter: string, mode: string, address: string): Records => ({
      ha: { mode },
      host: { hostname: `lb-${letter}` },
      licence: { serialNumber: letter },
      time: { timeZone: letter === 'a' ? 'UTC' : 'Europe/Vienna' },
      'interfaces/eth0': { address, prefix: 24, haChecks: true },
      'users/bal': { passwordHash: hash(letter) },
      [`routes/${letter}`]: { destination: '198.51.100.0/24', gateway: '10.20.0.254' },
    });
    const here = unitRecords('a', 'second', '10.20.0.12');
    const theirs = unitRecords('b', 'first', '10.20.0.11');
    const shared: Records = {
      'interfaces/eth0': { ...theirs['interfaces/eth0'], sharedAddress: '10.20.0.10' },
    };
    const from = bundle({ ...theirs, ...shared, 'interfaces/eth1': { mtu: 9000 } }, FIRST);

    const kept = await unitWith(here);
    const answer = await restorer.restore(kept, from);
    assert.deepEqual(await contentOf(kept), {
      ...here,
      'interfaces/eth0': { ...here['interfaces/eth0'], sharedAddress: '10.20.0.10' },
      'interfaces/eth1': {},
    });
    assert.deepEqual(answer.kept.paths.sort(), [
      'ha',
      'host',
      'interfaces/eth0',
      'interfaces/eth1',
      'licence',
      'routes/b',
      'time',
      'users/bal',
    ]);

    const replaced = await unitWith({ ...here, 'interfaces/eth1': { address: '10.30.0.1' } });
    await restorer.restore(replaced, from, { as: 'the-old-unit' });
    assert.deepEqual(await contentOf(replaced), { ...theirs, ...shared, 'interfaces/eth1': { mtu: 9000 } });
  });

  it('as the old unit takes away a field of the unit that the bundle does not have', async () => {
    const unit = await unitWith({ dns: { nameServers: ['192.0.2.53'] } });
    await restorer.restore(unit, bundle({ dns: {} }), { as: 'the-old-unit' });
    assert.deepEqual(await contentOf(unit), { dns: {} });
  });

  it('of certificates without keys keeps the key that is here, and names the certificates without one', async () => {
    const { certificate } = shop;
    const from = bundle(
      { 'certificates/shop': { certificate: certificate.trimEnd() }, 'certificates/new': { certificate } },
      {
        withKeys: false,
        keysLeftOut: [
          { path: 'certificates/new', fingerprint: 'AB:CD' },
          { path: 'certificates/shop', fingerprint: 'AB:CD' },
        ],
      },
    );
    const unit = await unitWith({ 'certificates/shop': { ...shop } });
    const { missingKeys } = await restorer.restore(unit, from, { parts: ['certs'] });
    assert.equal((await unit.read('certificates/shop'))?.key, shop.key);
    assert.deepEqual(missingKeys, [{ path: 'certificates/new', fingerprint: 'AB:CD' }]);
    const complete = bundle({ 'certificates/shop': { certificate } });
    await restorer.restore(unit, complete, { parts: ['certs'] });
    assert.deepEqual(await unit.read('certificates/shop'), { certificate });
  });
});

describe('the migrations of bundles', () => {
  const records = async (from: Bundle, parts?: Part[]): Promise<BundleRecord[]> => {
    const all: BundleRecord[] = [];
    for await (const record of from.records(parts)) all.push(record);
    return all;
  };
  const step = (from: number): Migration => ({
    from,
    what: `step ${from}`,
    manifest: manifest => ({ ...manifest, revision: manifest.revision * 10 + from }),
    record: ({ path, value }) => [
      { path, value: { ...value, comment: `${String(value.comment ?? '')}${from}` } },
    ],
  });

  it('are none: there was no format before the first', () => {
    assert.deepEqual(MIGRATIONS, []);
    const now = bundle({ host: {} });
    assert.deepEqual(migrate(now), { bundle: now, steps: [] });
  });

  it('are made one after the other, and told', async () => {
    const old = bundle({ 'users/bal': {} }, { format: 1, revision: 7 });
    const { bundle: made, steps } = migrate(old, [step(2), step(1)], 3);
    assert.deepEqual(steps, ['format 1 to 2: step 1', 'format 2 to 3: step 2']);
    assert.deepEqual([made.manifest.format, made.manifest.revision], [3, 712]);
    assert.deepEqual(await records(made), [{ path: 'users/bal', value: { comment: '12' } }]);
    assert.deepEqual(await records(made, ['vs']), []);
  });

  it('do not guess: a gap is refused like a format of the future', () => {
    for (const format of [0, 2])
      assert.throws(() => migrate(bundle({}, { format })), { code: 'newer-format' });
    assert.throws(() => migrate(bundle({}, { format: 1 }), [step(2)], 3), { code: 'newer-format' });
  });
});
