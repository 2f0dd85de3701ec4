import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../schema/json.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import { keys } from '../../store/keys.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { findPageFaults } from '../../store/lmdb/pages.ts';
import { openMemory } from '../../store/memory.ts';
import { type StorePort, withPrefix } from '../../store/port.ts';
import { oldestToKeep } from '../../store/retention.ts';
import { Store, type UpdateRequest } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { TREE_STEPS } from '../../store/verify.ts';
import { prepareOutgoing } from '../../sync/outgoing.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import { sampleCatalog } from './sample-kinds.ts';

/** Random histories; 1,000 for a long look. */
const STORIES = Number(process.env.LOCKSTEP_STORIES ?? 12);
/** How often a process is killed meanwhile. */
const KILLS = Number(process.env.LOCKSTEP_KILLS ?? 3);
const ROOT = `${join(import.meta.dirname, '../..')}/`;
const catalog = sampleCatalog();
const openOn = (port: StorePort): Promise<Store> =>
  Store.open({ port, catalog, rules: [], now: () => new Date('2026-01-02T03:04:05Z') });
const commit = (store: Store, ...changes: Change[]) =>
  store.commit({ changes, kind: 'change', author: 'ada', reason: `after ${store.head.revision}` });
const size = (path: string, value: number): Change => ({ op: 'set', path, field: ['size'], value });

async function pruneAll(store: Store): Promise<number> {
  for (let steps = 1; ; steps++) if (!(await store.pruneSome())) return steps;
}

async function contentOf(store: Store): Promise<Record<string, JsonObject>> {
  const all: Record<string, JsonObject> = {};
  for await (const { path, value } of store.list()) all[path] = value;
  return all;
}

async function keysOf(port: StorePort, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const [key] of port.range(withPrefix(prefix))) found.push(key);
  return found;
}

/** Everything that lies in the store can be read and belongs to something. */
async function assertWhole(store: Store): Promise<void> {
  const snapshot = await store.snapshot();
  const { findings, next } = await snapshot.verifyEntries('', 1_000_000);
  assert.deepEqual([findings, next], [[], undefined]);
  assert.deepEqual(await snapshot.verifyRoot(), []);
  assert.deepEqual((await snapshot.verifyLeaves(0, 1_000_000)).findings, []);
  snapshot.close();
}

