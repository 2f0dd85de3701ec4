import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type ConfigRecord, fromDocument } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import { PARTS, type Part } from '../../schema/kind.ts';
import type { Store } from '../../store/store.ts';
import { catalog, exampleOf, pathOf, recordSets } from '../schema/records-of.ts';
import { bundleFrom } from './bundle-in-memory.ts';
import { contentOf, Restorer, unitWith } from './restorer.ts';

const SITE = fromDocument(catalog, JSON.parse(readFileSync('examples/site/site.json', 'utf8')));
const EXAMPLES: ConfigRecord[] = catalog.kinds.flatMap(kind =>
  [0, 1, 2].map(pick => ({ path: pathOf(kind, pick), value: exampleOf(kind) })),
);

/** Records of real sites and of all kinds, some with fields at random: whatever of them can stand together. */
const drafts: fc.Arbitrary<ConfigRecord[]> = fc
  .tuple(fc.subarray(SITE), fc.subarray(EXAMPLES), recordSets)
  .map(sets => sets.flat());

/** All sums of the five parts. */
const SUMS = Array.from({ length: 31 }, (_none, index) =>
  PARTS.filter((_part, bit) => ((index + 1) >> bit) & 1),
);

/** A single unit that holds what of `records` is valid. */
async function validUnit(records: ConfigRecord[]): Promise<Store> {
  const store = await unitWith();
  for (const { path, value } of records) {
    const changes = [{ op: 'put' as const, path, value: path === 'ha' ? { ...value, mode: 'none' } : value }];
    await store
      .commit({ changes, kind: 'change', author: 'ada', reason: 'draft' })
      .catch(error => assert.ok(error instanceof LockstepError && error.code !== 'internal', String(error)));
  }
  return store;
}

const isIn = (parts: readonly Part[]) => (path: string) => parts.includes(catalog.kindOf(path).part);

function only(content: Record<string, JsonObject>, parts: readonly Part[]): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(content).filter(([path]) => isIn(parts)(path)));
}

/** The digest of a unit that was given these records by hand; undefined when they cannot stand alone. */
async function digestOf(content: Record<string, JsonObject>): Promise<string | undefined> {
  try {
    return (await unitWith(content)).head.digest;
  } catch (error) {
    assert.ok(error instanceof LockstepError, String(error));
    return undefined;
  }
}

describe('a bundle restored on an empty unit', function () {
  this.timeout(60_000);
  let restorer: Restorer;
  before(() => {
    restorer = new Restorer();
  });
  after(() => restorer.close());

  it('gives the digest that the bundle was made of, in every sum of its parts', async () => {
    let [restored, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(drafts, async records => {
        const source = await validUnit(records);
        const content = await contentOf(source);
        const bundle = await bundleFrom(source);
        for (const parts of SUMS) {
          const expected = await digestOf(only(content, parts));
          const target = await unitWith();
          const work = restorer.restore(target, bundle, { parts: [...parts], as: 'the-old-unit' });
          if (expected === undefined) {
            await assert.rejects(work, { code: 'restore-dangling' });
            assert.deepEqual(await contentOf(target), {});
            refused++;
          } else {
            await work;
            assert.equal(target.head.digest, expected);
            assert.deepEqual(await contentOf(target), only(content, parts));
            restored++;
          }
        }
        assert.equal(await digestOf(content), source.head.digest);
      }),
      { numRuns: 5, examples: [[[...SITE, ...EXAMPLES]]] }, // parts that refer to each other
    );
    assert.ok(restored > 40 && refused > 0, `${restored} restored, ${refused} refused`);
  });

  it('on a unit that holds something else: the chosen parts become what the bundle says, the others stay, and a rollback undoes it', async () => {
    let restored = 0;
    await fc.assert(
      fc.asyncProperty(drafts, drafts, fc.constantFrom(...SUMS), async (records, others, parts) => {
        const bundle = await bundleFrom(await validUnit(records));
        const target = await validUnit(others);
        const [before, { digest, revision }] = [await contentOf(target), target.head];
        const done = await restorer
          .restore(target, bundle, { parts: [...parts], as: 'the-old-unit' })
          .catch(error => error);
        if (done instanceof LockstepError) {
          assert.deepEqual([await contentOf(target), target.head.revision], [before, revision]);
          return;
        }
        restored += done.revision > revision ? 1 : 0;
        const rest = PARTS.filter(part => !parts.includes(part));
        const given: Record<string, JsonObject> = {};
        for await (const { path, value } of bundle.records(parts)) given[path] = value;
        const after = await contentOf(target);
        assert.deepEqual(only(after, parts), given);
        assert.deepEqual(only(after, rest), only(before, rest));
        const again = await restorer.restore(target, bundle, { parts: [...parts], as: 'the-old-unit' });
        assert.deepEqual(again.counts, { added: 0, changed: 0, removed: 0 });
        await target.rollback(revision, { author: 'ada', reason: 'undo' });
        assert.deepEqual([await contentOf(target), target.head.digest], [before, digest]);
      }),
      { numRuns: 30 },
    );
    assert.ok(restored > 4, `${restored} restored`);
  });

  it('as this unit: what belongs to the unit stays to the letter', async () => {
    let restored = 0;
    await fc.assert(
      fc.asyncProperty(drafts, drafts, async (records, others) => {
        const bundle = await bundleFrom(await validUnit(records));
        const target = await validUnit(others);
        const before = await contentOf(target);
        const done = await restorer.restore(target, bundle).catch(error => error);
        if (done instanceof LockstepError) return;
        restored++;
        const after = await contentOf(target);
        for (const kind of catalog.kinds.filter(({ scope }) => scope !== 'pair')) {
          const own = (content: Record<string, JsonObject>) =>
            Object.entries(content)
              .filter(([path]) => catalog.kindOf(path) === kind && (kind.scope === 'unit' || path in after))
              .map(([path, value]) => [
                path,
                Object.fromEntries(Object.entries(value).filter(([field]) => kind.unitFields.has(field))),
              ])
              .filter(([, fields]) => Object.keys(fields as JsonObject).length > 0);
          assert.deepEqual(own(after), own(before), kind.name);
        }
      }),
      { numRuns: 20 },
    );
    assert.ok(restored > 2, `${restored} restored`);
  });
});
