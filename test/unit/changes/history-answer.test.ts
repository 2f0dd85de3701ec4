import assert from 'node:assert/strict';
import { loadCatalog } from '../../../schema/catalog.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { historyAnswer } from '../../../unit/changes/history-answer.ts';

const catalog = loadCatalog();

describe('an answer about the history', () => {
  let store: Store;

  before(async () => {
    store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
    await store.setRole('active', 1);
    for (let number = 1; number <= 1_500; number++)
      await store.commit({
        changes: [
          {
            op: 'put',
            path: `hosts/${number % 3 === 0 ? 'a' : 'b'}`,
            value: { address: `10.0.${number >> 8}.${number & 255}` },
          },
        ],
        kind: 'change',
        author: 'ada',
        reason: 'test',
      });
  });

  const ask = (request: Parameters<typeof historyAnswer>[1]) => historyAnswer(store, request);

  it('that holds less than was asked for says so, and where to go on', async () => {
    const { revisions, more, before, oldest } = await ask({ limit: 10_000 });
    assert.deepEqual(
      [revisions.length, revisions.at(-1)?.revision, more, before, oldest],
      [1_000, 501, true, 501, 1],
    );
  });

  it('goes on there, to the end', async () => {
    const { revisions, more, before } = await ask({ limit: 10_000, before: 501 });
    assert.deepEqual([revisions[0]?.revision, revisions.length, more, before], [500, 500, false, null]);
  });

  it('that holds all of them exactly has nothing more', async () => {
    assert.deepEqual((await ask({ limit: 3, before: 4 })).more, false);
    assert.deepEqual((await ask({ limit: 2, before: 4 })).before, 2);
  });

  it('of one record is no other', async () => {
    const seen = [];
    for (let before: number | null = 2_000; before !== null; ) {
      const page = await ask({ path: 'hosts/a', limit: 120, before });
      seen.push(...page.revisions.map(({ revision }) => revision));
      before = page.before;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 500 }, (_, index) => 1_500 - 3 * index),
    );
  });

  it('tells the oldest that is kept', async () => {
    await store.keepFrom(700);
    const { revisions, more, before, oldest } = await ask({ limit: 1_000 });
    assert.deepEqual([revisions.length, more, before, oldest], [801, false, null, 700]);
  });
});
