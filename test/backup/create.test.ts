import assert from 'node:assert/strict';
import { once } from 'node:events';
import fc from 'fast-check';
import type { BundleRecord } from '../../backup/bundle.ts';
import { createBundle } from '../../backup/create.ts';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import { PARTS } from '../../schema/kind.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import { recordSets } from '../schema/records-of.ts';
import { PASSPHRASE } from './forge.ts';
import { made } from './made-certificates.ts';
import { read } from './open.ts';
import { bytesOf, catalog, KEY, options, partOf, SITE, State } from './site.ts';

async function roundTrip(
  state: State,
  more: Parameters<typeof options>[1] = {},
): Promise<Awaited<ReturnType<typeof read>>> {
  const { bytes, manifest } = await createBundle(options(state, more));
  const found = await read(await bytesOf(bytes));
  assert.deepEqual(found.manifest, manifest);
  return found;
}

function inParts(records: readonly BundleRecord[], kinds: Catalog = catalog): BundleRecord[] {
  return PARTS.flatMap(part => records.filter(record => partOf(record, kinds) === part));
}

/** Cannot be listed any more from the call number `failing` on. */
class FailingState extends State {
  calls = 0;
  private readonly failing: number;

  constructor(failing: number) {
    super(SITE);
    this.failing = failing;
  }

  override async *list(path: string): AsyncGenerator<BundleRecord> {
    if (++this.calls >= this.failing) throw new Error('the disk is gone');
    yield* super.list(path);
  }
}

