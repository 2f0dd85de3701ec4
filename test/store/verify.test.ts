import assert from 'node:assert/strict';
import { makeDeadline } from '../../host/deadline.ts';
import type { Branch } from '../../store/branch.ts';
import { bucketOf } from '../../store/digest.ts';
import { keys } from '../../store/keys.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { sampleCatalog } from './sample-kinds.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const BRANCH: Branch = {
  name: 'b-20260102-1',
  unit: 'lb2',
  at: '2026-01-02T03:04:05Z',
  base: '1'.repeat(64),
  digest: '2'.repeat(64),
  records: 1,
  revisions: [],
};

/** A look at the whole store, as the scrub makes it. */
describe('a verification of what is stored', () => {
  let port: StorePort;
  let store: Store;

  beforeEach(async () => {
    port = openMemory();
    store = await Store.open({ port, catalog: sampleCatalog(), rules: [], now: () => new Date(NOW) });
    await store.setRole('active', 1);
    await commit([put('things/a', { size: 1, serial: 7 }), put('things/b', { friend: 'a', seat: 'left' })]);
    await commit([put('things/a', { size: 2, serial: 7 }), put('clock', { zone: 'UTC' })]);
  });

  function put(path: string, value: Extract<Change, { op: 'put' }>['value']): Change {
    return { op: 'put', path, value };
  }

  async function commit(changes: Change[], provisional = false): Promise<void> {
    const deadline = makeDeadline(60_000, { bootId: 'test', uptime: 0, wall: NOW });
    const beside = provisional ? { provisional: { minutes: 1, deadline } } : {};
    await store.commit({ changes, kind: 'change', author: 'ada', reason: 'why', ...beside });
  }

  async function entriesFound(): Promise<string[]> {
    const snapshot = await store.snapshot();
    const { findings } = await snapshot.verifyEntries('', 1_000_000);
    snapshot.close();
    return findings.map(({ path, reason }) => `${path} ${reason}`);
  }

  async function leavesFound(): Promise<string[]> {
    const snapshot = await store.snapshot();
    const { findings } = await snapshot.verifyLeaves(0, 1_000_000);
    snapshot.close();
    return findings.map(({ path, reason }) => `${path} ${reason}`);
  }

  const write = (key: string, value: string) =>
    port.batch({ expect: [], put: [[key, Buffer.from(value)]], remove: [] });

  it('finds nothing in one that holds everything that a store can hold', async () => {
    await store.keepBranch(BRANCH, [{ path: 'things/a', base: null, theirs: { size: 9 } }]);
    await store.writeMirror([{ file: 'things/a.json', note: ['x'] }]);
    await store.writeLocal('fact', { is: 'kept' });
    await commit([put('things/c', { seat: 'right' }), put('clock', { zone: 'CET' })], true);
    const kinds = new Set<string>();
    for await (const [key] of port.range({ from: '', to: '\u007f' })) kinds.add(key.slice(0, 2));
    assert.deepEqual([...kinds].sort().join(''), 'b c d e f g h hel m n o p q r t u ', 'every kind of entry');
    assert.deepEqual(await entriesFound(), []);
    assert.deepEqual(await leavesFound(), []);
  });

  it('finds a bucket that is gone with all its records', async () => {
    const bucket = bucketOf('things/a');
    await port.batch({ expect: [], put: [], remove: [keys.bucket(bucket)] });
    assert.deepEqual(await leavesFound(), [
      `digest tree, bucket ${bucket} is not what the node above it says`,
    ]);
    assert.deepEqual(await entriesFound(), ['things/a is there, but not in the digest tree']);
  });

  it('finds a history that points nowhere, and whoever reads it is told', async () => {
    await write(keys.history('things/b', 1), '9');
    assert.deepEqual(await entriesFound(), ['entry h things/b 000000000001 is no entry of the history']);
    const snapshot = await store.snapshot();
    await assert.rejects(snapshot.traces(['things/b']), { code: 'damaged-store' });
    snapshot.close();
  });

  it('finds changes that are no list, and whoever reads them is told', async () => {
    await write(keys.changes(1, 0), '{}');
    assert.deepEqual(await entriesFound(), ['entry c 000000000001 000000000000 is no list of changes']);
    await assert.rejects(store.diff(0), { code: 'damaged-store' });
  });

  it('a commit below a record that cannot be read is refused by name', async () => {
    await write(keys.pair('things/a'), '{"dam');
    await assert.rejects(commit([put('things/a/parts/b', { weight: 1 })]), { code: 'damaged-store' });
  });
});
