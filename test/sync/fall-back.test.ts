import assert from 'node:assert/strict';
import { makeDeadline } from '../../host/deadline.ts';
import type { LockstepError } from '../../schema/error.ts';
import type { Branch } from '../../store/branch.ts';
import type { HaMode } from '../../sync/message.ts';
import { type Image, MemoryPair, type MemoryUnit } from './pair-in-memory.ts';

let pair: MemoryPair;

/** In step, with one host; `first` is active. */
async function inStep(): Promise<void> {
  pair = await MemoryPair.open('memory');
  await change('first', 'a', '10.0.0.1');
  await pair.connect();
  await both('in-step');
}

async function change(mode: HaMode, name: string, address: string): Promise<void> {
  await pair[mode].put(`hosts/${name}`, { address });
}

async function sent(mode: HaMode, name: string, address: string): Promise<void> {
  await change(mode, name, address);
  await pair[mode].link.forceUpdate();
}

async function both(state: 'in-step' | 'fallen-back'): Promise<void> {
  await Promise.all([pair.first.reaches(state), pair.second.reaches(state)]);
}

/** The unit comes back with an older image of its disk; `meanwhile`: before anybody sees it. */
async function fallsBack(mode: HaMode, image: Image, meanwhile?: () => Promise<void>): Promise<void> {
  pair.reachable = false;
  const unit = await pair.fallBack(mode, image);
  await meanwhile?.();
  pair.reachable = true;
  unit.link.start();
  pair.timers.advance(5_000);
}

const address = async (unit: MemoryUnit, name: string): Promise<unknown> =>
  (await unit.store.read(`hosts/${name}`))?.address;

async function branchOn({ store }: MemoryUnit): Promise<Branch> {
  for (let turn = 0; turn < 10_000; turn++) {
    const [branch] = store.branches.all();
    if (branch !== undefined) return branch;
    await new Promise(setImmediate);
  }
  return assert.fail('no branch came');
}

async function pathsOf({ store }: MemoryUnit, { name }: Branch): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of store.branches.changes(name)) paths.push(path);
  return paths;
}

/** Both hold this, nothing became a branch, and the next change arrives. */
async function whole(active: HaMode, hosts: Record<string, string | undefined>): Promise<void> {
  await both('in-step');
  assert.equal(pair[active].store.head.role, 'active');
  for (const unit of [pair.first, pair.second])
    for (const [name, value] of Object.entries(hosts)) assert.equal(await address(unit, name), value, name);
  await sent(active, 'next', '10.9.9.9');
  assert.equal(await address(pair.other({ mode: active }), 'next'), '10.9.9.9');
}

const refusedWith = (code: string) => (error: LockstepError) => error.code === code;

