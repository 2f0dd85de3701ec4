import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { canonicalize, type JsonObject } from '../../schema/json.ts';
import { splitRecord } from '../../schema/record.ts';
import type { Rule } from '../../schema/rule.ts';
import { EMPTY_DIGEST, type LeafChange, recordHash, updateTree } from '../../store/digest.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { resolveChanges } from '../../store/resolve-changes.ts';
import { type PairChange, Store, type UpdateRequest } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { FutureView, RecordReader } from '../../store/view.ts';
import { sampleCatalog } from './sample-kinds.ts';

const catalog = sampleCatalog();
const clock = (): Date => new Date('2026-01-02T03:04:05Z');

const noForbidden: Rule = {
  code: 'forbidden-label',
  severity: 'error',
  holds: 'No thing is labelled "forbidden".',
  why: 'the test says so',
  hint: 'Take another label.',
  looksAt: ['thing'],
  check: async (view, touched) => {
    const labels = await Promise.all(
      touched.map(async path => [path, (await view.get(path))?.label] as const),
    );
    return labels
      .filter(([, label]) => label === 'forbidden')
      .map(([path]) => ({ code: 'forbidden-label', path, message: 'it is forbidden' }));
  },
};

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const remove = (path: string): Change => ({ op: 'remove', path });
const commit = (store: Store, ...changes: Change[]) =>
  store.commit({ changes, kind: 'change', author: 'test', reason: 'test' });

async function openOn(port: StorePort): Promise<Store> {
  return Store.open({ port, catalog, rules: [noForbidden], now: clock });
}

/** An active store in memory. */
async function active(): Promise<Store> {
  const store = await openOn(openMemory());
  await store.setRole('active', 1);
  return store;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function contentOf(store: Pick<Store, 'list' | 'paths'>): Promise<Record<string, JsonObject>> {
  const records = await collect(store.list());
  assert.deepEqual(
    await collect(store.paths()),
    records.map(({ path }) => path),
  );
  return Object.fromEntries(records.map(({ path, value }) => [path, value]));
}

/** The digest made from nothing but the content, with another tree. */
async function recomputed(store: Store): Promise<string> {
  const leaves: LeafChange[] = [];
  for (const { path, value } of await collect(store.list())) {
    const { pair } = splitRecord(catalog.kindOf(path), value);
    if (pair !== undefined) leaves.push({ path, hash: recordHash(canonicalize(pair)) });
  }
  return (await updateTree(openMemory(), leaves)).digest;
}

const id = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'toString');
const thing = fc.record(
  {
    size: fc.nat(100),
    label: fc.constantFrom('x', 'ü', ''),
    seat: fc.constantFrom('left', 'right'),
    password: fc.constantFrom('one', 'two'),
  },
  { requiredKeys: [] },
);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ op: fc.constant('put' as const), path: id.map(name => `things/${name}`), value: thing }),
  fc.record({
    op: fc.constant('put' as const),
    path: fc.tuple(id, id).map(([a, b]) => `things/${a}/parts/${b}`),
    value: fc.record({ weight: fc.nat(3) }),
  }),
  fc.record({
    op: fc.constant('put' as const),
    path: fc.constant('knob'),
    value: fc.record({ level: fc.nat(10), place: fc.constantFrom('here', 'there') }, { requiredKeys: [] }),
  }),
  fc.record({
    op: fc.constant('put' as const),
    path: fc.constant('clock'),
    value: fc.record({ zone: fc.constantFrom('UTC', 'CET') }),
  }),
  fc.record({
    op: fc.constant('set' as const),
    path: id.map(name => `things/${name}`),
    field: fc.constant<string[]>(['size']),
    value: fc.nat(100),
  }),
  fc.record({
    op: fc.constant('unset' as const),
    path: id.map(name => `things/${name}`),
    field: fc.constantFrom<string[][]>(['size'], ['seat']),
  }),
  fc.record({
    op: fc.constant('remove' as const),
    path: fc.oneof(
      id.map(name => `things/${name}`),
      fc.constantFrom('things', 'knob', 'clock'),
    ),
  }),
);
const commits = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 8 });