describe('a history of which the oldest part is gone', () => {
  let port: StorePort;
  let store: Store;

  beforeEach(async () => {
    port = openMemory();
    store = await openOn(port);
    await store.setRole('active', 1);
    await commit(store, { op: 'put', path: 'things/still', value: { label: 'never touched again' } });
    for (let number = 2; number <= 20; number++) await commit(store, size('things/busy', number));
    await store.keepFrom(15);
  });

  for (const when of ['noted', 'taken away'] as const)
    describe(`once that is ${when}`, () => {
      beforeEach(async () => {
        if (when === 'taken away') await pruneAll(store);
      });

      it('is named to whoever asks for it: diff, rollback, audit of a revision', async () => {
        const gone = { code: 'history-pruned', facts: { revision: 12, oldest: 15 } };
        await assert.rejects(store.diff(12), gone);
        await assert.rejects(store.rollback(12, { author: 'ada', reason: '' }), gone);
        const snapshot = await store.snapshot();
        await assert.rejects(snapshot.past(12), gone);
        snapshot.close();
        await assert.rejects(store.diff(0), { code: 'history-pruned' });
        await assert.rejects(store.diff(21), { code: 'no-such-revision' });
        assert.equal(await store.revision(14), undefined);
      });

      it('begins with the oldest that is kept, also for one record', async () => {
        for (const path of ['', 'things/busy', 'things']) {
          const numbers: number[] = [];
          for await (const { revision } of store.history(path)) numbers.push(revision);
          assert.deepEqual(numbers, [20, 19, 18, 17, 16, 15]);
        }
      });

      it('what is kept works as before', async () => {
        const [change] = await store.diff(15);
        assert.deepEqual([change?.before.pair, change?.after.pair], [{ size: 15 }, { size: 20 }]);
        await store.rollback(15, { author: 'ada', reason: '' });
        assert.deepEqual(await store.read('things/busy'), { size: 15 });
        await assertWhole(store);
      });

      it('a digest from there is one that this unit does not know any more', async () => {
        const [from, gone] = [await store.revision(15), await store.revision(16)];
        assert.equal(await store.revisionWithDigest(from?.parent ?? ''), undefined);
        assert.equal(await store.revisionWithDigest(gone?.digest ?? ''), 16);
      });

      it('still tells who changed a record last, and whether it is as they left it', async () => {
        const snapshot = await store.snapshot();
        const trace = (await snapshot.traces(['things/still'])).get('things/still');
        snapshot.close();
        assert.deepEqual(
          [trace?.revision.revision, trace?.revision.author, trace?.revision.reason],
          [1, 'ada', 'after 0'],
        );
        assert.equal(trace?.hash, (await (await store.snapshot()).leaf('things/still'))?.toString('base64'));
      });

      it('is no damage', () => assertWhole(store));
    });

  it('a partner that still holds a state from there gets its update by comparing trees', async () => {
    const parent = (await store.revision(15))?.parent ?? '';
    const compared = await prepareOutgoing(store, parent, false, undefined);
    compared.close();
    const known = await prepareOutgoing(store, (await store.revision(15))?.digest ?? '', false, undefined);
    known.close();
    assert.deepEqual([compared.route, known.route], ['compare', 'send']);
  });

  it('a state that comes again keeps its digest, though the first time is gone', async () => {
    const { digest } = (await store.revision(16)) ?? { digest: '' };
    await commit(store, size('things/busy', 16));
    assert.equal(store.head.digest, digest);
    await store.keepFrom(18);
    await pruneAll(store);
    assert.equal(await store.revisionWithDigest(digest), 21);
  });

  it('nothing of it is left', async () => {
    await pruneAll(store);
    assert.deepEqual((await keysOf(port, 'r ')).length, 6);
    assert.deepEqual((await keysOf(port, 'c ')).length, 6);
    assert.deepEqual((await keysOf(port, 'g ')).length, 6);
    assert.deepEqual((await keysOf(port, 'h ')).length, 6);
  });

  it('a record that is gone leaves no note of who changed it last', async () => {
    await commit(store, { op: 'remove', path: 'things/still' });
    await commit(store, size('things/busy', 1));
    await store.keepFrom(22);
    await pruneAll(store);
    assert.deepEqual(await keysOf(port, keys.lastChange('')), [keys.lastChange('things/busy')]);
  });

  it('a revision of many records goes in several steps, and a commit comes in between', async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => size(`things/t${index}`, 1));
    await commit(store, ...many);
    await commit(store, size('things/busy', 3));
    await store.keepFrom(22);
    assert.equal(await store.pruneSome(), true);
    await commit(store, size('things/t2999', 7));
    assert.ok((await pruneAll(store)) >= 3);
    const snapshot = await store.snapshot();
    const traces = await snapshot.traces(['things/t0', 'things/t2999']);
    snapshot.close();
    assert.deepEqual(
      [...traces.values()].map(({ revision }) => revision.revision),
      [21, 23].sort((a, b) => (traces.get('things/t0')?.revision.revision === a ? -1 : b - a)),
    );
    await assertWhole(store);
  });

  it('what was changed since both were equal is a branch, though the history does not reach back so far', async () => {
    await pruneAll(store);
    await store.setRole('standby', 2);
    const other = await openOn(openMemory());
    await other.setRole('active', 2);
    await commit(other, size('things/busy', 99));
    await store.applyUpdate(await everythingOf(other, store));
    const [branch] = store.branches.all();
    const changes = [];
    for await (const change of store.branches.changes(branch?.name ?? '')) changes.push(change);
    assert.deepEqual(changes, [
      { path: 'things/busy', base: null, theirs: { size: 20 } },
      { path: 'things/still', base: null, theirs: { label: 'never touched again' } },
    ]);
    await store.setRole('active', 3);
    const merge = { branch: branch?.name ?? '', author: 'ada', reason: '' };
    const asks = await store.merge({ ...merge, choose: () => undefined });
    assert.deepEqual(
      asks.conflicts.map(({ path }) => path),
      ['things/busy'],
    );
    await store.merge({ ...merge, choose: () => 'ours' });
    assert.deepEqual(await contentOf(store), {
      'things/busy': { size: 99 },
      'things/still': { label: 'never touched again' },
    });
  });
});