describe('the disk of the active unit falls back', () => {
  afterEach(() => pair.close());

  it('nothing was changed since: the partner takes over by itself with what it holds', async () => {
    await inStep();
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await sent('first', 'a', '10.0.0.9');
    await fallsBack('first', image);
    await whole('second', { a: '10.0.0.9', b: '10.0.0.2' });
    assert.deepEqual(pair.first.store.branches.all(), []);
  });

  it('a change that was on its way at that moment, and came with later ones, is known to the partner', async () => {
    await inStep();
    await change('first', 'b', '10.0.0.2');
    const image = await pair.image('first');
    await change('first', 'b', '10.0.0.3');
    await sent('first', 'c', '10.0.0.4');
    await fallsBack('first', image);
    await whole('second', { b: '10.0.0.3', c: '10.0.0.4' });
    assert.deepEqual(pair.first.store.branches.all(), []);
  });

  it('what was made since waits for a person, and becomes a branch of no more than that', async () => {
    await inStep();
    await change('first', 'b', '10.0.0.2');
    const image = await pair.image('first');
    await sent('first', 'c', '10.0.0.4');
    await fallsBack('first', image, () => change('first', 'own', '10.5.5.5'));
    await both('fallen-back');
    await assert.rejects(pair.first.link.forceUpdate(), refusedWith('fallen-back'));
    await assert.rejects(pair.first.link.takeOver(false), refusedWith('fallen-back'));
    await assert.rejects(pair.second.link.takeOver(false), refusedWith('fallen-back'));
    assert.equal(await address(pair.second, 'c'), '10.0.0.4', 'nothing went out');
    await pair.second.link.takeOver(true);
    await whole('second', { b: '10.0.0.2', c: '10.0.0.4', own: undefined });
    for (const unit of [pair.first, pair.second])
      assert.deepEqual(await pathsOf(unit, await branchOn(unit)), ['hosts/own']);
    const { name: branch } = await branchOn(pair.second);
    await pair.second.store.merge({ branch, choose: () => undefined, author: 'ada', reason: 'wanted' });
    assert.equal(await address(pair.second, 'own'), '10.5.5.5');
  });

  it('new revisions took the numbers of the lost ones, and more', async () => {
    await inStep();
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await sent('first', 'c', '10.0.0.3');
    await fallsBack('first', image, async () => {
      for (let count = 1; count < 6; count++) await change('first', 'own', `10.5.5.${count}`);
    });
    await both('fallen-back');
    await pair.second.link.takeOver(true);
    await whole('second', { b: '10.0.0.2', c: '10.0.0.3', own: undefined });
    assert.deepEqual(await pathsOf(pair.second, await branchOn(pair.second)), ['hosts/own']);
  });

  it('somebody wants the older state: what the partner alone holds becomes a branch', async () => {
    await inStep();
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image, () => change('first', 'own', '10.5.5.5'));
    await both('fallen-back');
    await pair.first.link.takeOver(true);
    await pair.first.link.forceUpdate();
    await whole('first', { a: '10.0.0.1', b: undefined, own: '10.5.5.5' });
    for (const unit of [pair.first, pair.second])
      assert.deepEqual(await pathsOf(unit, await branchOn(unit)), ['hosts/b']);
  });

  it('the same image comes back once more', async () => {
    await inStep();
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image);
    await whole('second', { b: '10.0.0.2' });
    await pair.first.link.takeOver(false);
    await sent('first', 'c', '10.0.0.3');
    await fallsBack('first', image);
    await whole('second', { b: '10.0.0.2', c: '10.0.0.3' });
  });

  it('what it undid by itself when the time was up is no change of anybody', async () => {
    await inStep();
    const { store } = pair.first;
    const provisional = { minutes: 1, deadline: makeDeadline(60_000, pair.first.clock) };
    await store.commit({
      changes: [{ op: 'put', path: 'hosts/net', value: { address: '10.3.3.3' } }],
      kind: 'change',
      author: 'ada',
      reason: 'on trial',
      provisional,
    });
    await pair.first.link.forceUpdate();
    const image = await pair.image('first');
    await store.confirm();
    await pair.first.link.forceUpdate();
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image, async () => {
      await pair.first.store.undoProvisional('lockstep', 'not confirmed in time');
    });
    await whole('second', { net: '10.3.3.3', b: '10.0.0.2' });
    assert.equal(pair.second.store.head.provisional, undefined);
  });
});

