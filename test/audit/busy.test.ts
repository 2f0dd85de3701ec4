/** Audits of a pair that is at work: what is on its way is no drift, and what is drift is found all the same. */
import assert from 'node:assert/strict';
import { ALARMING } from '../../audit/classify.ts';
import type { AuditReport } from '../../audit/report.ts';
import type { Change } from '../../store/transition.ts';
import { type Answering, auditBetween } from '../../unit/audits/between.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import { catalog } from '../sync/pair-in-memory.ts';
import { type AuditedPair, type AuditedUnit, openAudited } from './audited-pair.ts';

const PAIR = { a: { of: 'local' }, b: { of: 'partner' } } as const;
const AUDITS = 100;
/** Few, so that what is asked for again is often changed again meanwhile. */
const HOSTS = 3;
/** Whatever else is under way goes on for so many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve));
}
const host = (name: string | number, net = 0, at = 1): Change => ({
  op: 'put',
  path: `hosts/${name}`,
  value: { address: `10.0.${net}.${at}` },
});

describe(`${AUDITS} audits under steady commits`, function () {
  this.timeout(60_000);
  let audited: AuditedPair;
  let random: Random;
  let working: Promise<void>;
  let commits: number;
  let stopped: boolean;

  beforeEach(async () => {
    audited = await openAudited();
    random = new Random(SEED);
    const { pair, first } = audited;
    first.unit.facts.everyCommit = true;
    await first.unit.commit(...Array.from({ length: HOSTS }, (_, index) => host(index)));
    await pair.connect();
    await first.unit.link.forceUpdate();
    [commits, stopped] = [0, false];
    working = work();
  });
  afterEach(async () => {
    stopped = true;
    await working;
    await audited.close();
  });

  /** An operator's script that never rests: additions, changes and removals, each sent at once. */
  async function work(): Promise<void> {
    const { unit } = audited.first;
    for (; !stopped; commits++) {
      const each = random.between(1, HOSTS) - 1;
      const change: Change = random.chance(0.2)
        ? { op: 'remove', path: `hosts/${each}` }
        : host(each, random.between(0, 250), random.between(1, 250));
      await unit.commit(change).catch(error => assert.equal(error.code, 'no-such-record'));
      void unit.link.due();
      await turns(3);
    }
  }

  /** As it answers from another machine: something happens before the question is there. */
  const far =
    ({ auditing }: AuditedUnit): Answering =>
    async question => {
      await turns(random.between(1, 4));
      return auditing.auditAsk(question);
    };

  const alarmsOf = ({ findings }: AuditReport): string[] =>
    findings.filter(({ class: found }) => ALARMING.has(found)).map(each => `${each.class} ${each.path}`);

  const ways: [string, () => Promise<AuditReport>][] = [
    ['by the active unit', () => audited.first.auditing.audit(PAIR)],
    ['by the standby', () => audited.second.auditing.audit(PAIR)],
    ['from a third place', () => auditBetween(far(audited.first), far(audited.second), { catalog })],
    ['the other way round', () => auditBetween(far(audited.second), far(audited.first), { catalog })],
  ];
  for (const [who, audit] of ways) {
    it(`made ${who} find nothing missed and nothing edited`, async () => {
      const alarms: string[] = [];
      const before = commits;
      let moved = 0;
      for (let each = 0; each < AUDITS; each++) {
        const report = await audit();
        alarms.push(...alarmsOf(report));
        if (!report.settled) moved++;
        await turns(random.between(0, 3));
      }
      assert.deepEqual(alarms, [], `seed ${SEED}`);
      assert.ok(commits - before >= AUDITS / 2, `${commits - before} commits came in between`);
      assert.ok(moved > 0, 'no audit met a commit');
      for (const { auditing } of [audited.first, audited.second])
        assert.deepEqual((await auditing.auditHistory()).reports, []);
    });
  }

  it('find an edit on the standby all the same, and nothing else', async () => {
    const { first, second } = audited;
    stopped = true;
    await working;
    await first.unit.link.forceUpdate();
    first.unit.facts.pause = { by: 'ada', reason: 'to look', since: '2026-01-01T00:00:00Z', until: null };
    second.unit.silent = true;
    await second.unit.store.setRole('active', second.unit.store.head.epoch);
    await second.unit.commit(host('by-hand', 6));
    await second.unit.store.setRole('standby', second.unit.store.head.epoch);
    stopped = false;
    working = work();
    let moved = 0;
    for (let each = 0; each < 10; each++)
      for (const [, audit] of ways) {
        const report = await audit();
        if (!report.settled) moved++;
        assert.deepEqual(alarmsOf(report), ['local-edit hosts/by-hand'], `seed ${SEED}`);
      }
    assert.ok(moved > 0, 'no audit met a commit');
    const [report] = (await first.auditing.auditHistory()).reports;
    assert.deepEqual(report?.counts, { 'local-edit': 1 });
  });
});
