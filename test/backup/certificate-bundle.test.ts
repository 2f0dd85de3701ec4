import assert from 'node:assert/strict';
import { createBundle } from '../../backup/create.ts';
import { drillBundle } from '../../backup/drill.ts';
import { bundleName, kindNamed } from '../../backup/name.ts';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import { RULES } from '../../schema/rules/index.ts';
import { certificateFault } from '../../unit/certificates/fault.ts';
import { bundleOf } from './bundle-in-memory.ts';
import { bundle, entriesOf, type ForgedEntry, LINES, manifest, tar } from './forge.ts';
import { made } from './made-certificates.ts';
import { read, refusal } from './open.ts';
import { bytesOf, catalog, options, SITE, State } from './site.ts';

const SHOP = made('shop.example');
const OTHER = made('other.example');
const ISSUING = made('issuing.example');
const line = (path: string, value: object): string => JSON.stringify({ path, value });
const RECORDS = [
  line('certificates/shop', SHOP),
  line('intermediates/issuing', { certificate: ISSUING.certificate }),
];
const PEMS: ForgedEntry[] = [
  { name: 'certificates/shop.pem', content: SHOP.certificate },
  { name: 'certificates/shop.key', content: SHOP.key },
  { name: 'intermediates/issuing.pem', content: ISSUING.certificate },
];
const OF_CERTIFICATES = { kind: 'certificates', withKeys: true } as const;

/** A certificate bundle byte by byte; with nothing given, a good one. */
function forged(lines = RECORDS, pems = PEMS, said: object = {}): Buffer {
  const parts = { certs: lines };
  return bundle(tar([...entriesOf(parts, { ...manifest(parts, OF_CERTIFICATES), ...said }), ...pems]));
}

