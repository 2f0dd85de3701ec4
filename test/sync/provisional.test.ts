import assert from 'node:assert/strict';
import { makeDeadline } from '../../host/deadline.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { CommitResult } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { MemoryPair, type MemoryUnit } from './pair-in-memory.ts';

const MINUTES = 10;
const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const host = (name: string, address: string): Change => put(`hosts/${name}`, { address });

let pair: MemoryPair;
let first: MemoryUnit;
let second: MemoryUnit;

async function inStep(...changes: Change[]): Promise<void> {
  pair = await MemoryPair.open('disk');
  ({ first, second } = pair);
  await first.commit(...changes);
  await pair.connect();
  await first.reaches('in-step');
}

function provisionally(unit: MemoryUnit, ...changes: Change[]): Promise<CommitResult> {
  const provisional = { minutes: MINUTES, deadline: makeDeadline(MINUTES * 60_000, unit.clock) };
  return unit.store.commit({ changes, kind: 'change', author: 'ada', reason: 'a try', provisional });
}

const undo = (unit: MemoryUnit): Promise<CommitResult> =>
  unit.store.undoProvisional('lockstep', 'not confirmed');
const address = async (unit: MemoryUnit, name: string): Promise<unknown> =>
  (await unit.store.read(`hosts/${name}`))?.address;

