import assert from 'node:assert/strict';
import { LockstepError } from '../../../schema/error.ts';
import type { Store } from '../../../store/store.ts';
import type { HaFacts } from '../../../sync/fit.ts';
import type { Receipt, TakenUpdate } from '../../../sync/receipt.ts';
import { initialState, type SyncState } from '../../../sync/state.ts';
import { Events } from '../../../unit/events.ts';
import { type AboutPair, pairNotes } from '../../../unit/pair/address-notes.ts';
import { missingRevisions } from '../../../unit/pair/missing.ts';
import { Roles } from '../../../unit/pair/roles.ts';
import { UpdateJournal } from '../../../unit/pair/update-journal.ts';
import { Updates } from '../../../unit/pair/updates.ts';
import { type LineFacts, lineWarnings } from '../../../unit/pair/warnings.ts';
import { unitWith } from '../../backup/restorer.ts';
import { ownFacts, partnerHello } from '../../sync/facts.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';
import { until } from '../until.ts';

const host = (name: string, address: string) => ({
  op: 'put' as const,
  path: `hosts/${name}`,
  value: { address },
});
const ha = (virtualId: number, ...interfaces: HaFacts['interfaces']): HaFacts => ({ virtualId, interfaces });

describe('a unit of a pair', () => {
  let store: Store;
  let kept: ReturnType<typeof keptLog>;
  let events: Events;
  beforeEach(async () => {
    store = await unitWith({ host: { hostname: 'lb-a' } });
    kept = keptLog();
    events = new Events(kept.log);
  });
  afterEach(() => store.close());

  const commit = (...changes: ReturnType<typeof host>[]) =>
    store.commit({ changes, kind: 'change', author: 'ada', reason: 'r' });
  const messages = (): string[] => kept.lines.map(({ level, message }) => `${level} ${message}`);

  describe('that lacks revisions', () => {
    const numbers = async (held: string | undefined): Promise<number[]> =>
      (await missingRevisions(store, held)).map(({ revision }) => revision);

    it('lacks all since the state that it holds, the newest first, but none of the other unit alone', async () => {
      const { digest } = store.head;
      await commit(host('a', '10.0.0.1'));
      const first = store.head.revision;
      await store.commit({
        changes: [{ op: 'put', path: 'time', value: { ntpHosts: ['t.example'] } }],
        kind: 'change',
        author: 'ada',
        reason: 'r',
      });
      await commit(host('b', '10.0.0.2'));
      const last = store.head.revision;
      assert.deepEqual(await numbers(digest), [last, first]);
      assert.deepEqual(await numbers(store.head.digest), []);
    });

    it('lacks everything where nothing is known of it, and what followed the last receipt where its state is strange', async () => {
      await commit(host('a', '10.0.0.1'));
      const { digest, revision } = store.head;
      await store.setCommon(digest, revision);
      await commit(host('b', '10.0.0.2'));
      assert.deepEqual(await numbers('e'.repeat(64)), [store.head.revision]);
      const all = await numbers(undefined);
      assert.ok(all.length > 1 && all.includes(revision), String(all));
      assert.deepEqual(await numbers(''), all);
    });
  });

  it('tells of a role that it has durably, and of none that it did not take', async () => {
    const told: string[] = [];
    events.on('roleChanged', ({ role, epoch }) => told.push(`${role} ${epoch}, kept ${store.head.role}`));
    const roles = new Roles({ store, events, log: kept.log });
    assert.equal(await roles.set('standby', 2, 'f'.repeat(64)), false);
    assert.deepEqual([roles.current, told, messages()], ['active', [], []]);
    assert.equal(await roles.set('standby', 2, store.head.digest), true);
    assert.deepEqual([roles.current, told], ['standby', ['standby 2, kept standby']]);
    assert.deepEqual(messages(), ['warn role changed']);
  });

  describe('that keeps the last update', () => {
    const receipt = (changed: Partial<Receipt> = {}): Receipt =>
      ({
        result: 'applied',
        kind: 'forced',
        revision: store.head.revision,
        digest: store.head.digest,
        records: 1,
        bytes: 9,
        ms: 1,
        at: '2026-01-01T00:00:00.000Z',
        ...changed,
      }) as Receipt;
    const taken = { kind: 'taken', result: 'applied' } as TakenUpdate;

    it('shows what it sent while active and what it took while standby, also after a restart', async () => {
      const journal = await UpdateJournal.open({ store, events, log: kept.log });
      journal.noteTaken(taken, 'lb-b');
      assert.equal(journal.last, undefined);
      journal.noteSent(receipt(), undefined);
      await until(() => store.head.common === store.head.digest);
      assert.deepEqual(journal.last, receipt());
      assert.deepEqual((await UpdateJournal.open({ store, events, log: kept.log })).last, receipt());
      await store.setRole('standby', 2);
      assert.deepEqual(journal.last, taken);
      journal.forget();
      assert.equal(journal.last, undefined);
    });

    it('does not take for common what was held back in part', async () => {
      const journal = await UpdateJournal.open({ store, events, log: kept.log });
      const { common } = store.head;
      const partly = receipt({ heldBack: { records: 1, paths: ['hosts/a'] } });
      journal.noteSent(partly, undefined);
      await until(() => messages().includes('info update sent'));
      await store.setRole('active', 2);
      assert.equal(store.head.common, common);
      assert.deepEqual((await UpdateJournal.open({ store, events, log: kept.log })).last, partly);
    });
  });

  it('sends an update at every interval, and says when the next one is due while it is active', async () => {
    const timers = new ManualTimers();
    let due = 0;
    const link = { due: () => due++, state: { work: { step: 'idle' } } };
    const connections = { link } as never;
    const updates = new Updates({ store, connections, intervalSeconds: 60, timers });
    assert.equal(updates.nextInMs, undefined);
    let looks = 0;
    updates.start({ due: async () => void looks++ });
    timers.advance(59_999);
    assert.deepEqual([due, updates.nextInMs], [0, 1]);
    timers.advance(60_001);
    assert.deepEqual([due, looks, updates.nextInMs], [2, 2, 60_000]);
    assert.equal(updates.isUnderWay, false);
    link.state.work.step = 'sending';
    assert.equal(updates.isUnderWay, true);
    await store.setRole('standby', 2);
    assert.equal(updates.nextInMs, undefined);
    updates.stop();
    timers.advance(600_000);
    assert.equal(due, 2);
  });
});

