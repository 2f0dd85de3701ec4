import assert from 'node:assert/strict';
import type { Moment } from '../../../host/deadline.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import { LockstepError } from '../../../schema/error.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { ended, resumed, type Starts, started } from '../../../unit/store-care/restarts.ts';
import { StartCounter } from '../../../unit/store-care/starts.ts';
import { keptLog } from '../log/kept-log.ts';

const MINUTE = 60_000;
const at = (uptime: number, more: Partial<Moment> = {}): Moment => ({
  wall: 1_700_000_000_000 + uptime,
  uptime,
  bootId: 'first',
  ...more,
});

/** Starts at these moments, each after an end that nobody ordered. */
function crashing(...moments: Moment[]): Starts {
  return moments.reduce<Starts>(started, { running: true, restarts: [] });
}

describe('a unit that restarts', () => {
  it('is pacified by the fourth time within five minutes, and stays it', () => {
    const third = crashing(at(0), at(MINUTE), at(2 * MINUTE));
    assert.equal(third.pacified, undefined);
    const fourth = started(third, at(3 * MINUTE));
    assert.deepEqual(fourth.pacified, { since: '2023-11-14T22:16:20.000Z', restarts: 4 });
    assert.deepEqual(started(ended(fourth), at(1000 * MINUTE)).pacified, fourth.pacified);
  });

  it('now and then is not', () => {
    assert.equal(crashing(at(0), at(MINUTE), at(2 * MINUTE), at(5 * MINUTE)).pacified, undefined);
    const hourly = Array.from({ length: 100 }, (_, hour) => at(hour * 60 * MINUTE));
    const starts = crashing(...hourly);
    assert.deepEqual([starts.pacified, starts.restarts.length], [undefined, 1]);
  });

  it('because somebody says so, is not', () => {
    let starts: Starts = started(undefined, at(0));
    for (let second = 1; second < 20; second++) starts = started(ended(starts), at(second * 1000));
    assert.deepEqual(starts, { running: true, restarts: [] });
  });

  it('is counted by the uptime: a clock that jumps hides no restart and makes none', () => {
    const back = [0, 1, 2, 3].map(minute => at(minute * MINUTE, { wall: -minute * 1000 * MINUTE }));
    assert.equal(crashing(...back).pacified?.restarts, 4);
    const slow = [0, 10, 20, 30].map(minute => at(minute * MINUTE, { wall: 0 }));
    assert.equal(crashing(...slow).pacified, undefined);
  });

  it('with the whole machine, is counted across its boots by the wall clock', () => {
    const boots = (apart: number): Moment[] =>
      [0, 1, 2, 3].map(boot => ({ wall: boot * apart, uptime: 20_000, bootId: `boot ${boot}` }));
    assert.equal(crashing(...boots(MINUTE)).pacified?.restarts, 4);
    assert.equal(crashing(...boots(3 * MINUTE)).pacified, undefined);
  });

  it('begins anew once somebody has resumed it', () => {
    const starts = started(resumed(), at(4 * MINUTE));
    assert.deepEqual([starts.pacified, starts.restarts.length], [undefined, 1]);
  });
});

describe('the book of starts', () => {
  const openStore = (port = openMemory()): Promise<Store> =>
    Store.open({ port, catalog: loadCatalog(), rules: [], now: () => new Date() });

  it('is kept in the store: what ended in order does not count', async () => {
    const store = await openStore();
    const { log, lines } = keptLog();
    for (let index = 0; index < 10; index++) await (await StartCounter.open(store, at(index), log)).close();
    assert.equal((await StartCounter.open(store, at(10), log)).pacified, undefined);
    for (let index = 0; index < 4; index++) await StartCounter.open(store, at(20 + index), log);
    const book = await StartCounter.open(store, at(30), log);
    assert.equal(book.pacified?.restarts, 4);
    assert.ok(lines.some(({ level, message }) => level === 'error' && message === 'this unit is pacified'));
    await book.resume('ada');
    assert.equal(book.pacified, undefined);
    assert.equal((await StartCounter.open(store, at(40), log)).pacified, undefined);
  });

  it('that cannot be written keeps nobody from starting and ending, but stays as it is', async () => {
    const port = openMemory();
    const store = await openStore(port);
    const { log, lines } = keptLog();
    for (let index = 0; index < 5; index++) await StartCounter.open(store, at(index), log);
    port.batch = async () => {
      throw new LockstepError('disk', 'The disk is full.');
    };
    const book = await StartCounter.open(store, at(6), log);
    await assert.rejects(book.resume('ada'), /disk is full/);
    assert.notEqual(book.pacified, undefined);
    await book.close();
    assert.equal(lines.filter(({ message }) => message === 'the start was not counted').length, 2);
  });
});