describe('a certificate bundle', () => {
  it('is read when it is made after the description of the format, with PEM files in any order or without', async () => {
    const [said, ...rest] = entriesOf({ certs: RECORDS }, manifest({ certs: RECORDS }, OF_CERTIFICATES));
    const backwards = [said as ForgedEntry, ...[...rest, ...PEMS].reverse()];
    const byHand = PEMS.map(({ name, content }) => ({ name, content: `${String(content)}\n` }));
    for (const bytes of [forged(), forged(RECORDS, []), bundle(tar(backwards)), forged(RECORDS, byHand)]) {
      const { manifest: found, records } = await read(bytes);
      assert.equal(found.kind, 'certificates');
      assert.deepEqual(
        records.map(each => line(each.path, each.value)),
        RECORDS,
      );
    }
  });

  it('holds certificates and intermediates with their keys and nothing else, also not of kinds of the site', async () => {
    const [any] = builtInSchemas();
    const store = {
      file: 'trustStore',
      schema: {
        $schema: any?.schema.$schema ?? '',
        $id: 'urn:lockstep:kind:trustStore',
        recordPath: 'certificates-trusted/{id}',
        recordId: { pattern: '^[a-z]+$' },
        part: 'certs',
        type: 'object',
        properties: {},
        unevaluatedProperties: false,
      },
    };
    const kinds = new Catalog(builtInSchemas(), [store]);
    const state = new State([
      ...SITE,
      { path: 'certificates/real', value: SHOP },
      { path: 'certificates-trusted/a', value: {} },
    ]);
    const { bytes, manifest: said } = await createBundle(
      options(state, { kind: 'certificates', catalog: kinds }),
    );
    assert.deepEqual(
      [said.parts.map(({ part }) => part), said.withKeys, said.keysLeftOut],
      [['certs'], true, undefined],
    );
    const { records } = await read(await bytesOf(bytes));
    const expected = state.records.filter(({ path }) => /^(certificates|intermediates)\//.test(path));
    assert.deepEqual(records, expected);
    assert.equal(records.find(({ path }) => path === 'certificates/real')?.value.key, SHOP.key);
  });

  it('is refused when it is a configuration bundle in all but its name', async () => {
    const said = (parts: Record<string, string[]>, more: object = {}): Buffer =>
      bundle(tar(entriesOf(parts, { ...manifest(parts, OF_CERTIFICATES), ...more })));
    for (const [name, bytes] of Object.entries({
      'all parts': said({ ...LINES, certs: RECORDS }),
      'parts without certificates': said(LINES),
      'no part': said({}),
      'without keys': said({ certs: RECORDS }, { withKeys: false }),
      'keys left out': said({ certs: RECORDS }, { keysLeftOut: [{ path: 'certificates/shop' }] }),
    }))
      assert.equal((await refusal(bytes)).code, 'damaged-bundle', name);
  });

  it('is refused for a record that is none of its own, or that cannot be one', async () => {
    const value = SHOP;
    for (const [name, lines] of Object.entries({
      'of another kind': [line('hosts/evil', { address: '10.6.6.6' })],
      'a Virtual Service': LINES.vs as string[],
      'a name with a slash': [line('certificates/a/b', value)],
      'a name that goes up': [line('certificates/../host', value)],
      'a name that is not allowed': [line('certificates/a b', value)],
      'a name with an umlaut': [line('certificates/bücher', value)],
      'a name that is too long': [line(`certificates/${'a'.repeat(252)}`, value)],
      'no name': [line('certificates/', value)],
      'no certificate': [line('certificates/shop', { key: SHOP.key })],
      'a certificate that is no text': [line('certificates/shop', { ...SHOP, certificate: 7 })],
      'a key that is no text': [line('certificates/shop', { ...SHOP, key: ['x'] })],
      'an intermediate with a key': [line('intermediates/issuing', ISSUING)],
    })) {
      const error = await refusal(forged(lines, []));
      assert.equal(error.code, 'damaged-bundle', `${name}: ${error.message}`);
      assert.doesNotMatch(JSON.stringify(error), /PRIVATE KEY/, name);
    }
  });

  it('is refused when a PEM file says something else than its record', async () => {
    const [pem, key, issuing] = PEMS as [ForgedEntry, ForgedEntry, ForgedEntry];
    for (const [name, pems] of Object.entries({
      'another certificate': [{ ...pem, content: OTHER.certificate }, key, issuing],
      'another key': [pem, { ...key, content: OTHER.key }, issuing],
      'an empty file': [pem, key, { ...issuing, content: '' }],
      'of no record': [pem, { name: 'certificates/other.pem', content: OTHER.certificate }],
      'of the other folder': [{ name: 'intermediates/shop.pem', content: SHOP.certificate }],
      'a key of an intermediate': [{ name: 'intermediates/issuing.key', content: SHOP.key }],
      'the key under the name of the certificate': [{ ...pem, content: SHOP.key }],
    })) {
      const before = await refusal(forged(RECORDS, pems));
      assert.equal(before.code, 'damaged-bundle', name);
      assert.doesNotMatch(JSON.stringify(before), /BEGIN/, name);
    }
    const parts = { certs: RECORDS };
    const configuration = bundle(tar([...entriesOf(parts), key]));
    assert.equal((await refusal(configuration)).code, 'damaged-bundle', 'a key file in a configuration');
  });

  it('goes through the reader of all bundles: what is changed, cut or smuggled in is refused', async () => {
    const whole = forged();
    const headers = 19 + 7;
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      return bytes;
    };
    const [pem] = PEMS as [ForgedEntry];
    const evil = 'certificates/evil.pem';
    for (const [name, bytes] of Object.entries({
      ...Object.fromEntries(
        [18, 300, 900, 1500].map(at => [`a flipped bit at ${at}`, flipped(headers + at)]),
      ),
      ...Object.fromEntries([500, 1200, whole.length - 1].map(at => [`cut at ${at}`, whole.subarray(0, at)])),
      'a PEM file twice': forged(RECORDS, [...PEMS, pem]),
      'a symbolic link': forged(RECORDS, [{ name: evil, type: '2', link: '/etc/passwd' }]),
      'a folder up': forged(RECORDS, [{ ...pem, name: 'certificates/../../shop.pem' }]),
      'a script': forged(RECORDS, [{ name: 'certificates/shop.sh', content: 'x' }]),
      'another folder': forged(RECORDS, [{ name: 'keys/shop.key', content: SHOP.key }]),
      'more files than records': forged(
        RECORDS,
        Array.from({ length: 12 }, (_none, i) => ({ name: `certificates/${i}.key` })),
      ),
      'a record twice': forged([RECORDS[0] as string, ...RECORDS]),
      'records out of order': forged([...RECORDS].reverse()),
      'fewer records than it says': forged(RECORDS, PEMS, {
        parts: manifest({ certs: RECORDS.slice(1) }).parts,
      }),
    })) {
      const error = await refusal(bytes).catch((thrown: Error) => assert.fail(`${name}: ${thrown.message}`));
      assert.equal(error.code, 'damaged-bundle', name);
    }
    assert.equal((await refusal(whole, 'another passphrase')).code, 'wrong-passphrase');
  });

  it('passes a drill when every key fits its certificate, and fails it when one does not', async () => {
    const drill = (records: Record<string, JsonObject>) =>
      drillBundle(
        bundleOf(
          catalog,
          Object.entries(records).map(([path, value]) => ({ path, value })),
          { ...OF_CERTIFICATES, parts: [] },
        ),
        { catalog, rules: RULES, now: () => new Date(), faultOf: certificateFault },
      );
    await drill({ 'certificates/shop': SHOP, 'intermediates/i': { certificate: ISSUING.certificate } });
    for (const [key, why] of [
      [OTHER.key, /certificates\/shop: its private key belongs to another certificate/],
      [SHOP.key.replace(/\n[^\n]{10}/, '\nAAAAAAAAAA'), /certificates\/shop: its private key cannot be read/],
    ] as const)
      await assert.rejects(drill({ 'certificates/shop': { ...SHOP, key } }), {
        code: 'drill-failed',
        message: why,
      });
  });

  it('of real bytes passes a drill, part by part', async () => {
    const state = new State([{ path: 'certificates/real', value: SHOP }]);
    const { bytes } = await createBundle(options(state, { kind: 'certificates' }));
    const { manifest: said, records } = await read(await bytesOf(bytes));
    const proof = await drillBundle(
      {
        manifest: said,
        async *records() {
          yield* records;
        },
      },
      { catalog, rules: RULES, now: () => new Date(), faultOf: certificateFault },
    );
    assert.equal(proof.records, 1);
  });

  it('is called so that its name tells what it is', () => {
    const at = new Date(2026, 10, 22, 4, 30);
    assert.equal(bundleName('ha1', at, 'certificates'), 'ha1_2026-11-22.04-30.certs.lockstep');
    assert.equal(kindNamed(bundleName('ha1', at, 'certificates')), 'certificates');
    assert.equal(kindNamed(bundleName('x.certs', at)), 'configuration');
  });

  it('has a passphrase of the appliance only when that was asked for', async () => {
    const make = (passphrase: string, applianceRules?: boolean) =>
      createBundle(
        options(new State([]), {
          kind: 'certificates',
          passphrase,
          ...(applianceRules === undefined ? {} : { applianceRules }),
        }),
      ).then(({ bytes }) => bytesOf(bytes));
    await assert.rejects(make('Short7x'), { code: 'weak-passphrase', hint: /12 characters/ });
    await read(await make('Short7x', true), { passphrase: 'Short7x' });
    await make('x'.repeat(64), true);
    for (const passphrase of [
      'Short6',
      'x'.repeat(65),
      'correct horse battery staple',
      'with-hyphen',
      'äöüäöüäö',
    ])
      await assert.rejects(make(passphrase, true), {
        code: 'weak-passphrase',
        hint: /7 to 64 letters and digits/,
      });
  });
});
