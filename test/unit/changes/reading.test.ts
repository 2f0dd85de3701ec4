import assert from 'node:assert/strict';
import { loadCatalog } from '../../../schema/catalog.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { describeTarget, showTarget } from '../../../unit/changes/reading.ts';

describe('looking at the configuration', () => {
  const catalog = loadCatalog();
  let store: Store;

  before(async () => {
    store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
    await store.setRole('active', 1);
    const changes: Change[] = Array.from({ length: 300 }, (_, index) => ({
      op: 'put',
      path: `hosts/db-${String(index).padStart(3, '0')}.example.com`,
      value: { address: '192.0.2.1' },
    }));
    changes.push({ op: 'put', path: 'snmp', value: { community: 'not for your eyes' } });
    await store.commit({ changes, kind: 'change', author: 'ada', reason: 'test' });
  });

  const describeAt = (path: string, startsWith = '') =>
    describeTarget(store, catalog, catalog.resolve(path), startsWith);

  it('names at most 200 ids that could come next', async () => {
    assert.equal((await describeAt('hosts')).next.length, 200);
  });

  it('finds the ids that begin as somebody typed, wherever in the collection they are', async () => {
    const { next } = await describeAt('hosts', 'db-29');
    assert.equal(next.length, 10);
    assert.equal(next[0], 'hosts/db-290.example.com');
  });

  it('names the fields of a record, and says of a field whether it is a secret', async () => {
    assert.ok((await describeAt('ha')).next.includes('ha/virtualId'));
    assert.equal((await describeAt('snmp/community')).secret, true);
    assert.equal((await describeAt('snmp/contact')).secret, false);
  });

  it('shows no secret, neither in its record nor as a field', async () => {
    for (const path of ['', 'snmp', 'snmp/community']) {
      const shown = JSON.stringify(await showTarget(store, catalog, catalog.resolve(path), true));
      assert.ok(!shown.includes('not for your eyes'), path);
    }
  });

  it('says that nothing is there', async () => {
    for (const path of ['email', 'ha/virtualId', 'hosts/nobody.example.com']) {
      await assert.rejects(
        showTarget(store, catalog, catalog.resolve(path), false),
        { code: 'no-such-record' },
        path,
      );
    }
  });
});
