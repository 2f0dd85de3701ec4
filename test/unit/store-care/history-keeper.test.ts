import assert from 'node:assert/strict';
import { loadCatalog } from '../../../schema/catalog.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import type { Need } from '../../../store/retention.ts';
import { Store } from '../../../store/store.ts';
import { Events } from '../../../unit/events.ts';
import { HistoryKeeper } from '../../../unit/store-care/history-keeper.ts';
import { historyNeeds } from '../../../unit/store-care/history-needs.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const catalog = loadCatalog();

describe('the history that a unit keeps', () => {
  let timers: ManualTimers;
  let store: Store;
  let keeper: HistoryKeeper;
  let needed: Need[];
  let agedTo: number;
  let busy: boolean;
  let lines: ReturnType<typeof keptLog>['lines'];
  let damaged: Error | undefined;

  beforeEach(async () => {
    timers = new ManualTimers();
    [needed, agedTo, busy, damaged] = [[], 0, false, undefined];
    store = await Store.open({
      port: openMemory(),
      catalog,
      rules: RULES,
      now: () => new Date(0),
      assertGood: () => {
        if (damaged !== undefined) throw damaged;
      },
    });
    await store.setRole('active', 1);
    const kept = keptLog();
    lines = kept.lines;
    keeper = await HistoryKeeper.start({
      events: new Events(keptLog().log),
      store,
      catalog,
      timers,
      aged: days => (days === 30 ? agedTo : 0),
      needs: async () => needed,
      isBusy: () => busy,
      log: kept.log,
    });
  });
  afterEach(() => keeper.stop());

  const keep = (value: object): Promise<unknown> =>
    store.commit({
      changes: [{ op: 'put', path: 'history', value: value as never }],
      kind: 'change',
      author: 'ada',
      reason: 'test',
    });
  async function commits(count: number): Promise<void> {
    for (let number = 0; number < count; number++)
      await store.commit({
        changes: [
          {
            op: 'put',
            path: 'hosts/a',
            value: { address: `10.0.${number % 250}.${store.head.revision % 250}` },
          },
        ],
        kind: 'change',
        author: 'ada',
        reason: 'test',
      });
  }
  /** What waits for its time, and what follows from it, one after the other. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      timers.advance(100);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
  }
  const kept = async (): Promise<number> => store.oldestRevision();

  it('keeps everything on an ordinary site', async () => {
    await commits(300);
    await pass(60_000);
    assert.equal(await kept(), 0);
    assert.deepEqual(keeper.kept, { oldest: 1, revisions: 300, because: 'least' });
  });

  it('lets go what comes on top of so many, once commits pause', async () => {
    await keep({ least: 100, most: 100 });
    await commits(300);
    await pass(2_000);
    assert.equal(await kept(), 202);
    assert.deepEqual(keeper.kept, { oldest: 202, revisions: 100, because: 'most' });
    assert.equal(lines.at(-1)?.message, 'older revisions are not kept any more');
  });

  it('does not wait for ever for a pause', async () => {
    await keep({ least: 100, most: 100 });
    for (let round = 0; round < 60; round++) {
      await commits(10);
      await pass(100);
    }
    assert.ok((await kept()) > 0);
  });

  it('a smaller number counts at once', async () => {
    await commits(300);
    await keep({ least: 100, most: 120 });
    await pass(1_000);
    assert.equal(await kept(), 182);
  });

  it('what is older than so many days of running goes', async () => {
    await keep({ least: 100, days: 30 });
    await commits(300);
    agedTo = 150;
    keeper.look();
    await pass(1_000);
    assert.deepEqual(keeper.kept, { oldest: 151, revisions: 151, because: 'days' });
  });

  it('what is needed stays, and status says who needs it', async () => {
    needed = [{ revision: 7, by: 'partner' }];
    await keep({ least: 100, most: 100 });
    await commits(300);
    await pass(2_000);
    assert.deepEqual(keeper.kept, { oldest: 7, revisions: 295, because: 'partner' });
    needed = [];
    await pass(31_000);
    assert.deepEqual(keeper.kept, { oldest: 202, revisions: 100, because: 'most' });
  });

  it('takes nothing away while an update goes out, but not for ever', async () => {
    busy = true;
    await keep({ least: 100, most: 100 });
    await commits(300);
    await pass(2_000);
    const headers = async (): Promise<number> => {
      const snapshot = await store.snapshot();
      const { findings } = await snapshot.verifyEntries('r ', 1_000);
      snapshot.close();
      return findings.length;
    };
    assert.equal(await headers(), 0);
    await pass(20_000);
    assert.equal(await kept(), 202);
    await assert.rejects(store.diff(100), { code: 'history-pruned' });
  });

  it('goes on after a restart in the middle', async () => {
    await commits(300);
    await store.keepFrom(200);
    const again = await HistoryKeeper.start({
      events: new Events(keptLog().log),
      store,
      catalog,
      timers,
      aged: () => 0,
      needs: async () => [],
      isBusy: () => false,
      log: keptLog().log,
    });
    await pass(15_000);
    await again.stop();
    assert.equal(await store.pruneSome(), false);
    assert.equal(again.kept.oldest, 200);
  });

  it('stops looking when it is stopped', async () => {
    needed = [{ revision: 7, by: 'files' }];
    await keep({ least: 100, most: 100 });
    await commits(300);
    await pass(2_000);
    await keeper.stop();
    needed = [];
    await pass(60_000);
    assert.equal(await kept(), 7);
  });

  it('builds nothing on a damaged store, and says so', async () => {
    damaged = new Error('damaged');
    await store.setRole('active', 2);
    keeper.look();
    needed = [];
    damaged = undefined;
    await keep({ least: 100, most: 100 });
    await commits(300);
    damaged = new Error('damaged');
    await pass(2_000);
    assert.equal(await kept(), 0);
    assert.equal(lines.at(-1)?.message, 'old revisions could not be taken away');
  });
});

describe('from where on the history is needed', () => {
  const A = 'a'.repeat(64);
  const store = (common: string, commonRevision: number, mark?: object) => ({
    head: { common, commonRevision } as Store['head'],
    revisionWithDigest: async (digest: string) => (digest === A ? 5 : undefined),
    readLocal: async <T>() => mark as T | undefined,
  });

  it('from the last receipt, as long as there is a partner', async () => {
    const pair = { isPaired: true, partnerDigest: undefined };
    assert.deepEqual(await historyNeeds(store(A, 9), pair, false), [{ revision: 9, by: 'partner' }]);
    assert.deepEqual(await historyNeeds(store(A, 9), { ...pair, isPaired: false }, false), []);
  });

  it('from what the partner holds, though it said to hold something later before', async () => {
    const pair = { isPaired: true, partnerDigest: A };
    assert.deepEqual(
      (await historyNeeds(store('b', 9), pair, false)).map(({ revision }) => revision),
      [9, 5],
    );
  });

  it('from where the files stand, where there are files', async () => {
    const pair = { isPaired: false, partnerDigest: undefined };
    assert.deepEqual(await historyNeeds(store('', 0, { revision: 4 }), pair, true), [
      { revision: 4, by: 'files' },
    ]);
    assert.deepEqual(await historyNeeds(store('', 0, { revision: 4 }), pair, false), []);
  });
});
