import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pageOf } from '../../unit/pages.ts';

describe('a list by page', () => {
  const name = (item: string): string => item;

  it('is, page after page, the whole list', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        (all, limit) => {
          const read: string[] = [];
          let pages = 0;
          for (let next: string | undefined, first = true; first || next !== undefined; first = false) {
            const page = pageOf(all, { limit, ...(next === undefined ? {} : { after: next }) }, name);
            assert.ok(page.items.length <= limit);
            read.push(...page.items);
            next = page.next;
            pages += 1;
          }
          assert.deepEqual(read, all);
          assert.equal(pages, Math.max(1, Math.ceil(all.length / limit)));
        },
      ),
    );
  });

  it('is all of it when nobody says how much', () => {
    assert.deepEqual(pageOf(['a', 'b'], {}, name), { items: ['a', 'b'] });
    assert.deepEqual(pageOf(['a', 'b'], { after: 'a' }, name), { items: ['b'] });
  });

  it('does not go on after something that has gone', () => {
    assert.throws(() => pageOf(['a'], { after: 'b' }, name), { code: 'bad-usage' });
  });
});
