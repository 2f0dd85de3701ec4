import assert from 'node:assert/strict';
import { makeDeadline } from '../../host/deadline.ts';
import { openMemory } from '../../store/memory.ts';
import { type CommitRequest, type Guard, Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { sampleCatalog } from './sample-kinds.ts';

/** Whatever way a change comes, the guard sees each record that it would touch, before anything is written. */
describe('the guard of a commit', () => {
  const catalog = sampleCatalog();
  let store: Store;
  let now: number;

  beforeEach(async () => {
    now = Date.parse('2026-01-02T03:04:05Z');
    store = await Store.open({ port: openMemory(), catalog, rules: [], now: () => new Date(now) });
    await store.setRole('active', 1);
    await commit([put('things/a', 'one'), put('things/b', 'one')]);
  });

  function put(path: string, label: string): Change {
    return { op: 'put', path, value: { label } };
  }

  function commit(changes: Change[], more: Partial<CommitRequest> = {}) {
    return store.commit({ changes, kind: 'change', author: 'test', reason: 'test', ...more });
  }

  /** Refuses what touches things/b. */
  const guard: Guard = changes => {
    if (changes.some(({ path }) => path === 'things/b')) throw new Error('guarded');
  };

  it('sees what is named, removed with its group, or only tried', async () => {
    const { revision } = store.head;
    const ways: [Change[], Partial<CommitRequest>][] = [
      [[put('things/b', 'two')], {}],
      [[put('things/a', 'two'), put('things/b', 'two')], {}],
      [[{ op: 'remove', path: 'things' }], {}],
      [[put('things/b', 'two')], { dryRun: true }],
    ];
    for (const [changes, more] of ways) await assert.rejects(commit(changes, { ...more, guard }), /guarded/);
    assert.equal(store.head.revision, revision);
    await commit([put('things/a', 'two')], { guard });
    await commit([put('things/b', 'one')], { guard }); // says what is there already: touches nothing
  });

  it('sees what a rollback brings back', async () => {
    const { revision } = store.head;
    await commit([put('things/b', 'two')]);
    const request = { author: 'test', reason: 'back', guard };
    await assert.rejects(store.rollback(revision, request), /guarded/);
    assert.equal((await store.read('things/b'))?.label, 'two');
  });

  it('sees what is undone before it was confirmed', async () => {
    const deadline = makeDeadline(60_000, { bootId: 'test', uptime: 0, wall: now });
    await commit([put('things/b', 'two')], { provisional: { minutes: 1, deadline } });
    await assert.rejects(store.undoProvisional('test', 'taken back', guard), /guarded/);
    assert.equal((await store.read('things/b'))?.label, 'two');
    await store.undoProvisional('test', 'taken back');
    assert.equal((await store.read('things/b'))?.label, 'one');
  });
});