async function everythingOf(
  source: Store,
  target: Store,
  more: Partial<UpdateRequest> = {},
): Promise<UpdateRequest> {
  const changes = new Map<string, JsonObject | null>();
  for await (const path of target.paths()) changes.set(path, null);
  const snapshot = await source.snapshot();
  for await (const { path } of source.list()) changes.set(path, (await snapshot.split(path)).pair ?? null);
  for (const path of [...changes.keys()]) if (catalog.kindOf(path).scope === 'unit') changes.delete(path);
  snapshot.close();
  return {
    changes: [...changes].map(([path, value]) => ({ path, value })),
    base: target.head.digest,
    target: source.head.digest,
    epoch: source.head.epoch,
    from: 'lb-b',
    to: 'lb-a',
    brought: [],
    common: target.head.common,
    provisional: source.head.provisional,
    confirmed: source.head.confirmed ?? '',
    ...more,
  };
}

/** What somebody who remembers everything knows of a store. */
interface Remembered {
  digest: string;
  content: Record<string, JsonObject>;
}

/** One unit and its partner through a random history, in which old revisions go, and the process may end between two steps. */
class Story {
  readonly random: Random;
  readonly states: Remembered[] = [{ digest: EMPTY_DIGEST, content: {} }];
  readonly lastBy = new Map<string, number>();
  private readonly port: StorePort;
  unit!: Store;
  private partner!: Store;

  constructor(seed: number, port: StorePort) {
    this.random = new Random(seed);
    this.port = port;
  }

  async begin(): Promise<void> {
    this.unit = await openOn(this.port);
    this.partner = await openOn(openMemory());
    await this.unit.setRole('active', 1);
  }

  async step(): Promise<void> {
    const { random, unit } = this;
    const act = random.weighted([
      [30, 'change'],
      [4, 'back'],
      [6, 'update'],
      [2, 'provisional'],
      [3, 'divide'],
      [6, 'prune'],
      [4, 'crash'],
    ] as const);
    if (act === 'update') return this.update();
    if (act === 'prune') return this.prune();
    if (act === 'crash') {
      this.unit = await openOn(this.port);
      return;
    }
    if (act === 'divide') return this.divide();
    if (act === 'provisional' && unit.head.provisional !== undefined) await unit.confirm();
    else if (act === 'back') {
      const oldest = Math.max(await unit.oldestRevision(), unit.head.revision - 5);
      await unit.rollback(oldest, { author: 'ada', reason: 'back' }).catch(ignoreWaiting);
    } else await this.change(act === 'provisional');
    await this.remember();
  }

  private async change(provisional: boolean): Promise<void> {
    const { random, unit } = this;
    const path = `things/t${random.between(1, 6)}`;
    const there = (await unit.read(path)) !== undefined;
    const change: Change =
      there && random.chance(0.25)
        ? { op: 'remove', path }
        : random.chance(0.2)
          ? { op: 'set', path, field: ['seat'], value: `row ${random.between(1, 9)}` }
          : size(path, random.between(0, 100));
    await unit
      .commit({
        changes: [change],
        kind: 'change',
        author: 'ada',
        reason: 'why',
        provisional: provisional
          ? { minutes: 5, deadline: { bootId: '', atMs: 0, wallMs: 0 } as never }
          : undefined,
      })
      .catch(ignoreWaiting);
  }

  async remember(): Promise<void> {
    const { unit } = this;
    for (let revision = this.states.length; revision <= unit.head.revision; revision++) {
      const content = await contentOf(unit);
      this.states.push({ digest: unit.head.digest, content });
      for (const { path, before, after } of await unit.diff(revision - 1, revision))
        if (JSON.stringify(before.pair) !== JSON.stringify(after.pair)) this.lastBy.set(path, revision);
    }
  }

