import assert from 'node:assert/strict';
import type { Event } from '../../api/contract/events.ts';
import type { Status } from '../../api/contract/status.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import { Events } from '../../unit/events.ts';
import { Followers } from '../../unit/followers.ts';
import { catalog } from '../schema/records-of.ts';
import { ManualTimers } from '../sync/manual-timers.ts';

describe('whoever follows a unit', () => {
  let store: Store;
  let events: Events;
  let timers: ManualTimers;
  let followers: Followers;
  let looks: number;
  let sentence: string;
  let left: AbortController;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

  beforeEach(async () => {
    store = await Store.open({ port: openMemory(), catalog, rules: [], now: () => new Date(0) });
    await store.setRole('active', 1);
    events = new Events(log);
    events.follow(store);
    timers = new ManualTimers();
    [looks, sentence, left] = [0, 'as it was', new AbortController()];
    followers = new Followers({
      store,
      events,
      timers,
      log,
      now: () => new Date(0),
      status: async () => {
        looks += 1;
        return {
          at: `look ${looks}`,
          sync: { sentence },
          partner: null,
          provisional: null,
        } as unknown as Status;
      },
    });
  });
  afterEach(() => left.abort());

  const commit = (name: string) =>
    store.commit({
      changes: [{ op: 'put', path: `hosts/${name}`, value: { address: '10.0.0.1' } }],
      kind: 'change',
      author: 'ada',
      reason: name,
    });
  async function follow(asked: { status?: boolean; after?: number; path?: string } = {}, author = 'ada') {
    const told = await followers.follow({ ...asked, author }, left.signal);
    return told[Symbol.asyncIterator]();
  }
  const next = async (told: AsyncIterator<Event>): Promise<Event> => (await told.next()).value as Event;
  const nameOf = (event: Event): string => (event.event === 'revision' ? event.revision.reason : event.event);
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

  it('learns of each commit, in order, and of what else happens', async () => {
    const told = await follow();
    await commit('a');
    await commit('b');
    events.emit('roleChanged', { role: 'standby', epoch: 2 });
    assert.deepEqual([nameOf(await next(told)), nameOf(await next(told))], ['a', 'b']);
    assert.deepEqual(await next(told), {
      event: 'happened',
      what: 'roleChanged',
      at: '1970-01-01T00:00:00.000Z',
      facts: { role: 'standby', epoch: 2 },
    });
  });

  it('goes on where they were cut off, without a gap and without a repetition', async () => {
    await commit('a');
    await commit('b');
    const told = await follow({ after: store.head.revision - 1 });
    await commit('c');
    assert.deepEqual([nameOf(await next(told)), nameOf(await next(told))], ['b', 'c']);
  });

  it('is told what is too far back to be told', async () => {
    for (let i = 0; i < 1_001; i++) await commit(`h${i}`);
    const told = await follow({ after: 0 });
    const [gap, first] = [await next(told), await next(told)];
    assert.ok(gap.event === 'gap' && first.event === 'revision');
    assert.equal(gap.next, first.revision.revision);
    assert.ok(gap.next > 1);
  });

  it('hears of one part of the configuration alone when they want that', async () => {
    const told = await follow({ path: 'hosts/b' });
    for (const name of ['a', 'b', 'bb']) await commit(name);
    left.abort();
    assert.equal(nameOf(await next(told)), 'b');
    assert.equal((await told.next()).done, true);
    await assert.rejects(follow({ path: 'nowhere' }), { code: 'unknown-path' });
  });

  it('gets the status once for all that happens together, and only when it has changed', async () => {
    const [one, other] = [await follow({ status: true }), await follow({ status: true }, 'grace')];
    for (const told of [one, other]) assert.equal((await next(told)).event, 'status');
    const before = looks;
    sentence = 'as it is now';
    await commit('a');
    await commit('b');
    timers.advance(100);
    await turn();
    assert.equal(looks, before + 1, 'one look for both');
    for (const told of [one, other]) {
      const names = [nameOf(await next(told)), nameOf(await next(told)), nameOf(await next(told))];
      assert.deepEqual(names.sort(), ['a', 'b', 'status']);
    }
    const again = one.next();
    timers.advance(2_000);
    await turn();
    assert.equal(looks, before + 2, 'what changes without an event is looked at now and then');
    left.abort();
    assert.equal((await again).done, true, 'the same status is not told twice');
  });

  it('costs nothing once they have left', async () => {
    const told = await follow({ status: true });
    await next(told);
    const rest = told.next();
    left.abort();
    assert.equal((await rest).done, true);
    const before = looks;
    await commit('a');
    timers.advance(60_000);
    await turn();
    assert.equal(looks, before);
  });

  it('is left behind, and told so, when they read too slowly; nobody else is', async () => {
    const [slow, quick] = [await follow(), await follow({}, 'grace')];
    const first = quick.next();
    await commit('a');
    assert.equal(nameOf((await first).value as Event), 'a');
    for (let i = 0; i < 1_000; i++) events.emit('selfChanged', {});
    const last = await next(slow);
    assert.ok(last.event === 'end' && last.code === 'slow');
    assert.equal((await slow.next()).done, true);
    assert.equal((await next(quick)).event, 'happened');
  });

  it('is one of a few: more are refused, of one person first', async () => {
    for (let i = 0; i < 8; i++) await follow();
    await assert.rejects(follow(), { code: 'too-many-followers' });
    for (let person = 0; person < 7; person++)
      for (let i = 0; i < 8; i++) await follow({}, `operator ${person}`);
    await assert.rejects(follow({}, 'one more'), { code: 'too-many-followers' });
  });
});
