import assert from 'node:assert/strict';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { Store } from '../../store/store.ts';
import { sampleCatalog } from './sample-kinds.ts';

const catalog = sampleCatalog();
const openOn = (port: StorePort): Promise<Store> =>
  Store.open({ port, catalog, rules: [], now: () => new Date(0) });
const commit = (store: Store, path: string): Promise<unknown> =>
  store.commit({
    changes: [{ op: 'put', path, value: {} }],
    kind: 'change',
    author: 'ada',
    reason: 'test',
  });

describe('what stands above all records, written from two places', () => {
  let port: StorePort;
  let one: Store;
  let other: Store;

  beforeEach(async () => {
    port = openMemory();
    one = await openOn(port);
    await one.setRole('active', 3);
    await commit(one, 'things/a');
    other = await openOn(port);
  });

  const stored = async (): Promise<Store['head']> => (await openOn(port)).head;

  it('a change of role that another place made is not undone by the next commit', async () => {
    await other.setRole('standby', 4);
    await assert.rejects(commit(one, 'things/b'), {
      code: 'conflict',
      facts: { expected: 1, revision: 1, changed: ['epoch', 'role'] },
    });
    const { role, epoch, revision } = await stored();
    assert.deepEqual({ role, epoch, revision }, { role: 'standby', epoch: 4, revision: 1 });
    assert.equal(await one.read('things/b'), undefined);
  });

  it('the next try starts from what stands: a standby refuses it, an active unit takes it', async () => {
    await other.setRole('standby', 4);
    await assert.rejects(commit(one, 'things/b'), { code: 'conflict' });
    await assert.rejects(commit(one, 'things/b'), { code: 'not-active' });
    await one.setRole('active', 5);
    await commit(one, 'things/b');
    assert.equal((await stored()).epoch, 5);
  });

  it('a receipt that came elsewhere is not forgotten by a change of role', async () => {
    await other.setCommon(other.head.digest, 1);
    await assert.rejects(one.setRole('standby', 4), {
      code: 'conflict',
      facts: { changed: ['common', 'commonRevision'], expected: 1, revision: 1 },
    });
    assert.equal((await stored()).common, one.head.digest);
  });

  it('what was confirmed elsewhere does not wait again', async () => {
    const provisional = { minutes: 5, deadline: { bootId: 'b', atMs: 1, wallMs: 1 } as never };
    const changes = [{ op: 'put' as const, path: 'things/c', value: {} }];
    await one.commit({ changes, kind: 'change', author: 'eve', reason: 'a try', provisional });
    other = await openOn(port);
    await other.confirm();
    await assert.rejects(one.setRole('standby', 9), { code: 'conflict' });
    assert.equal((await stored()).provisional, undefined);
  });

  it('a fact that two make from what it was holds what both made', async () => {
    const add = (store: Store, name: string): Promise<string[]> =>
      store.changeLocal<string[]>('names', (known = []) => [...known, name]);
    await Promise.all([add(one, 'a'), add(other, 'b'), add(one, 'c'), add(other, 'd')]);
    assert.deepEqual((await one.readLocal<string[]>('names'))?.sort(), ['a', 'b', 'c', 'd']);
  });
});
