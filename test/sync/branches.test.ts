import assert from 'node:assert/strict';
import type { Branch } from '../../store/branch.ts';
import type { Side } from '../../store/merge.ts';
import type { MergeResult } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { branchWork } from '../../sync/branch-exchange.ts';
import { guardOf } from '../../unit/access/roles.ts';
import { MemoryPair, type MemoryUnit } from './pair-in-memory.ts';

const host = (name: string, address: string): Change => ({
  op: 'put',
  path: `hosts/${name}`,
  value: { address },
});

let pair: MemoryPair;
let first: MemoryUnit;
let second: MemoryUnit;

/** Both units hold a few hosts; then the line is cut, `second` takes over, and both are changed. */
async function divided(onFirst: Change[], onSecond: Change[]): Promise<void> {
  pair = await MemoryPair.open('disk');
  ({ first, second } = pair);
  await first.commit(host('a', '10.0.0.1'), host('b', '10.0.0.2'), host('c', '10.0.0.3'));
  await pair.connect();
  await first.reaches('in-step');
  pair.reachable = false;
  pair.cut();
  await second.link.takeOver(false);
  if (onFirst.length > 0) await first.commit(...onFirst);
  if (onSecond.length > 0) await second.commit(...onSecond);
}

/** The line is back, and the operator decides for `second`. */
async function decided(): Promise<void> {
  await pair.reconnect();
  await second.reaches('both-active');
  await second.link.takeOver(true);
  await second.until(state => state.partner?.role === 'standby');
  await second.link.forceUpdate();
}

/** The one branch that a unit keeps, once it has it. */
async function branchOn(unit: MemoryUnit, holds: (branch: Branch) => boolean = () => true): Promise<Branch> {
  for (let turn = 0; turn < 10_000; turn++) {
    const [branch] = unit.store.branches.all();
    if (branch !== undefined && holds(branch)) return branch;
    await new Promise(setImmediate);
  }
  return assert.fail('no such branch came');
}

const merge = (unit: MemoryUnit, branch: string, side?: Side): Promise<MergeResult> =>
  unit.store.merge({ branch, choose: () => side, author: 'ada', reason: 'both are wanted' });

const address = async (unit: MemoryUnit, name: string): Promise<unknown> =>
  (await unit.store.read(`hosts/${name}`))?.address;

