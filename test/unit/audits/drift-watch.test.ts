import assert from 'node:assert/strict';
import type { AuditFinding, AuditReport } from '../../../audit/report.ts';
import { LockstepError } from '../../../schema/error.ts';
import type { Store } from '../../../store/store.ts';
import type { Hello } from '../../../sync/message.ts';
import { initialState, type OwnFacts, type SyncState } from '../../../sync/state.ts';
import { DriftReports } from '../../../unit/audits/drift-reports.ts';
import { DriftWatch } from '../../../unit/audits/drift-watch.ts';
import { Events } from '../../../unit/events.ts';
import { Health } from '../../../unit/store-care/health.ts';
import { unitWith } from '../../backup/restorer.ts';
import { A, B, ownFacts, partnerHello } from '../../sync/facts.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const MISSED: AuditFinding = { path: 'hosts/a', class: 'missed', on: 'b', fields: [] };
const end = { is: 'unit', name: 'second', role: 'standby', revision: 1, digest: A, epoch: 1, release: '1' };
const report = (findings: AuditFinding[], settled = true): AuditReport => ({
  at: '2026-01-01T00:00:00.000Z',
  a: end as AuditReport['a'],
  b: end as AuditReport['b'],
  verdict: findings.length === 0 ? 'same' : 'drift',
  counts: {},
  findings,
  more: 0,
  exchanges: 4,
  ms: 1,
  settled,
});

describe('the watch for drift', () => {
  let store: Store;
  let watch: DriftWatch;
  let state: SyncState | undefined;
  let timers: ManualTimers;
  /** What an audit finds, and how often one was made. */
  let finds: () => Promise<AuditReport>;
  let audits: number;
  let told: string[];
  let lines: ReturnType<typeof keptLog>['lines'];
  let health: Health;

  beforeEach(async () => {
    store = await unitWith({ host: { hostname: 'lb-a' } });
    timers = new ManualTimers();
    [audits, told] = [0, []];
    finds = async () => report([MISSED]);
    const kept = keptLog();
    lines = kept.lines;
    const now = (): Date => new Date('2026-01-01T00:05:00Z');
    const events = new Events(kept.log);
    health = Health.open({ file: '/nonexistent/damage', events, log: kept.log, now });
    watch = new DriftWatch({
      store,
      health,
      reports: await DriftReports.open(store),
      syncState: () => state,
      audit: () => {
        audits++;
        return finds();
      },
      onChange: (event, { records, foundBy }) => told.push(`${event} ${records} by ${foundBy}`),
      timers,
      now,
      log: kept.log,
    });
  });
  afterEach(async () => {
    await watch.stop();
    await store.close();
  });

  function seen(partner: Partial<Hello>, own: Partial<OwnFacts> = {}): void {
    state = { ...initialState(ownFacts({ established: true, ...own })), link: 'up' };
    state.partner = partnerHello({ established: true, ...partner });
  }

  it('costs no audit while the units are equal, or differ by what was not sent yet', async () => {
    seen({ digest: A });
    await watch.due();
    seen({ digest: A }, { digest: B });
    await watch.due();
    await watch.beforeUpdate();
    assert.deepEqual([audits, told], [0, []]);
  });

  it('looks when the standby holds what nobody confirmed, and tells it once', async () => {
    seen({ digest: B });
    await watch.due();
    await watch.due();
    assert.deepEqual([audits, told], [2, ['found 1 by the interval']]);
    assert.deepEqual(
      lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
      ['drift found'],
    );
  });

  it('tells when it is over: by the next interval, or by the update that put it right', async () => {
    for (const settle of [() => watch.due(), () => watch.settled()]) {
      seen({ digest: B });
      await watch.due();
      seen({ digest: A });
      await settle();
    }
    assert.deepEqual(told, ['found 1 by the interval', 'gone 1 by the interval', ...told.slice(0, 2)]);
  });

  it('does not call it over while it lasts, or while the partner is not seen', async () => {
    seen({ digest: B });
    await watch.due();
    await watch.settled();
    seen({ digest: A });
    state = { ...(state as SyncState), link: 'down' };
    await watch.settled();
    await watch.due();
    assert.deepEqual(told, ['found 1 by the interval']);
  });

  it('finds no drift in what a moving pair did not settle, and keeps what it knew', async () => {
    seen({ digest: B });
    await watch.due();
    finds = async () => report([], false);
    await watch.due();
    assert.deepEqual(told, ['found 1 by the interval']);
    finds = async () => report([]);
    await watch.due();
    assert.deepEqual(told[1], 'gone 1 by the interval');
  });

  it('looks before an update that would put right what nobody understood, and holds it 3 s at most', async () => {
    seen({ digest: B });
    await watch.beforeUpdate();
    assert.deepEqual(told, ['found 1 by an update']);
    let go: (found: AuditReport) => void = () => undefined;
    finds = () => new Promise(resolve => (go = resolve));
    let isHeld = true;
    const held = watch.beforeUpdate().then(() => {
      isHeld = false;
    });
    await new Promise(setImmediate);
    timers.advance(2_999);
    await new Promise(setImmediate);
    assert.ok(isHeld);
    timers.advance(1);
    await held;
    go(report([MISSED]));
  });

  it('goes on after a look that failed', async () => {
    seen({ digest: B });
    finds = () => Promise.reject(new LockstepError('partner-unreachable', 'It is gone.'));
    await watch.due();
    finds = async () => report([MISSED]);
    await watch.due();
    assert.deepEqual(told, ['found 1 by the interval']);
    assert.deepEqual(lines[0]?.facts, { code: 'partner-unreachable', reason: 'It is gone.' });
  });

  it('holds the records of the unit against their hashes, with a partner or without', async () => {
    state = undefined;
    const snapshot = store.snapshot.bind(store);
    store.snapshot = async () =>
      Object.assign(await snapshot(), {
        verifyLeaves: async () => ({
          findings: [{ path: 'hosts/a', reason: 'is damaged' }],
          next: undefined,
        }),
      });
    await watch.due();
    assert.deepEqual(health.damage?.findings, [{ path: 'hosts/a', reason: 'is damaged' }]);
    assert.equal(health.damage?.foundBy, 'the interval');
  });

  it('looks at nothing any more once it is stopped', async () => {
    seen({ digest: B });
    await watch.stop();
    await watch.due();
    await watch.beforeUpdate();
    assert.equal(audits, 0);
  });
});