describe('a bundle that is made', () => {
  it('gives back exactly the records that were there, part by part', async () => {
    await fc.assert(
      fc.asyncProperty(recordSets, async records => {
        const state = new State(records);
        const found = await roundTrip(state, { withKeys: true });
        assert.deepEqual(found.records, inParts(state.records));
        for (const { part, records: count } of found.manifest.parts)
          assert.equal(count, records.filter(record => partOf(record) === part).length);
        assert.equal(state.closed, 1);
      }),
      { numRuns: 6 },
    );
  });

  it('can be Argon2id and AES-GCM', async () => {
    const { records } = await roundTrip(new State(SITE), { profile: 'rfc9580', withKeys: true });
    assert.deepEqual(records, inParts(new State(SITE).records));
  });

  it('says what it is', async () => {
    const { manifest } = await roundTrip(new State(SITE));
    const { parts, kinds, ...rest } = manifest;
    assert.deepEqual(
      parts.map(({ part, records }) => [part, records]),
      [
        ['base', 2],
        ['vs', 2],
        ['geo', 0],
        ['sso', 0],
        ['certs', 4],
      ],
    );
    assert.deepEqual(kinds, { ...catalog.kindDigests });
    assert.equal(rest.revision, 41);
    assert.equal(rest.createdAt, '2026-11-22T04:30:00.000Z');
    assert.equal(rest.schemaDigest, catalog.digest);
  });

  it('leaves private keys out and names them, unless they are wanted', async () => {
    const key = async (withKeys: boolean) => {
      const { manifest, records } = await roundTrip(new State(SITE), { withKeys });
      return { manifest, shop: records.find(({ path }) => path === 'certificates/shop')?.value };
    };
    const without = await key(false);
    assert.ok(!('key' in (without.shop as JsonObject)));
    assert.equal(without.manifest.keysLeftOut?.length, 1);
    assert.match(without.manifest.keysLeftOut?.[0]?.fingerprint ?? '', /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const with_ = await key(true);
    assert.equal(with_.shop?.key, KEY);
    assert.equal(with_.manifest.keysLeftOut, undefined);
  });

  it('does not say that the key of the web interface is missing: a unit makes itself another one', async () => {
    const path = 'webCertificate';
    const { certificate, key } = made('lb1');
    const { manifest, records } = await roundTrip(
      new State([{ path, value: { certificate, key, selfSigned: true } }]),
    );
    assert.equal(manifest.keysLeftOut, undefined);
    assert.deepEqual(records, [{ path, value: { certificate, selfSigned: true } }]);
  });

  it('can hold some parts only', async () => {
    const { manifest, records } = await roundTrip(new State(SITE), {
      kind: 'certificates',
      parts: ['certs'],
    });
    assert.equal(manifest.kind, 'certificates');
    assert.deepEqual(
      manifest.parts.map(({ part }) => part),
      ['certs'],
    );
    assert.equal(records.length, 4);
  });

  it('keeps the order of paths also between kinds of a site whose names go on with a hyphen', async () => {
    const [any] = builtInSchemas();
    const site = (name: string, recordPath: string): { file: string; schema: JsonObject } => ({
      file: name,
      schema: {
        $schema: any?.schema.$schema ?? '',
        $id: `urn:lockstep:kind:${name}`,
        recordPath,
        recordId: { pattern: '^[a-z]+$' },
        part: 'base',
        type: 'object',
        properties: {},
        unevaluatedProperties: false,
      },
    });
    const kinds = new Catalog(builtInSchemas(), [
      site('rack', 'rack/{id}'),
      site('rackRow', 'rack-row/{id}'),
    ]);
    const state = new State(['rack/a', 'rack/b', 'rack-row/a'].map(path => ({ path, value: {} })));
    const { records } = await roundTrip(state, { catalog: kinds });
    assert.deepEqual(records, state.records);
  });

  it('is one revision, however many commits come meanwhile', async () => {
    const store = await Store.open({ port: openMemory(), catalog, rules: [], now: () => new Date(0) });
    await store.setRole('active', 1);
    const commit = (weight: number) =>
      store.commit({
        kind: 'change',
        author: 'a',
        reason: '',
        changes: Array.from({ length: 300 }, (_, i) => ({
          op: 'put' as const,
          path: `hosts/h${i}`,
          value: { address: `10.0.${weight}.${i % 250}` },
        })),
      });
    await commit(1);
    const before = store.head.revision;
    const making = createBundle(options(await store.snapshot()));
    let weight = 1;
    await Promise.all([making, commit(++weight), commit(++weight)]);
    const { bytes, manifest } = await making;
    const chunks: Buffer[] = [];
    for await (const chunk of bytes) {
      await commit(++weight);
      chunks.push(chunk as Buffer);
    }
    assert.ok(store.head.revision > before);
    const { records } = await read(Buffer.concat(chunks));
    assert.equal(manifest.revision, before);
    assert.equal(records.length, 300);
    for (const { value } of records) assert.match(String(value.address), /^10\.0\.1\./);
  });

  it('lets go of the state however it ends', async () => {
    const weak = new State(SITE);
    await assert.rejects(createBundle(options(weak, { passphrase: 'short' })), { code: 'weak-passphrase' });
    assert.equal(weak.closed, 1);

    const unread = new State(SITE);
    const { bytes: unreadBytes } = await createBundle(options(unread));
    unreadBytes.destroy();
    if (unread.closed === 0) await once(unread, 'closed');

    const many = new State(
      Array.from({ length: 40_000 }, (_, i) => ({
        path: `hosts/h${1e5 + i}`,
        value: { address: `${Math.sin(i)} ${'x'.repeat(800)}` },
      })),
    );
    const { bytes } = await createBundle(options(many));
    await once(bytes, 'readable');
    bytes.read(1);
    bytes.destroy();
    if (many.closed === 0) await once(many, 'closed');
    assert.equal(many.closed, 1);
  });

  it('fails when the state can no longer be read', async () => {
    const good = new FailingState(Number.POSITIVE_INFINITY);
    await bytesOf((await createBundle(options(good))).bytes);
    const state = new FailingState(good.calls); // the last time that it is asked, the manifest is made already
    await assert.rejects(async () => bytesOf((await createBundle(options(state))).bytes), /the disk is gone/);
    assert.equal(state.closed, 1);
  });

  it('is not made with a weak passphrase, which is told what is enough', async () => {
    for (const passphrase of ['short', 'elevenchars', 'a b c d', 'x'])
      await assert.rejects(createBundle(options(new State([]), { passphrase })), {
        code: 'weak-passphrase',
        hint: /12 characters, or 4 words/,
      });
    for (const passphrase of ['', `${PASSPHRASE}\n`, '\ud800'.repeat(12), 'x'.repeat(1025)])
      await assert.rejects(createBundle(options(new State([]), { passphrase })), { code: 'bad-usage' });
    for (const passphrase of ['twelve chars', 'to be or no', 'äöüäöüäöüäöü']) {
      const { bytes } = await createBundle(options(new State([]), { passphrase }));
      await read(await bytesOf(bytes), { passphrase });
    }
  });
});
