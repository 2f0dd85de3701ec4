import assert from 'node:assert/strict';
import { type Moment, makeDeadline } from '../../../host/deadline.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import type { StorePort } from '../../../store/port.ts';
import { Store } from '../../../store/store.ts';
import { ProvisionalKeeper } from '../../../unit/changes/provisional-keeper.ts';
import { Events } from '../../../unit/events.ts';
import type { Log } from '../../../unit/log/log.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';

const MINUTE = 60_000;
const silence = (): void => undefined;
const quiet: Log = { info: silence, warn: silence, error: silence, debug: silence };
const catalog = loadCatalog();

describe('what is not confirmed in time', () => {
  let port: StorePort;
  let store: Store;
  let timers: ManualTimers;
  let clock: Moment;
  let undone: Promise<void>;
  let keeper: ProvisionalKeeper;
  let told: string[];

  /** The daemon starts; `undone` resolves when something was undone. */
  async function start(): Promise<void> {
    store = await Store.open({ port, catalog, rules: RULES, now: () => new Date(0) });
    timers = new ManualTimers();
    const events = new Events(quiet);
    undone = new Promise(resolve => events.on('provisionalUndone', () => resolve()));
    events.on('provisionalOpened', ({ author, reason }) => told.push(`open: ${author}, ${reason}`));
    events.on('provisionalClosed', () => told.push('closed'));
    keeper = new ProvisionalKeeper({ store, timers, clock: () => clock, events, log: quiet });
  }

  /** A change with a net of ten minutes, made now. */
  async function change(address: string): Promise<void> {
    const provisional = { minutes: 10, deadline: makeDeadline(10 * MINUTE, clock) };
    const put = { op: 'put', path: 'hosts/a', value: { address } } as const;
    await store.commit({ changes: [put], kind: 'change', author: 'ada', reason: 'a try', provisional });
  }

  const held = async (): Promise<unknown> => (await store.read('hosts/a'))?.address;

  beforeEach(async () => {
    told = [];
    clock = { wall: 0, uptime: 1_000, bootId: 'one' };
    port = openMemory();
    await start();
    await store.setRole('active', store.head.epoch + 1);
    await store.commit({
      changes: [{ op: 'put', path: 'hosts/a', value: { address: '10.0.0.1' } }],
      kind: 'change',
      author: 'ada',
      reason: '',
    });
  });
  afterEach(() => keeper.stop());

  it('is undone when the time is up, and not before', async () => {
    await change('10.0.0.2');
    await new Promise(setImmediate);
    timers.advance(10 * MINUTE - 1);
    assert.equal(await held(), '10.0.0.2');
    timers.advance(1);
    await undone;
    assert.equal(await held(), '10.0.0.1');
  });

  it('stays when it was confirmed', async () => {
    await change('10.0.0.2');
    assert.deepEqual(told, ['open: ada, a try']);
    await store.confirm();
    keeper.look();
    assert.deepEqual(told.slice(1), ['closed']);
    timers.advance(20 * MINUTE);
    assert.equal(await held(), '10.0.0.2');
  });

  it('is undone after a restart, by the time that is left then', async () => {
    await change('10.0.0.2');
    keeper.stop();
    clock = { ...clock, uptime: clock.uptime + 4 * MINUTE };
    await start();
    timers.advance(6 * MINUTE - 1);
    assert.equal(await held(), '10.0.0.2');
    timers.advance(1);
    await undone;
    assert.equal(await held(), '10.0.0.1');
  });

  it('is undone at once after a reboot that took longer', async () => {
    await change('10.0.0.2');
    keeper.stop();
    clock = { wall: 11 * MINUTE, uptime: 5_000, bootId: 'two' };
    await start();
    timers.advance(0);
    await undone;
    assert.equal(await held(), '10.0.0.1');
  });

  it('waits on a standby for the active unit, and is undone there once that one becomes active', async () => {
    await change('10.0.0.2');
    await store.setRole('standby', store.head.epoch);
    keeper.look();
    timers.advance(60 * MINUTE);
    assert.equal(await held(), '10.0.0.2');
    clock = { ...clock, uptime: clock.uptime + 60 * MINUTE };
    await store.setRole('active', store.head.epoch + 1);
    keeper.look();
    timers.advance(0);
    await undone;
    assert.equal(await held(), '10.0.0.1');
  });
});