/** Random changes: those that are refused (a part without its thing, say) must leave no trace. */
async function play(store: Store, all: Change[][]): Promise<void> {
  for (const changes of all) {
    const before = store.head;
    await commit(store, ...changes).catch(error => {
      assert.ok(['no-such-record', 'parent-missing', 'invalid-change'].includes(error.code), error);
      assert.deepEqual(store.head, before);
    });
  }
}

for (const name of ['memory', 'lmdb'] as const) {
  describe(`store on ${name}`, () => {
    let dir: string;
    let store: Store;
    const port = (): StorePort => (name === 'lmdb' ? openLmdb(join(dir, 'store')) : openMemory());

    beforeEach(async () => {
      dir = mkdtempSync(join(tmpdir(), 'lockstep-store-'));
      store = await openOn(port());
      await store.setRole('active', 1);
    });
    afterEach(async () => {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    });

    describe('commit and read', () => {
      it('a store that was never used is an empty standby', async () => {
        const fresh = await openOn(openMemory());
        const { revision, digest, epoch, role, records } = fresh.head;
        assert.deepEqual([revision, digest, epoch, role, records], [0, EMPTY_DIGEST, 0, 'standby', 0]);
        assert.deepEqual(await collect(fresh.list()), []);
      });

      it('what is committed is read, and listed by path', async () => {
        const result = await commit(
          store,
          put('things/b', { size: 2 }),
          put('things/a', { size: 1 }),
          put('things/a/parts/p', {}),
          put('clock', { zone: 'UTC' }),
          put('things/a-b', {}),
        );
        assert.equal(result.revision, 1);
        assert.deepEqual(await store.read('things/a'), { size: 1 });
        assert.equal(await store.read('things/none'), undefined);
        assert.deepEqual(
          (await collect(store.list())).map(({ path }) => path),
          ['clock', 'things/a', 'things/a-b', 'things/a/parts/p', 'things/b'],
        );
        assert.deepEqual(
          (await collect(store.list('things/a'))).map(({ path }) => path),
          ['things/a', 'things/a/parts/p'],
        );
        assert.deepEqual(await collect(store.paths('things/a')), ['things/a', 'things/a/parts/p']);
        assert.deepEqual(await collect(store.pathsWith('things/a-')), ['things/a-b']);
        assert.equal(store.head.records, 4); // the clock is not shared
      });

      it('a view of what will be names the paths of what it lists', async () => {
        const port = openMemory();
        const here = await openOn(port);
        await here.setRole('active', 1);
        await commit(here, put('things/a', { size: 1 }), put('things/b', {}));
        const records = new RecordReader(catalog, port);
        const changes = [remove('things/a'), put('things/c', {}), put('things/c/parts/p', {})];
        const view = new FutureView(catalog, port, await resolveChanges(catalog, records, changes));
        const paths = await collect(view.paths('things'));
        assert.deepEqual(paths.toSorted(), ['things/b', 'things/c', 'things/c/parts/p']);
        assert.deepEqual(
          paths,
          (await collect(view.list('things'))).map(({ path }) => path),
        );
      });

      it('nothing changed is no revision', async () => {
        await commit(store, put('things/a', { size: 1 }));
        const before = store.head;
        assert.equal((await commit(store, put('things/a', { size: 1 }))).changes.length, 0);
        await commit(store, put('things/b', {}), remove('things/b'));
        assert.deepEqual(store.head, before);
      });

      it('a dry run tells and writes nothing', async () => {
        const result = await store.commit({
          changes: [put('things/a', {})],
          kind: 'change',
          author: 't',
          reason: '',
          dryRun: true,
        });
        assert.deepEqual(
          result.changes.map(({ path }) => path),
          ['things/a'],
        );
        assert.equal(store.head.revision, 0);
        assert.equal(await store.read('things/a'), undefined);
      });

      it('compare-and-swap: of two who looked at the same revision, one is refused', async () => {
        const both = ['a', 'b'].map(each =>
          store.commit({
            changes: [put(`things/${each}`, {})],
            kind: 'change',
            author: 't',
            reason: '',
            expected: 0,
          }),
        );
        const results = await Promise.allSettled(both);
        assert.deepEqual(
          results.map(({ status }) => status),
          ['fulfilled', 'rejected'],
        );
        assert.equal((results[1] as PromiseRejectedResult).reason.code, 'conflict');
        assert.equal(store.head.revision, 1);
      });

      it('a hundred commits at once come one after the other', async () => {
        const grow = async (records: {
          get(path: string): Promise<JsonObject | undefined>;
        }): Promise<Change[]> => [
          put('things/a', { size: Number((await records.get('things/a'))?.size ?? 0) + 1 }),
        ];
        await Promise.all(
          Array.from({ length: 100 }, () =>
            store.commit({ changes: grow, kind: 'change', author: 't', reason: '' }),
          ),
        );
        assert.deepEqual(await store.read('things/a'), { size: 100 });
        assert.equal(store.head.revision, 100);
      });

      it('removing a record removes all below it', async () => {
        await commit(
          store,
          put('things/a', {}),
          put('things/a/parts/p', {}),
          put('things/a/parts/p/bits/b', {}),
          put('things/a-b', {}),
        );
        await commit(store, remove('things/a'));
        assert.deepEqual(Object.keys(await contentOf(store)), ['things/a-b']);
        await commit(store, remove('things'));
        assert.deepEqual(await contentOf(store), {});
        assert.equal(store.head.digest, EMPTY_DIGEST);
        await assert.rejects(commit(store, remove('things')), { code: 'no-such-record' });
      });

      it('a record in a group needs no record above it', async () => {
        await commit(store, put('depot/boxes/x', { full: true }));
        assert.deepEqual(await store.read('depot/boxes/x'), { full: true });
      });

      it('names that JavaScript reserves are no ids, names that objects inherit are', async () => {
        for (const bad of ['__proto__', 'constructor', 'prototype'])
          await assert.rejects(commit(store, put(`things/${bad}`, {})), { code: 'bad-id' });
        await commit(store, put('things/toString', { size: 1 }), put('things/hasOwnProperty', {}));
        assert.deepEqual(await store.read('things/toString'), { size: 1 });
      });
    });

    describe('rules', () => {
      const refused = async (code: string, ...changes: Change[]): Promise<void> => {
        const before = store.head;
        await assert.rejects(commit(store, ...changes), { code });
        assert.deepEqual(store.head, before);
      };

      it('an invalid record is refused with all that is wrong', async () => {
        await refused('invalid-value', put('things/a', { size: 101 }));
        await refused('invalid-change', put('things/a', { size: 101, colour: 'red' }));
      });

      it('a record needs the one above it', async () => {
        await refused('parent-missing', put('things/a/parts/p', {}));
        await commit(store, put('things/a/parts/p', {}), put('things/a', {}));
      });

      it('a reference must exist, and what is referred to cannot go', async () => {
        await refused('dangling-reference', put('things/a', { friend: 'b' }));
        await commit(store, put('things/a', { friend: 'b' }), put('things/b', {}));
        await refused('dangling-reference', remove('things/b'));
        await commit(store, remove('things/b'), put('things/a', {}));
      });

      it('two may not hold a value that may exist once; but they may swap', async () => {
        await commit(store, put('things/a', { serial: 1 }), put('things/b', { serial: 2 }));
        await refused('not-unique', put('things/c', { serial: 1 }));
        await refused(
          'invalid-change',
          put('things/c', { serial: 3 }),
          put('things/d', { serial: 3 }),
          put('things/e', { serial: 3 }),
        );
        await commit(store, put('things/a', { serial: 2 }), put('things/b', { serial: 1 }));
        await commit(store, remove('things/a'), put('things/c', { serial: 2 }));
        await refused('not-unique', put('things/d', { serial: 2 }));
      });

      it('a rule across records is asked about what is touched', async () => {
        await refused('rule-broken', put('things/a', { label: 'forbidden' }));
      });

      it('the standby changes only what is its own', async () => {
        await commit(store, put('knob', { level: 1 }), put('things/a', {}));
        await store.setRole('standby', 1);
        await refused('not-active', put('knob', { level: 2 }));
        await refused('not-active', remove('things/a'));
        await assert.rejects(store.rollback(0, { author: 't', reason: '' }), { code: 'not-active' });
        await commit(
          store,
          { op: 'set', path: 'knob', field: ['place'], value: 'here' },
          put('clock', { zone: 'UTC' }),
        );
        assert.deepEqual(await store.read('knob'), { level: 1, place: 'here' });
      });
    });

    describe('secrets', () => {
      it('a mask that comes back keeps the secret; with nothing to keep it is refused', async () => {
        await assert.rejects(commit(store, put('things/a', { password: '********' })), {
          code: 'secret-unknown',
        });
        await commit(store, put('things/a', { password: 'geheim' }));
        await commit(store, put('things/a', { password: '********', size: 1 }));
        assert.deepEqual(await store.read('things/a'), { password: 'geheim', size: 1 });
      });
    });

    describe('history', () => {
      beforeEach(async () => {
        await commit(store, put('things/a', { size: 1 }));
        await commit(store, put('things/b', { size: 1 }), put('things/a', { size: 2 }));
        await commit(store, remove('things/a'));
      });

      it('newest first, also of one record', async () => {
        assert.deepEqual(
          (await collect(store.history())).map(({ revision }) => revision),
          [3, 2, 1],
        );
        assert.deepEqual(
          (await collect(store.history('things/b'))).map(({ revision }) => revision),
          [2],
        );
        assert.deepEqual(
          (await collect(store.history('things'))).map(({ revision }) => revision),
          [3, 2, 1],
        );
        const second = await store.revision(2);
        const first = await store.revision(1);
        assert.equal(second?.parent, first?.digest);
        assert.deepEqual(
          [second?.records, second?.author, second?.at],
          [2, 'test', '2026-01-02T03:04:05.000Z'],
        );
      });

      it('a diff says what differs, in both directions', async () => {
        const there = await store.diff(1, 3);
        assert.deepEqual(
          there.map(({ path, before, after }) => [path, before.pair, after.pair]),
          [
            ['things/a', { size: 1 }, undefined],
            ['things/b', undefined, { size: 1 }],
          ],
        );
        const back = await store.diff(3, 1);
        assert.deepEqual(
          back.map(({ path, before, after }) => [path, after.pair, before.pair]),
          there.map(({ path, before, after }) => [path, before.pair, after.pair]),
        );
        assert.deepEqual(await store.diff(0, 0), []);
        await assert.rejects(store.diff(1, 99), { code: 'no-such-revision' });
      });

      it('a rollback is a revision, and can be rolled back', async () => {
        const digest = store.head.digest;
        await store.rollback(2, { author: 't', reason: 'undo' });
        assert.deepEqual(await contentOf(store), { 'things/a': { size: 2 }, 'things/b': { size: 1 } });
        assert.equal(store.head.revision, 4);
        await store.rollback(3, { author: 't', reason: 'undo the undo' });
        assert.equal(store.head.digest, digest);
      });

      it('the newest revision with a digest is known', async () => {
        const { digest } = store.head;
        await store.rollback(0, { author: 't', reason: '' });
        await store.rollback(3, { author: 't', reason: '' });
        assert.equal(await store.revisionWithDigest(digest), 5);
        assert.equal(await store.revisionWithDigest('00ff'), undefined);
      });
    });

    it('a record is read of one revision, whenever a commit comes', async () => {
      for (let size = 1; size <= 40; size++) {
        const committing = commit(store, put('things/a', { size, seat: String(size) }));
        for (let turn = 0; turn < size; turn++) await undefined;
        const read = await store.read('things/a');
        if (read !== undefined) assert.equal(read.seat, String(read.size));
        await committing;
      }
    });

    it('a snapshot is not changed by later commits', async () => {
      await commit(store, put('things/a', { size: 1 }), put('clock', { zone: 'UTC' }));
      const snapshot = await store.snapshot();
      const before = await contentOf(snapshot);
      await commit(store, put('things/a', { size: 2 }), put('things/b', {}), remove('clock'));
      assert.deepEqual(await contentOf(snapshot), before);
      assert.equal(snapshot.head.revision, 1);
      assert.deepEqual(await snapshot.pairChange('things/b'), { path: 'things/b', value: null });
      assert.deepEqual(await collect(snapshot.spelledChanges()), [
        [{ path: 'things/a', value: '{"size":1}' }],
      ]);
      snapshot.close();
    });

    it('listeners hear of each commit, with its paths, until they leave', async () => {
      const heard: [number, string[]][] = [];
      const leave = store.watch(({ revision }, paths) => heard.push([revision, paths]));
      await commit(store, put('things/a', {}));
      await commit(store, put('things/a', {}));
      leave();
      await commit(store, put('things/b', {}));
      assert.deepEqual(heard, [[1, ['things/a']]]);
    });

    it('what the mirror and the unit remember is kept beside the configuration', async () => {
      await store.writeMirror([
        { file: 'things/a%3A.json', note: ['x', 'y'] },
        { file: 'b.json', note: ['z'] },
      ]);
      await store.writeMirror([{ file: 'b.json', note: undefined }]);
      await store.writeLocal('fact', { known: true });
      assert.deepEqual(await collect(store.readMirror()), [['things/a%3A.json', ['x', 'y']]]);
      assert.deepEqual(await store.readLocal('fact'), { known: true });
      await store.writeLocal('fact', undefined);
      assert.equal(await store.readLocal('fact'), undefined);
      assert.deepEqual([store.head.revision, store.head.digest], [0, EMPTY_DIGEST]);
    });
  });
}

