import assert from 'node:assert/strict';
import type { JsonObject } from '../../../schema/json.ts';
import { mergeRecord } from '../../../schema/record.ts';
import { showTarget } from '../../../unit/changes/reading.ts';
import { unitWith } from '../../backup/restorer.ts';

describe('a collection that is shown by page', () => {
  it('is, page after page, the whole collection, whatever goes meanwhile', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `host${index}`);
    const records = names.map(name => [`hosts/${name}`, { address: '10.0.0.1' }] as const);
    const store = await unitWith(Object.fromEntries(records));
    const target = store.catalog.resolve('hosts');
    const show = (page = {}) => showTarget(store, store.catalog, target, false, page);
    const whole = (await show()).value as JsonObject;
    assert.equal((await show()).next, undefined);
    assert.deepEqual(Object.keys(whole), names);
    for (const limit of [1, 2, 3, 7, 8]) {
      let read: JsonObject = {};
      for (let page = await show({ limit }); ; page = await show({ limit, after: page.next })) {
        read = mergeRecord(read, page.value as JsonObject);
        if (page.next === undefined) break;
      }
      assert.deepEqual(read, whole, `pages of ${limit}`);
    }
    const first = await show({ limit: 2 });
    await store.commit({
      changes: [{ op: 'remove', path: first.next as string }],
      kind: 'change',
      author: 'ada',
      reason: 'gone',
    });
    const rest = await show({ limit: 10, after: first.next });
    assert.deepEqual(Object.keys(rest.value as JsonObject), names.slice(2));
  });
});