describe('the disk of a unit falls back behind a takeover', () => {
  afterEach(() => pair.close());

  it('it was active then: it stands down for the partner, which is', async () => {
    await inStep();
    const image = await pair.image('first');
    await pair.second.link.takeOver(false);
    await sent('second', 'b', '10.0.0.2');
    await fallsBack('first', image);
    await whole('second', { a: '10.0.0.1', b: '10.0.0.2' });
    assert.deepEqual(pair.first.store.branches.all(), []);
  });

  it('it was active then and is now: the partner takes over', async () => {
    await inStep();
    const image = await pair.image('first');
    await pair.second.link.takeOver(false);
    await sent('second', 'b', '10.0.0.2');
    await pair.first.link.takeOver(false);
    await sent('first', 'c', '10.0.0.3');
    await fallsBack('first', image);
    await whole('second', { b: '10.0.0.2', c: '10.0.0.3' });
  });

  it('it was changed since: one command on the partner ends it', async () => {
    await inStep();
    const image = await pair.image('first');
    await pair.second.link.takeOver(false);
    await sent('second', 'b', '10.0.0.2');
    await fallsBack('first', image, () => change('first', 'own', '10.5.5.5'));
    await both('fallen-back');
    await assert.rejects(pair.second.link.takeOver(false), refusedWith('fallen-back'));
    await pair.second.link.takeOver(true);
    await whole('second', { b: '10.0.0.2', own: undefined });
    assert.deepEqual(await pathsOf(pair.second, await branchOn(pair.second)), ['hosts/own']);
  });

  it('both fell back, to different points: the later one is what is left', async () => {
    await inStep();
    const early = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    const late = await pair.image('second');
    await sent('first', 'c', '10.0.0.3');
    await fallsBack('second', late);
    await fallsBack('first', early);
    await whole('second', { a: '10.0.0.1', b: '10.0.0.2', c: undefined });
  });

  it('to before it had a partner: the partner takes over by itself', async () => {
    pair = await MemoryPair.open('memory');
    await change('first', 'a', '10.0.0.1');
    const image = await pair.image('first');
    await pair.connect();
    await both('in-step');
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image);
    await both('fallen-back');
    await pair.second.link.takeOver(true);
    await whole('second', { a: '10.0.0.1', b: '10.0.0.2' });
  });
});

describe('the disk of the standby falls back', () => {
  afterEach(() => pair.close());

  it('the next update mends it, and its history says what happened', async () => {
    await inStep();
    const image = await pair.image('second');
    const id = pair.second.store.head.store;
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('second', image);
    await whole('first', { a: '10.0.0.1', b: '10.0.0.2' });
    const reasons: string[] = [];
    for await (const { reason } of pair.second.store.history()) reasons.push(reason);
    assert.ok(
      reasons.some(reason => /after the disk of this unit fell back to revision 1/.test(reason)),
      reasons.join('\n'),
    );
    assert.notEqual(pair.second.store.head.store, id, 'of the mended store nothing was seen yet');
    assert.equal(pair.second.store.head.fellBack, undefined);
    assert.deepEqual(pair.second.store.branches.all(), []);
  });
});

describe('a fall-back beside a partner of release 0.1.0', () => {
  afterEach(() => pair.close());

  it('it says only what it confirmed: nothing goes out until somebody decides', async () => {
    await inStep();
    pair.second.isOld = true;
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image);
    await pair.first.reaches('fallen-back');
    await assert.rejects(pair.first.link.forceUpdate(), refusedWith('fallen-back'));
    await assert.rejects(pair.second.link.takeOver(false), refusedWith('fallen-back'));
    await pair.second.link.takeOver(true);
    await whole('second', { a: '10.0.0.1', b: '10.0.0.2' });
  });

  it('somebody decides for the older state, once', async () => {
    await inStep();
    pair.second.isOld = true;
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    await fallsBack('first', image);
    await pair.first.reaches('fallen-back');
    await pair.first.link.takeOver(true);
    await pair.first.link.forceUpdate();
    await whole('first', { a: '10.0.0.1', b: undefined });
  });

  it('an old active unit does not know that it fell back: what its partner took from it tells', async () => {
    pair = await MemoryPair.open('memory');
    pair.first.isOld = true;
    await change('first', 'a', '10.0.0.1');
    await pair.connect();
    await both('in-step');
    const image = await pair.image('first');
    await sent('first', 'b', '10.0.0.2');
    pair.reachable = false;
    const unit = await pair.fallBack('first', image);
    unit.isOld = true;
    // An old unit judges nothing either.
    unit.link.heard = () => undefined;
    pair.reachable = true;
    unit.link.start();
    pair.timers.advance(5_000);
    await unit.reaches('refused');
    assert.equal(await address(pair.second, 'b'), '10.0.0.2');
  });
});