describe('what is wrong between two units that work', () => {
  const update = { path: 'interfaces/eth0', address: '10.0.0.1', partnerAddress: '10.0.0.2' };
  const fine: LineFacts = {
    name: 'lb-b',
    addresses: { update, facts: ha(7) },
    record: { path: 'interfaces/eth0', host: '10.0.0.2' },
    via: { dialled: true } as LineFacts['via'],
    notDialled: undefined,
    partnerHost: '10.0.0.2',
    notListening: undefined,
    syncState: undefined,
  };
  const said = (changed: Partial<LineFacts>): string[] =>
    lineWarnings({ ...fine, ...changed }).map(({ code, path }) => `${code} ${path}`);
  const paired = (own: HaFacts, theirs: HaFacts, established = false): SyncState => ({
    ...initialState(ownFacts({ ha: own, established })),
    link: 'up',
    partner: partnerHello({ ha: theirs, established }),
  });

  it('is nothing while the partner is where the record says', () => {
    assert.deepEqual(said({}), []);
    assert.deepEqual(said({ record: undefined, partnerHost: '10.0.0.9' }), []);
  });

  it('is named with the field that says otherwise', () => {
    const away = new LockstepError('partner-unreachable', 'Nobody answers.');
    assert.deepEqual(said({ partnerHost: '10.0.0.9' }), ['partner-address interfaces/eth0/partnerAddress']);
    const via = { dialled: false, remote: { address: '10.0.0.9' } } as LineFacts['via'];
    assert.deepEqual(said({ via, notDialled: away }), ['partner-not-dialled interfaces/eth0/partnerAddress']);
    assert.deepEqual(said({ notListening: away }), ['address-missing interfaces/eth0/address']);
  });

  it('is what one of them is about to lose, only before they were first in step', () => {
    const [own, theirs] = [ha(7), ha(8)];
    const addresses = { update, facts: own };
    assert.deepEqual(said({ addresses, syncState: paired(own, theirs) }), ['pair-misfit ha/virtualId']);
    assert.deepEqual(said({ addresses, syncState: paired(own, theirs, true) }), []);
    const down = { ...paired(own, theirs), link: 'down' as const };
    assert.deepEqual(said({ addresses, syncState: down }), []);
  });

  it('is an address of another network, however long they are a pair', () => {
    const own = ha(7, ['eth0', '10.0.0.1', 24, '10.0.0.10']);
    const theirs = ha(7, ['eth0', '10.0.9.2', 24, '10.0.0.10']);
    const addresses = { update, facts: own };
    const found = said({ addresses, syncState: paired(own, theirs, true) });
    assert.deepEqual(found, ['pair-misfit interfaces/eth0/address']);
  });
});

describe('a change of addresses says what it does to the pair', () => {
  const about: AboutPair = {
    partner: { name: 'lb-b', mode: 'second', established: true, ha: ha(7), port: 6973 },
    update: { path: 'interfaces/eth0', address: '10.0.0.1' },
    facts: ha(7),
    told: undefined,
  };
  const notes = (path: string, before: object, after: object, changed: Partial<AboutPair> = {}): string =>
    pairNotes([{ path, before, after } as never], { ...about, ...changed }).join('\n');

  it('to the mode of the partner: nothing crosses', () => {
    assert.match(notes('ha', { mode: 'first' }, { mode: 'second' }), /lb-b is in HA second mode too/);
    assert.equal(notes('ha', { mode: 'second' }, { mode: 'first' }), '');
  });

  it('where it listens and whom it dials, on the interface of the updates only', () => {
    const [before, after] = [{ address: '10.0.0.1' }, { address: '10.0.0.5', partnerAddress: '10.0.0.6' }];
    const said = notes('interfaces/eth0', before, after);
    assert.match(said, /listens on 10\.0\.0\.5 .*, and on 10\.0\.0\.1 until then; lb-b learns it/);
    assert.match(said, /lb-b is dialled at 10\.0\.0\.6, port 6973/);
    assert.equal(notes('interfaces/eth1', before, after), '');
    assert.match(
      notes('interfaces/eth0', before, after, { told: '10.9.9.9' }),
      /told to listen on 10\.9\.9\.9/,
    );
    const cleared = notes('interfaces/eth0', { partnerAddress: '10.0.0.2' }, {});
    assert.match(cleared, /dialled where it was last reached/);
  });

  it('which updates travel elsewhere, and what the first one overwrites', () => {
    assert.match(notes('ha', {}, { updateInterface: 'eth1' }), /Updates travel over eth1 from now on/);
    const fresh = { partner: { ...about.partner, established: false } };
    assert.match(
      notes('ha', { virtualId: 7 }, { virtualId: 9 }, fresh),
      /overwrites what lb-b has: HA Virtual ID/,
    );
    assert.equal(notes('ha', { virtualId: 7 }, { virtualId: 9 }), '');
    assert.equal(notes('hosts/a', {}, { address: '10.0.0.1' }), '');
  });
});