describe('a change that waits to be confirmed', () => {
  afterEach(() => pair.close());

  it('is undone to exactly the state before, on both units', async () => {
    await inStep(host('a', '10.0.0.1'), host('b', '10.0.0.2'));
    const { digest } = first.store.head;
    await provisionally(
      first,
      host('a', '10.9.9.9'),
      { op: 'remove', path: 'hosts/b' },
      host('c', '10.0.0.3'),
    );
    await first.link.forceUpdate();
    assert.equal(await address(second, 'a'), '10.9.9.9');
    await undo(first);
    await first.link.forceUpdate();
    assert.deepEqual([first.store.head.digest, second.store.head.digest], [digest, digest]);
    assert.deepEqual(
      [first, second].map(unit => unit.store.head.provisional),
      [undefined, undefined],
    );
  });

  it('stays when it is confirmed, and the standby forgets how to undo it', async () => {
    await inStep(host('a', '10.0.0.1'));
    await provisionally(first, host('a', '10.9.9.9'));
    await first.link.forceUpdate();
    assert.equal(second.store.head.provisional?.reason, 'a try');
    await first.store.confirm();
    first.link.ownChanged();
    await first.link.forceUpdate();
    assert.equal(second.store.head.provisional, undefined);
    await second.link.takeOver(false);
    await assert.rejects(undo(second), { code: 'nothing-to-confirm' });
    assert.equal(await address(second, 'a'), '10.9.9.9');
  });

  it('is undone by the other unit when the active one dies', async () => {
    await inStep(host('a', '10.0.0.1'), host('b', '10.0.0.2'));
    const { digest } = first.store.head;
    second.clock = { wall: 5, uptime: 5_000, bootId: 'boot-of-second' };
    await provisionally(first, host('a', '10.9.9.9'), { op: 'remove', path: 'hosts/b' });
    await first.link.forceUpdate();
    pair.reachable = false;
    pair.cut();
    await second.link.takeOver(false);
    assert.deepEqual(second.store.head.provisional?.deadline, makeDeadline(MINUTES * 60_000, second.clock));
    await undo(second);
    assert.equal(second.store.head.digest, digest);
  });

  it('is undone by the other unit after an ordered takeover, and the first one follows', async () => {
    await inStep(host('a', '10.0.0.1'));
    const { digest } = first.store.head;
    await provisionally(first, host('a', '10.9.9.9'));
    await second.link.takeOver(false);
    await assert.rejects(undo(first), { code: 'not-active' });
    await undo(second);
    await second.link.forceUpdate();
    assert.deepEqual([first.store.head.digest, second.store.head.digest], [digest, digest]);
  });

  it('reaches a standby that lacked earlier changes too; only the last one is undone there', async () => {
    await inStep(host('a', '10.0.0.1'));
    await first.commit(host('b', '10.0.0.2'));
    const { digest } = first.store.head;
    await provisionally(first, host('a', '10.9.9.9'), host('b', '10.9.9.8'));
    await second.link.takeOver(false);
    await undo(second);
    assert.equal(second.store.head.digest, digest);
  });

  it('is undone also where the standby held its outcome already', async () => {
    await inStep(host('a', '10.0.0.1'));
    await first.commit(host('a', '10.0.0.2'));
    const { digest } = first.store.head;
    await provisionally(first, host('a', '10.0.0.1'));
    await first.link.forceUpdate();
    await second.link.takeOver(false);
    await undo(second);
    assert.equal(second.store.head.digest, digest);
    assert.equal(await address(second, 'a'), '10.0.0.2');
  });

  it('lets no other change in between, except one that waits as well: then both are undone', async () => {
    await inStep(host('a', '10.0.0.1'));
    const { digest } = first.store.head;
    await provisionally(first, host('a', '10.9.9.9'));
    await assert.rejects(first.commit(host('b', '10.0.0.2')), { code: 'provisional', message: /ada/ });
    await provisionally(first, host('a', '10.9.9.8'), host('b', '10.0.0.2'));
    await undo(first);
    assert.equal(first.store.head.digest, digest);
  });

  it('what belongs to the unit alone is undone on that unit, whoever is active', async () => {
    await inStep(put('time', { ntpHosts: ['ntp-a.example.com'] }), host('a', '10.0.0.1'));
    await provisionally(first, put('time', { ntpHosts: ['ntp-b.example.com'] }), host('a', '10.9.9.9'));
    await second.link.takeOver(false);
    await undo(first);
    assert.deepEqual(await first.store.read('time'), { ntpHosts: ['ntp-a.example.com'] });
    assert.equal(await address(first, 'a'), '10.9.9.9');
    assert.equal(first.store.head.provisional?.reason, 'a try', 'the shared half waits for the active unit');
  });

  it('confirmed on the other unit, what belongs to this unit alone stays too', async () => {
    await inStep(put('time', { ntpHosts: ['ntp-a.example.com'] }), host('a', '10.0.0.1'));
    await provisionally(first, put('time', { ntpHosts: ['ntp-b.example.com'] }), host('a', '10.9.9.9'));
    await second.link.takeOver(false);
    await assert.rejects(first.store.confirm(), { code: 'not-active' });
    await second.store.confirm();
    second.link.ownChanged();
    await second.link.forceUpdate();
    await assert.rejects(undo(first), { code: 'nothing-to-confirm' });
    assert.deepEqual(await first.store.read('time'), { ntpHosts: ['ntp-b.example.com'] });
  });

  it('confirmed while the line was cut: the standby is told when it is back, without being asked', async () => {
    await inStep(host('a', '10.0.0.1'));
    await provisionally(first, host('a', '10.9.9.9'));
    await first.link.forceUpdate();
    pair.cut();
    await first.store.confirm();
    first.link.ownChanged();
    await pair.reconnect();
    await second.until(() => second.store.head.provisional === undefined);
  });

  it('there is nothing to confirm when nothing waits', async () => {
    await inStep(host('a', '10.0.0.1'));
    await assert.rejects(first.store.confirm(), { code: 'nothing-to-confirm' });
  });
});

describe('asked whether it would take a change', () => {
  afterEach(() => pair.close());

  it('the standby says so, and changes nothing', async () => {
    await inStep(host('a', '10.0.0.1'));
    const head = { ...second.store.head };
    await first.link.tryOut([{ path: 'hosts/b', value: { address: '10.0.0.2' } }]);
    assert.deepEqual(second.store.head, head);
  });

  it('it refuses what it could not take, with its reason', async () => {
    await inStep(host('a', '10.0.0.1'));
    await assert.rejects(first.link.tryOut([{ path: 'hosts/b', value: { address: 'nowhere' } }]), {
      code: 'invalid-value',
    });
  });

  it('it refuses what starts from another state', async () => {
    await inStep(host('a', '10.0.0.1'));
    await first.commit(host('c', '10.0.0.3'));
    await assert.rejects(first.link.tryOut([{ path: 'hosts/b', value: { address: '10.0.0.2' } }]), {
      code: 'base-differs',
    });
  });
});