describe('both units were changed while the pair was divided', () => {
  afterEach(() => pair.close());

  it('what the one that gave way had changed becomes a branch, on both units', async () => {
    await divided([host('a', '10.1.0.1'), host('new', '10.1.0.9')], [host('b', '10.2.0.2')]);
    const base = first.store.head.common;
    const lost = first.store.head.digest;
    await decided();
    const branch = await branchOn(first);
    assert.deepEqual(
      { ...branch, at: '', revisions: branch.revisions.map(({ reason }) => reason) },
      {
        name: branch.name,
        unit: 'first',
        at: '',
        base,
        digest: lost,
        records: 2,
        revisions: ['change on first'],
      },
    );
    assert.deepEqual(await branchOn(second), branch);
    assert.equal(await address(first, 'a'), '10.0.0.1');
  });

  it('disjoint changes merge by themselves, into a revision that names both parents; then both units hold all of it', async () => {
    await divided([host('a', '10.1.0.1'), { op: 'remove', path: 'hosts/c' }], [host('b', '10.2.0.2')]);
    const lost = first.store.head.digest;
    await decided();
    const { name } = await branchOn(second);
    const before = second.store.head.digest;
    const { conflicts, revision } = await merge(second, name);
    assert.deepEqual(conflicts, []);
    const header = await second.store.revision(revision);
    assert.deepEqual(
      [header?.kind, header?.parent, header?.merges],
      ['merge', before, { branch: name, unit: 'first', parent: lost }],
    );
    await second.link.forceUpdate();
    for (const unit of [first, second]) {
      assert.deepEqual(
        [await address(unit, 'a'), await address(unit, 'b'), await address(unit, 'c')],
        ['10.1.0.1', '10.2.0.2', undefined],
      );
    }
    assert.equal((await branchOn(first, branch => branch.merged !== undefined)).merged?.revision, revision);
    await assert.rejects(merge(second, name), { code: 'no-such-branch' });
  });

  it('a change of the same field is left to the operator, and until then nothing is merged', async () => {
    await divided([host('a', '10.1.0.1'), host('new', '10.1.0.9')], [host('a', '10.2.0.1')]);
    await decided();
    const { name } = await branchOn(second);
    const { revision } = second.store.head;
    const refused = await merge(second, name);
    assert.deepEqual(refused.conflicts, [
      { path: 'hosts/a', field: 'address', base: '10.0.0.1', ours: '10.2.0.1', theirs: '10.1.0.1' },
    ]);
    assert.equal(second.store.head.revision, revision);
    assert.deepEqual(second.store.branches.open(), [name]);
    await merge(second, name, 'theirs');
    assert.deepEqual([await address(second, 'a'), await address(second, 'new')], ['10.1.0.1', '10.1.0.9']);
  });

  it('the same changes on both sides leave nothing to merge', async () => {
    await divided([host('a', '10.5.0.1')], [host('a', '10.5.0.1')]);
    await pair.reconnect();
    await second.link.takeOver(true);
    await second.reaches('in-step');
    assert.deepEqual(
      [first, second].map(unit => unit.store.branches.all()),
      [[], []],
    );
  });

  it('somebody who looked at it takes nothing of it: it is closed on both units, and nothing is changed', async () => {
    await divided([host('a', '10.1.0.1'), host('new', '10.1.0.9')], [host('a', '10.2.0.1')]);
    await decided();
    const { name } = await branchOn(second);
    const before = second.store.head;
    const none = { branch: name, choose: () => undefined, none: true, author: 'ada', reason: 'it is older' };
    await second.store.merge({ ...none, dryRun: true });
    assert.equal((await branchOn(second)).merged, undefined, 'a dry run closes nothing');
    const { conflicts, changes } = await second.store.merge(none);
    assert.deepEqual([conflicts, changes, second.store.head], [[], [], before]);
    pair.timers.advance(5_000); // the next greeting
    await branchOn(first, ({ merged }) => merged?.author === 'ada');
    assert.equal(await address(first, 'new'), undefined);
  });

  it('who only operates cannot merge a branch that brings along what is for admins', async () => {
    await divided(
      [
        host('a', '10.1.0.1'),
        { op: 'set', path: 'driftAlert', field: ['hook'], value: 'mine' },
        { op: 'set', path: 'ssl', field: ['ocspServer'], value: 'evil.example' },
      ],
      [host('b', '10.2.0.2')],
    );
    await decided();
    const { name } = await branchOn(second);
    const request = { branch: name, choose: () => undefined, author: 'olga', reason: 'mine' };
    await assert.rejects(second.store.merge({ ...request, guard: guardOf('operate') }), {
      code: 'role-refused',
    });
    await second.store.merge({ ...request, guard: guardOf('admin') });
    assert.equal((await second.store.read('driftAlert'))?.hook, 'mine');
  });

  it('a branch merges only on the active unit', async () => {
    await divided([host('a', '10.1.0.1')], [host('b', '10.2.0.2')]);
    await decided();
    const { name } = await branchOn(first);
    await assert.rejects(merge(first, name), { code: 'not-active' });
  });

  it('nothing was changed on the side that gave way: there is no branch', async () => {
    await divided([], [host('b', '10.2.0.2')]);
    await pair.reconnect();
    await second.reaches('behind');
    await second.link.forceUpdate();
    assert.deepEqual(first.store.branches.all(), []);
  });

  it('the copy of the partner stays open until it holds the merge', async () => {
    await divided([host('a', '10.1.0.1')], [host('b', '10.2.0.2')]);
    await decided();
    const { name } = await branchOn(second);
    await merge(second, name);
    second.link.ownChanged();
    await second.reaches('behind');
    pair.timers.advance(30_000); // greetings
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    assert.deepEqual(first.store.branches.open(), [name]);
    await second.link.forceUpdate();
    await branchOn(first, branch => branch.merged !== undefined);
  });

  it('a branch that the partner closes while it is merged here is merged whole, and a copy that comes late opens it no more', async () => {
    await divided(
      Array.from({ length: 200 }, (_, index) => host(`many-${index}`, `10.9.0.${index}`)),
      [host('b', '10.2.0.2')],
    );
    await decided();
    const { store } = second;
    const branch = await branchOn(second);
    const merging = merge(second, branch.name);
    const closing = store.closeBranch(branch.name, { revision: 9, at: branch.at, author: 'partner' });
    await assert.rejects(closing, { code: 'no-such-branch' });
    await merging;
    assert.equal(await address(second, 'many-199'), '10.9.0.199');
    await store.keepBranch(branch, []);
    assert.equal((await branchOn(second)).merged?.author, 'ada');
  });

  it('10,000 changes of the other side come over in parts, and merge', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      host(`many-${index}`, `10.9.${index >> 8}.${index & 255}`),
    );
    await divided(many, [host('b', '10.2.0.2')]);
    await decided();
    const { name, records } = await branchOn(second);
    assert.equal(records, 10_000);
    await merge(second, name);
    assert.equal(second.store.head.records, first.store.head.records + 10_000);
  }).timeout(60_000);
});

describe('the branches of the partner', () => {
  const branch = (name: string, merged?: Branch['merged']): Branch => ({
    name,
    unit: 'first',
    at: '2026-01-01T00:00:00.000Z',
    base: '',
    digest: 'd'.repeat(64),
    records: 1,
    revisions: [],
    ...(merged === undefined ? {} : { merged }),
  });

  it('are copied when they are not known here', () => {
    assert.deepEqual(branchWork([branch('r1')], ['r1', 'r2'], true), { copy: ['r2'], close: [] });
  });

  it('are closed there when they were merged here', () => {
    const merged = branch('r1', { revision: 7, at: '2026-01-02T00:00:00.000Z', author: 'ada' });
    assert.deepEqual(branchWork([merged, branch('r2')], ['r1', 'r2'], true), { copy: [], close: [merged] });
    assert.deepEqual(branchWork([merged], ['r1'], false), { copy: [], close: [] }, 'it may be the only copy');
  });
});
