import assert from 'node:assert/strict';
import type { JsonObject } from '../../schema/json.ts';
import { type Cursor, Follower } from '../../store/follower.ts';
import { type FollowerEvent, newFollower, stepFollower } from '../../store/follower-machine.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { Store } from '../../store/store.ts';
import { ManualTimers } from '../sync/manual-timers.ts';
import { sampleCatalog } from './sample-kinds.ts';

const catalog = sampleCatalog();

/** What is worked on, for a list of events; `worked` and `failed` are told as they stand there. */
function told(...events: FollowerEvent[]): string[] {
  let state = newFollower();
  const lines: string[] = [];
  for (const event of events) {
    const step = stepFollower(state, event);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.do === 'work') lines.push(`work ${effect.work.paths?.join() ?? 'everything'}`);
      else lines.push(effect.do === 'wait' ? `wait ${effect.failures}` : 'rest');
    }
  }
  return [...lines, `done ${state.done}`];
}

const opened: FollowerEvent = { type: 'opened', since: 3, revision: 3, paths: [] };
const commit = (revision: number, ...paths: string[]): FollowerEvent => ({
  type: 'committed',
  revision,
  paths,
});
const due: FollowerEvent = { type: 'due' };
const worked: FollowerEvent = { type: 'worked' };

describe('following the commits, step by step', () => {
  it('what comes while work goes on is done together, once it has ended', () => {
    const events = [opened, commit(4, 'a'), due, commit(5, 'b'), commit(6, 'b', 'c'), worked, due, worked];
    assert.deepEqual(told(...events), ['rest', 'wait 0', 'work a', 'wait 0', 'work b,c', 'rest', 'done 6']);
  });

  it('what failed is done again, with what came meanwhile, and nothing is done until then', () => {
    const events = [opened, commit(4, 'a'), due, commit(5, 'b'), { type: 'failed' } as const];
    assert.deepEqual(told(...events), ['rest', 'wait 0', 'work a', 'wait 1', 'done 3']);
    assert.deepEqual(told(...events, due, worked).slice(4), ['work b,a', 'rest', 'done 5']);
  });

  it('a look at everything ends what goes on, which is then not done', () => {
    const events = [opened, commit(4, 'a'), due, { type: 'everything' } as const, worked];
    assert.deepEqual(told(...events), ['rest', 'wait 0', 'work a', 'wait 0', 'done 3']);
    assert.deepEqual(told(...events, due, worked).slice(4), ['work everything', 'rest', 'done 4']);
  });

  it('a commit that touches nothing of it is done at once', () => {
    assert.deepEqual(told(opened, commit(4)), ['rest', 'rest', 'done 4']);
  });

  it('what a commit touches before it is known where to begin is not left out', () => {
    const known: FollowerEvent = { type: 'opened', since: 3, revision: 4, paths: ['a'] };
    assert.deepEqual(told(commit(5, 'b'), known, due, worked), ['wait 0', 'work b,a', 'rest', 'done 5']);
  });

  it('nothing is begun after the end', () => {
    assert.deepEqual(told(opened, commit(4, 'a'), { type: 'ended' }, due), [
      'rest',
      'wait 0',
      'rest',
      'done 3',
    ]);
  });
});

describe('a follower of the commits', () => {
  let port: StorePort;
  let store: Store;
  let works: string[];
  let fails: boolean;
  let timers: ManualTimers;

  beforeEach(async () => {
    port = openMemory();
    timers = new ManualTimers();
    [works, fails] = [[], false];
    await open();
    await store.setRole('active', 1);
  });

  async function open(): Promise<void> {
    store = await Store.open({ port, catalog, rules: [], now: () => new Date(0) });
  }
  const put = (path: string, value: JsonObject = {}) =>
    store.commit({
      changes: [{ op: 'put', path, value }],
      kind: 'change',
      author: 'ada',
      reason: 'test',
    });
  function follower(): Follower<{ form?: string }> {
    return new Follower<{ form?: string }>({
      store,
      timers,
      cursor: 'test',
      goesOnFrom: ({ form }) => form === 'one',
      about: path => (path.startsWith('things/') ? path : undefined),
      work: async ({ paths }) => {
        if (fails) throw new Error('the disk is full');
        works.push(paths?.join() ?? 'everything');
      },
      failed: () => undefined,
    });
  }
  /** Follows until nothing is to be done, keeps the cursor where `form` is given, and ends as by kill -9. */
  async function follow(form?: string): Promise<string[]> {
    works = [];
    const following = follower();
    await following.start();
    await following.settled();
    if (form !== undefined) await following.keep({ form });
    await following.stop();
    return works;
  }

  const kept = async (): Promise<number | undefined> => (await store.readLocal<Cursor>('test'))?.revision;

  it('looks at everything first, then at what was touched since, also while nobody followed', async () => {
    await put('things/a');
    assert.deepEqual(await follow('one'), ['everything']);
    assert.deepEqual(await follow(), []);
    await put('things/b');
    await put('things/c');
    assert.deepEqual(await follow(), ['things/b,things/c']);
    assert.deepEqual(await follow('one'), ['things/b,things/c'], 'what was not kept is done again');
    assert.deepEqual(await follow(), []);
  });

  it('looks at everything where the cursor is of another form, another store, or older than the history', async () => {
    await put('things/a');
    await follow('one');
    await follow('two');
    assert.deepEqual(await follow('one'), ['everything']);
    await store.overrule('');
    assert.deepEqual(await follow('one'), ['everything']);
    await put('things/b');
    await put('things/c');
    await store.keepFrom(3);
    assert.deepEqual(await follow('one'), ['everything']);
    assert.deepEqual(await follow('one'), []);
  });

  it('goes on from a cursor of 0.1.0, which names no store', async () => {
    await put('things/a');
    await store.writeLocal('test', { revision: 1, form: 'one' });
    await put('things/b');
    assert.deepEqual(await follow('one'), ['things/b']);
    const { store: kept } = (await store.readLocal<Cursor>('test')) as Cursor;
    assert.equal(kept, store.head.store);
  });

  it('tries again what failed, later and later, and keeps no cursor beyond it', async () => {
    await put('things/a');
    await follow('one');
    const following = follower();
    await following.start();
    fails = true;
    await put('things/b');
    const failed = () => new Promise(resolve => setImmediate(resolve));
    await failed();
    await failed();
    await following.keep({ form: 'one' });
    assert.equal(await kept(), 1);
    timers.advance(999);
    fails = false;
    await put('things/c');
    assert.equal(works.length, 1);
    timers.advance(1);
    await following.settled();
    assert.deepEqual(works, ['everything', 'things/b,things/c']);
    await following.keep({ form: 'one' });
    assert.equal(await kept(), 3);
    await following.stop();
  });
});
