import assert from 'node:assert/strict';
import type { Moment } from '../../../host/deadline.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { Events } from '../../../unit/events.ts';
import { Pausing } from '../../../unit/pair/pausing.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const HOUR = 3_600_000;
const catalog = loadCatalog();

/** A machine whose clocks pass only when a test says so, and a unit on it that can be restarted. */
class Machine {
  readonly timers = new ManualTimers();
  readonly kept = keptLog();
  store!: Store;
  pausing!: Pausing;
  bootId = 'first';
  /** What somebody set the wall clock on by. */
  setOn = 0;
  private booted = 0;
  private waiting: () => void = () => undefined;
  readonly changes: (string | undefined)[] = [];

  async start(port = openMemory()): Promise<this> {
    this.store ??= await Store.open({ port, catalog, rules: [], now: () => this.now() });
    if (this.store.head.epoch === 0) await this.store.setRole('active', 1);
    this.pausing?.stop();
    const events = new Events(this.kept.log);
    events.on('pauseChanged', ({ pause }) => {
      this.changes.push(pause?.reason);
      this.waiting();
    });
    this.pausing = await Pausing.open({
      store: this.store,
      timers: this.timers,
      now: () => this.now(),
      clock: () => this.clock(),
      events,
      log: this.kept.log,
    });
    return this;
  }

  reboot(): void {
    this.bootId = 'second';
    this.booted = this.timers.now();
  }

  changed(): Promise<void> {
    return new Promise(resolve => {
      this.waiting = resolve;
    });
  }

  private now(): Date {
    return new Date(NOON + this.timers.now() + this.setOn);
  }

  private clock(): Moment {
    return { wall: this.now().getTime(), uptime: this.timers.now() - this.booted, bootId: this.bootId };
  }
}

describe('a pause of the updates', () => {
  it('says who, why, since when and until when, and lasts until somebody lifts it', async () => {
    const machine = await new Machine().start();
    const pause = await machine.pausing.begin('ada', 'trying rules', undefined);
    assert.deepEqual(pause, {
      by: 'ada',
      reason: 'trying rules',
      since: '2025-03-01T12:00:00.000Z',
      until: null,
    });
    machine.timers.advance(1000 * HOUR);
    assert.deepEqual(machine.pausing.current, pause);
    assert.deepEqual(await machine.pausing.lift('resumed', 'bob'), pause);
    assert.equal(machine.pausing.current, undefined);
    assert.equal(await machine.pausing.lift('resumed', 'bob'), undefined);
    assert.deepEqual(machine.changes, ['trying rules', undefined]);
    assert.deepEqual(
      machine.kept.lines.map(({ message }) => message),
      ['updates paused', 'updates go out again'],
    );
  });

  it('ends by itself after its time, whatever was done to the clock', async () => {
    const machine = await new Machine().start();
    const { until } = await machine.pausing.begin('ada', 'trying rules', HOUR);
    assert.equal(until, '2025-03-01T13:00:00.000Z');
    machine.setOn = 1000 * HOUR;
    machine.timers.advance(HOUR - 1);
    assert.equal(machine.pausing.current?.reason, 'trying rules');
    const ended = machine.changed();
    machine.timers.advance(1);
    await ended;
    assert.equal(machine.pausing.current, undefined);
    assert.equal(await machine.store.readLocal('pause'), undefined);
  });

  it('outlives a restart with the time that is left', async () => {
    const machine = await new Machine().start();
    await machine.pausing.begin('ada', 'trying rules', HOUR);
    machine.timers.advance(HOUR / 2);
    machine.setOn = -1000 * HOUR;
    await machine.start();
    assert.equal(machine.pausing.current?.reason, 'trying rules');
    const ended = machine.changed();
    machine.timers.advance(HOUR / 2);
    await ended;
    assert.equal(machine.pausing.current, undefined);
  });

  it('that ended while the unit was away, across a reboot, is over when it is back', async () => {
    const machine = await new Machine().start();
    await machine.pausing.begin('ada', 'trying rules', HOUR);
    machine.pausing.stop();
    machine.reboot();
    machine.setOn = 2 * HOUR;
    const ended = machine.changed();
    await machine.start();
    await ended;
    assert.equal(machine.pausing.current, undefined);
  });

  it('takes the place of an earlier one, whose end is forgotten', async () => {
    const machine = await new Machine().start();
    await machine.pausing.begin('ada', 'trying rules', HOUR);
    await machine.pausing.begin('bob', 'still trying', undefined);
    machine.timers.advance(2 * HOUR);
    assert.equal(machine.pausing.current?.by, 'bob');
  });

  it('is not heeded on a standby, where it ends', async () => {
    const machine = await new Machine().start();
    await machine.pausing.begin('ada', 'trying rules', undefined);
    await machine.store.setRole('standby', 2);
    assert.equal(machine.pausing.current, undefined);
    await machine.pausing.roleChanged();
    await machine.store.setRole('active', 3);
    assert.equal(machine.pausing.current, undefined);
    assert.equal(await machine.store.readLocal('pause'), undefined);
  });

  it('does not begin on a standby, nor on a unit that stands down at that very moment', async () => {
    const machine = await new Machine().start();
    const { store } = machine;
    const writeLocal = store.writeLocal.bind(store);
    store.writeLocal = async (name, value) => {
      if (value !== undefined) await store.setRole('standby', 2);
      return writeLocal(name, value);
    };
    await assert.rejects(machine.pausing.begin('ada', 'trying rules', undefined), { code: 'not-active' });
    await assert.rejects(machine.pausing.begin('ada', 'again', undefined), { code: 'not-active' });
    assert.equal(await machine.store.readLocal('pause'), undefined);
  });
});