describe('store: laws', () => {
  it('the undo of a commit is the state before', async () => {
    await fc.assert(
      fc.asyncProperty(commits, fc.array(change, { minLength: 1, maxLength: 4 }), async (before, last) => {
        const store = await active();
        await play(store, before);
        const { revision, digest, records } = store.head;
        const content = await contentOf(store);
        await play(store, [last]);
        await store.rollback(revision, { author: 't', reason: 'undo' });
        assert.deepEqual(await contentOf(store), content);
        assert.deepEqual([store.head.digest, store.head.records], [digest, records]);
      }),
      { numRuns: 150 },
    );
  });

  it('the digest made change by change is the one made from the content', async () => {
    await fc.assert(
      fc.asyncProperty(commits, async all => {
        const store = await active();
        await play(store, all);
        assert.equal(store.head.digest, await recomputed(store));
      }),
      { numRuns: 150 },
    );
  });

  it('a record does not stay behind when what it belongs to is removed, even if the change adds it as it was', async () => {
    const store = await active();
    await commit(store, put('things/b', { size: 1 }), put('things/b/parts/one', { weight: 1 }));
    await assert.rejects(commit(store, remove('things/b'), put('things/b/parts/one', { weight: 1 })), {
      code: 'parent-missing',
    });
    await commit(store, remove('things/b'));
    assert.equal(store.head.records, 0);
  });

  it('equal content has an equal digest, whatever the way to it', async () => {
    await fc.assert(
      fc.asyncProperty(commits, async all => {
        const [one, other] = [await active(), await active()];
        await play(one, all);
        const records = (await collect(one.list())).reverse();
        records.sort((a, b) => a.path.split('/').length - b.path.split('/').length); // parents first
        await commit(other, put('things/passing', { size: 1 }), put('knob', { level: 9 }));
        for (const { path, value } of records) await commit(other, put(path, value));
        for (const path of ['things/passing', 'knob'])
          if ((await one.read(path)) === undefined) await commit(other, remove(path));
        assert.equal(other.head.digest, one.head.digest);
        assert.equal(other.head.records, one.head.records);
      }),
      { numRuns: 100 },
    );
  });

  it('what belongs to one unit never changes the digest', async () => {
    const own: fc.Arbitrary<Change> = fc.oneof(
      fc.record({
        op: fc.constant('set' as const),
        path: fc.constant('knob'),
        field: fc.constantFrom<string[][]>(['place'], ['pin']),
        value: fc.string(),
      }),
      fc.record({
        op: fc.constant('set' as const),
        path: id.map(name => `things/${name}`),
        field: fc.constant<string[]>(['seat']),
        value: fc.string(),
      }),
      fc.record({
        op: fc.constant('put' as const),
        path: fc.constant('clock'),
        value: fc.record({ zone: fc.string() }),
      }),
      fc.record({
        op: fc.constant('put' as const),
        path: fc.constant('people/root'),
        value: fc.record({ password: fc.stringMatching(/^[a-z]{1,8}$/) }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(own, { minLength: 1, maxLength: 6 }), async changes => {
        const store = await active();
        await commit(
          store,
          put('knob', { level: 1 }),
          ...['a', 'b', 'a-b', 'a.b', 'toString'].map(name => put(`things/${name}`, {})),
        );
        const { digest, records } = store.head;
        await commit(store, ...changes);
        assert.deepEqual([store.head.digest, store.head.records], [digest, records]);
      }),
    );
  });

  it('a diff applied to the older state gives the newer one', async () => {
    await fc.assert(
      fc.asyncProperty(commits, fc.nat(8), async (all, from) => {
        const store = await active();
        await play(store, all);
        const start = Math.min(from, store.head.revision);
        const other = await openOn(openMemory());
        for (const [base, target] of [
          [0, start],
          [start, store.head.revision],
        ] as const) {
          const changes = await store.pairChanges(base, target);
          const goal = target === 0 ? EMPTY_DIGEST : ((await store.revision(target))?.digest ?? '');
          await other.applyUpdate(updateOf(other, changes, goal));
        }
        assert.equal(other.head.digest, store.head.digest);
      }),
      { numRuns: 100 },
    );
  });
});

function updateOf(
  standby: Store,
  changes: PairChange[],
  target: string,
  more: Partial<UpdateRequest> = {},
): UpdateRequest {
  return {
    changes,
    base: standby.head.digest,
    target,
    epoch: 1,
    from: 'partner',
    to: 'this',
    common: '',
    brought: [],
    provisional: undefined,
    confirmed: '',
    ...more,
  };
}

describe('store: an update of the active unit', () => {
  let source: Store;
  let standby: Store;
  let changes: PairChange[];

  beforeEach(async () => {
    source = await active();
    standby = await openOn(openMemory());
    await commit(
      source,
      put('things/a', { size: 1, seat: 'left' }),
      put('knob', { level: 1, place: 'here' }),
      put('people/root', { password: 'x' }),
    );
    changes = await source.pairChanges(0, 1);
  });
  const refused = async (code: string, update: UpdateRequest): Promise<void> => {
    const before = [standby.head, await contentOf(standby)];
    await assert.rejects(standby.applyUpdate(update), { code });
    assert.deepEqual([standby.head, await contentOf(standby)], before);
  };

  it('makes the shared part equal, and brings nothing else', async () => {
    await commit(
      { commit: request => standby.commit({ ...request, kind: 'init' }) } as Store,
      put('knob', { level: 7, place: 'there' }),
    );
    await standby.applyUpdate(updateOf(standby, changes, source.head.digest));
    assert.deepEqual(await contentOf(standby), {
      knob: { level: 1, place: 'there' },
      'things/a': { size: 1 },
    });
    assert.equal(standby.head.digest, source.head.digest);
    assert.equal(standby.head.epoch, 1);
  });

  it('repeated, it is harmless', async () => {
    const update = updateOf(standby, changes, source.head.digest);
    assert.equal((await standby.applyUpdate(update)).result, 'applied');
    assert.equal((await standby.applyUpdate(update)).result, 'already-applied');
    assert.equal(standby.head.revision, 1);
  });

  it('made ready while it came in, it is taken and refused just as without', async () => {
    const ready = (given: PairChange[]): PairChange[] => {
      const copies = structuredClone(given);
      standby.prepare(copies);
      return copies;
    };
    const { digest } = source.head;
    for (const [code, bad] of [
      ['unit-scope', { path: 'people/root', value: { password: 'x' } }],
      ['unit-scope', { path: 'knob', value: { level: 1, place: 'here' } }],
      ['invalid-value', { path: 'things/z', value: { size: 'large' } }],
      ['unknown-path', { path: 'nothing/z', value: {} }],
      ['bad-message', { path: 'things/a', value: { size: 1 } }],
      ['digest-differs', { path: 'things/y', value: { size: 1 } }],
    ] as const) {
      const rest = changes.filter(({ path }) => path !== bad.path || code === 'bad-message');
      await refused(code, updateOf(standby, [...rest, bad], digest));
      await refused(code, updateOf(standby, ready([...rest, bad]), digest));
    }
    await standby.applyUpdate(updateOf(standby, ready(changes), digest));
    assert.equal(standby.head.digest, digest);
  });

  it('from a lower epoch is refused', async () => {
    await standby.setRole('standby', 5);
    await refused('stale-epoch', updateOf(standby, changes, source.head.digest, { epoch: 4 }));
    await assert.rejects(standby.setRole('active', 4), { code: 'stale-epoch' });
  });

  it('from another base is refused', async () => {
    await refused('base-differs', updateOf(standby, changes, source.head.digest, { base: 'ab'.repeat(32) }));
  });

  it('that does not give what it promises is refused', async () => {
    await refused('digest-differs', updateOf(standby, changes.slice(1), source.head.digest));
  });

  it('that holds what never leaves a unit is refused, whatever else is in it', async () => {
    const forged = (change: PairChange): UpdateRequest =>
      updateOf(standby, [...changes.filter(({ path }) => path !== change.path), change], source.head.digest);
    await refused('unit-scope', forged({ path: 'people/root', value: { password: 'taken' } }));
    await refused('unit-scope', forged({ path: 'people/root', value: null }));
    await refused('unit-scope', forged({ path: 'knob', value: { level: 1, place: 'here' } }));
    await refused('unit-scope', forged({ path: 'clock', value: {} }));
  });

  it('that names a record twice is refused', async () => {
    await refused('bad-message', updateOf(standby, [...changes, ...changes], source.head.digest));
  });

  it('that is not valid is refused', async () => {
    await refused(
      'invalid-value',
      updateOf(standby, [{ path: 'things/a', value: { size: 1000 } }], 'cd'.repeat(32)),
    );
    await refused('unknown-path', updateOf(standby, [{ path: 'nothing/a', value: {} }], 'cd'.repeat(32)));
    await refused(
      'parent-missing',
      updateOf(standby, [{ path: 'things/a/parts/p', value: {} }], 'cd'.repeat(32)),
    );
  });

  it('is not taken by an active unit', async () => {
    await standby.setRole('active', 1);
    await refused('not-standby', updateOf(standby, changes, source.head.digest));
  });

  it('can take the last record away', async () => {
    await standby.applyUpdate(updateOf(standby, changes, source.head.digest));
    await commit(source, remove('things'), remove('knob'));
    await standby.applyUpdate(updateOf(standby, await source.pairChanges(1, 2), source.head.digest));
    assert.equal(standby.head.digest, EMPTY_DIGEST);
    assert.equal(standby.head.records, 0);
  });
});

describe('store: what was acknowledged is on the disk', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-store-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('opened again it holds the same: head, content, history, role and epoch', async () => {
    const first = await openOn(openLmdb(join(dir, 'a.dotted.name')));
    await first.setRole('active', 3);
    await commit(first, put('things/a', { size: 1 }), put('clock', { zone: 'UTC' }));
    await commit(first, put('things/a', { size: 2 }));
    const [head, content] = [first.head, await contentOf(first)];
    await first.close();
    const second = await openOn(openLmdb(join(dir, 'a.dotted.name')));
    assert.deepEqual(second.head, head);
    assert.deepEqual(await contentOf(second), content);
    assert.deepEqual(
      (await collect(second.history())).map(({ revision }) => revision),
      [2, 1],
    );
    await commit(second, put('things/b', {}));
    assert.equal(second.head.revision, 3);
    await second.close();
  });
});

describe('a restored configuration', () => {
  const restore = (store: Store, label: string) =>
    store.commit({
      changes: [put('things/a', { label })],
      kind: 'restore',
      author: 'ada',
      reason: 'restore of site.bundle',
      unconfirmed: true,
    });
  const MARK = { since: '2026-01-02T03:04:05.000Z', by: 'ada', why: 'restore of site.bundle' };

  it('is marked in the very batch that writes it, and stays marked', async () => {
    const port = openMemory();
    const store = await openOn(port);
    await store.setRole('active', 1);
    await restore(store, 'old');
    assert.deepEqual(store.head.unconfirmed, MARK);
    await commit(store, put('things/b', {}));
    await store.setRole('active', 2);
    assert.deepEqual((await openOn(port)).head.unconfirmed, MARK);
  });

  it('is a source again once somebody confirms it', async () => {
    const port = openMemory();
    const store = await openOn(port);
    await store.setRole('active', 1);
    await restore(store, 'old');
    assert.deepEqual(await store.confirmSource(), MARK);
    assert.equal(await store.confirmSource(), undefined);
    assert.equal((await openOn(port)).head.unconfirmed, undefined);
  });

  it('may be written on a standby too, where other changes may not; an update lifts the mark', async () => {
    const source = await active();
    await commit(source, put('things/b', {}));
    const store = await openOn(openMemory());
    await assert.rejects(
      store.commit({ changes: [put('things/a', {})], kind: 'restore', author: 'ada', reason: 'r' }),
      { code: 'not-active' },
    );
    await restore(store, 'old');
    assert.deepEqual(store.head.unconfirmed, MARK);
    const changes = [
      { path: 'things/a', value: null },
      { path: 'things/b', value: {} },
    ];
    await store.applyUpdate(updateOf(store, changes, source.head.digest));
    assert.equal(store.head.unconfirmed, undefined);
  });

  it('that is what the partner holds already needs no confirmation either', async () => {
    const source = await active();
    await commit(source, put('things/a', { label: 'old' }));
    const store = await openOn(openMemory());
    await restore(store, 'old');
    const { digest } = source.head;
    assert.equal((await store.applyUpdate(updateOf(store, [], digest))).result, 'already-applied');
    assert.equal(store.head.unconfirmed, undefined);
  });

  it('is not marked by a dry run', async () => {
    const store = await active();
    await store.commit({
      changes: [put('things/a', {})],
      kind: 'restore',
      author: 'ada',
      reason: 'r',
      unconfirmed: true,
      dryRun: true,
    });
    assert.equal(store.head.unconfirmed, undefined);
  });
});