  /** The partner takes what it lacks, and its receipt may get lost. */
  private async update(): Promise<void> {
    const { unit, partner, random } = this;
    const from = await unit.revisionWithDigest(partner.head.digest);
    const { revision, digest } = unit.head;
    if (from === undefined) await partner.applyUpdate(await everythingOf(unit, partner));
    else {
      const changes = await unit.pairChanges(from, revision);
      await partner.applyUpdate({ ...(await everythingOf(unit, partner)), changes });
    }
    assert.equal(partner.head.digest, digest);
    if (random.chance(0.8)) await unit.setCommon(digest, revision);
  }

  private async prune(): Promise<void> {
    const { unit, random } = this;
    const { revision: newest, common, commonRevision } = unit.head;
    const kept = oldestToKeep(
      { least: 3, days: 1, most: random.between(3, 20) },
      {
        newest,
        oldest: await unit.oldestRevision(),
        aged: random.chance(0.3) ? random.between(0, newest) : 0,
        needed: common === '' ? [] : [{ revision: commonRevision, by: 'partner' }],
      },
    );
    await unit.keepFrom(kept.revision);
    for (let steps = random.between(0, 3); steps > 0 && (await unit.pruneSome()); steps--);
  }

  /** The other unit becomes active and changes something, so that what was changed here since becomes a branch. */
  private async divide(): Promise<void> {
    const { unit, partner, random } = this;
    const { head } = unit;
    const { commonRevision: base, digest } = head;
    const before = new Set(unit.branches.all().map(({ name }) => name));
    await unit.setRole('standby', head.epoch + 1);
    await partner.setRole('active', head.epoch + 1);
    await commit(partner, size('things/t0', random.between(0, 100))).catch(ignoreWaiting);
    await unit.applyUpdate(await everythingOf(partner, unit, { common: head.common }));
    await this.remember();
    const branch = unit.branches.all().find(({ name }) => !before.has(name));
    if (head.common !== '' && branch !== undefined) {
      assert.equal(branch.digest, digest);
      const bases = base === 0 ? ['', EMPTY_DIGEST] : [this.states[base]?.digest];
      assert.ok(bases.includes(branch.base), branch.base);
      for await (const change of unit.branches.changes(branch.name)) {
        const was = this.states[base]?.content[change.path];
        assert.deepEqual(change.base, was === undefined ? null : pairOf(was));
      }
    }
    await partner.setRole('standby', head.epoch + 2);
    await unit.setRole('active', head.epoch + 2);
  }

  async check(): Promise<void> {
    const { unit, states } = this;
    const { revision: newest, digest, common } = unit.head;
    const oldest = await unit.oldestRevision();
    assert.equal(digest, states[newest]?.digest);
    assert.deepEqual(await contentOf(unit), states[newest]?.content);
    await assertWhole(unit);
    if (common !== '' && newest > 0)
      assert.ok(((await unit.revisionWithDigest(common)) ?? -1) >= oldest, 'the receipt');
    const snapshot = await unit.snapshot();
    for (let revision = oldest; revision <= newest; revision++) {
      const past = await snapshot.past(revision);
      assert.equal(past.head.digest, states[revision]?.digest, `revision ${revision}`);
      if (revision > 0) assert.equal((await unit.revision(revision))?.digest, past.head.digest);
    }
    for (let revision = 0; revision < oldest; revision++)
      await assert.rejects(unit.diff(revision), { code: 'history-pruned' });
    const paths = Object.keys(states[newest]?.content ?? {}).filter(path => this.lastBy.has(path));
    const traces = await snapshot.traces(paths);
    for (const path of paths) {
      const trace = traces.get(path);
      assert.equal(trace?.revision.revision, this.lastBy.get(path), path);
      assert.equal(trace?.hash, (await snapshot.leaf(path))?.toString('base64'), path);
    }
    snapshot.close();
  }

  /** All nodes of the tree against all records: once, it takes its time. */
  async checkTree(): Promise<void> {
    const snapshot = await this.unit.snapshot();
    for (let index = 0; index < TREE_STEPS; index += 37)
      assert.deepEqual(await snapshot.verifyNode(index), []);
    snapshot.close();
  }
}

function pairOf({ seat: _own, ...pair }: JsonObject): JsonObject {
  return pair;
}

function ignoreWaiting(error: { code?: string }): void {
  if (error.code !== 'provisional') throw error;
}

describe('whatever happens while old revisions go, nothing goes that somebody needs', () => {
  for (let story = 1; story <= STORIES; story++)
    it(`story ${story}`, async () => {
      const told = new Story(SEED + story, openMemory());
      await told.begin();
      for (let step = 0; step < 60; step++) {
        await told.step();
        if (step % 6 === 5) await told.check();
      }
      await told.check();
      await told.checkTree();
    });
});

describe('the file of a store of which the oldest part goes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-pruning-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('stops growing under steady commits: what was given up is used again', async () => {
    const port = openLmdb(folder);
    const store = await openOn(port);
    await store.setRole('active', 1);
    const sizes: number[] = [];
    for (let number = 1; number <= 1_000; number++) {
      await commit(store, size(`things/t${number % 50}`, number % 97));
      if (number % 40 === 0) {
        await store.keepFrom(number - 79);
        await pruneAll(store);
        sizes.push(port.space?.().fileBytes ?? 0);
      }
    }
    assert.ok((sizes.at(-1) ?? 0) <= (sizes[7] ?? 0) * 1.1, `after each forty: ${sizes.join(' ')}`);
    assert.ok((port.space?.().freeBytes ?? 0) < (sizes.at(-1) ?? 0));
    await assertWhole(store);
    await store.close();
  });
});

/** Commits, and lets old revisions go all the time; says which revision is there, and which is the oldest. */
const PRUNER = `
  const at = path => ${JSON.stringify(ROOT)} + path;
  const { openLmdb } = await import(at('store/lmdb/lmdb.ts'));
  const { Store } = await import(at('store/store.ts'));
  const { sampleCatalog } = await import(at('test/store/sample-kinds.ts'));
  const store = await Store.open({ port: openLmdb(process.argv[1]), catalog: sampleCatalog(), rules: [], now: () => new Date(0) });
  await store.setRole('active', store.head.epoch + 1);
  for (;;) {
    for (let many = 0; many < 8; many++) {
      const changes = Array.from({ length: 40 }, (_, index) => ({
        op: 'set', path: 'things/t' + (store.head.revision * 7 + index) % 300, field: ['size'], value: store.head.revision % 90,
      }));
      await store.commit({ changes, kind: 'change', author: 'ada', reason: 'r' + store.head.revision });
    }
    await store.keepFrom(store.head.revision - 5);
    process.stdout.write(store.head.revision + ' ' + (await store.oldestRevision()) + '\\n');
    while (await store.pruneSome());
  }`;

describe('a unit that is killed while old revisions go', () => {
  it(`is whole after each of ${KILLS} kills, and goes on`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-pruning-'));
    const random = new Random(SEED);
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const child = spawn(
          process.execPath,
          ['--import', 'tsx', '--input-type=module', '--eval', PRUNER, folder],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        let said = '';
        child.stdout.on('data', data => {
          said += data;
        });
        await once(child.stdout, 'data');
        await new Promise(resolve => setTimeout(resolve, random.between(0, 150)));
        child.kill('SIGKILL');
        await once(child, 'close');
        const [revision, oldest] = (said.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number);
        await assertGoesOn(folder, revision ?? 0, oldest ?? 0);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(20_000 + 20_000 * KILLS);
});

async function assertGoesOn(folder: string, revision: number, oldest: number): Promise<void> {
  const store = await openOn(openLmdb(folder));
  assert.deepEqual(await findPageFaults(join(folder, 'data.mdb')), []);
  assert.ok(store.head.revision >= revision, `${store.head.revision} of ${revision}`);
  const first = await store.oldestRevision();
  assert.ok(first >= oldest, `${first} of ${oldest}`);
  await assertWhole(store);
  const snapshot = await store.snapshot();
  for (let each = first; each <= store.head.revision; each++)
    assert.equal((await snapshot.past(each)).head.digest, (await store.revision(each))?.digest);
  const paths: string[] = [];
  for await (const path of snapshot.paths()) paths.push(path);
  const traces = await snapshot.traces(paths);
  for (const path of paths)
    assert.equal(traces.get(path)?.hash, (await snapshot.leaf(path))?.toString('base64'), path);
  snapshot.close();
  await store.close();
}
