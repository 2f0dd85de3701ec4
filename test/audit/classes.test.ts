import assert from 'node:assert/strict';
import type { AuditFinding, AuditReport } from '../../api/contract/audits.ts';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import { bucketBytes, bucketOf } from '../../store/digest.ts';
import { keys } from '../../store/keys.ts';
import type { Change } from '../../store/transition.ts';
import { type AuditedPair, openAudited } from './audited-pair.ts';

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const host = (name: string, address: string): Change => put(`hosts/${name}`, { address });
const PAIR = { a: { of: 'local' }, b: { of: 'partner' } } as const;

/** What a class needs to be told apart from the others. */
function brief({ path, class: found, on, revision, by }: Omit<AuditFinding, 'fields'>): unknown[] {
  return [path, found, on, revision, by];
}

describe('each class of drift', () => {
  let audited: AuditedPair;
  const active = () => audited.first;
  const standby = () => audited.second;
  const audit = (from = active()): Promise<AuditReport> => from.auditing.audit(PAIR);

  async function inStep(otherRelease?: Catalog): Promise<void> {
    audited = await openAudited(otherRelease === undefined ? {} : { otherRelease });
    const { first } = audited;
    await first.unit.commit(
      host('a', '10.0.0.1'),
      host('b', '10.0.0.2'),
      put('users/ada', {
        passwordHash:
          '$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      }),
    );
    await audited.pair.connect();
    await first.unit.link.forceUpdate();
  }

  /** As if the standby had been active for a moment, which nobody noticed. */
  async function onStandby(...changes: Change[]): Promise<void> {
    const { unit } = standby();
    unit.silent = true;
    await unit.store.setRole('active', unit.store.head.epoch);
    await unit.store.commit({ changes, kind: 'change', author: 'mallory', reason: 'by hand' });
    await unit.store.setRole('standby', unit.store.head.epoch);
    unit.silent = false;
    unit.link.ownChanged();
  }

  const reports = async (of = active()) => (await of.auditing.auditHistory()).reports;
  afterEach(() => audited.close());

  it('none: equal units are the same after one exchange', async () => {
    await inStep();
    for (const from of [active(), standby()]) {
      const report = await audit(from);
      assert.deepEqual([report.verdict, report.findings, report.exchanges], ['same', [], 1]);
    }
  });

  it('not yet sent: names the revision, and is no alarm', async () => {
    await inStep();
    await active().unit.commit(
      host('a', '10.0.0.9'),
      { op: 'remove', path: 'hosts/b' },
      host('c', '10.0.0.3'),
    );
    for (const [from, lacking] of [
      [active(), 'b'],
      [standby(), 'a'],
    ] as const) {
      const { findings, verdict } = await audit(from);
      assert.equal(verdict, 'drift');
      assert.deepEqual(findings.map(brief), [
        ['hosts/a', 'not-sent', lacking, 2, 'ada'],
        ['hosts/b', 'not-sent', lacking, 2, 'ada'],
        ['hosts/c', 'not-sent', lacking, 2, 'ada'],
      ]);
    }
    const [changed, removed, added] = (await audit()).findings;
    assert.deepEqual(changed?.fields, [{ field: 'address', a: '10.0.0.9', b: '10.0.0.1' }]);
    assert.deepEqual([removed?.only, added?.only], ['b', 'a']);
    await active().auditing.due();
    assert.deepEqual(await reports(), []);
  });

  it('a change of what belongs to the standby alone does not make it a local edit', async () => {
    await inStep();
    await active().unit.put('interfaces/eth0', { address: '10.0.0.1', description: 'one' });
    await active().unit.link.forceUpdate();
    await standby().unit.commit({
      op: 'set',
      path: 'interfaces/eth0',
      field: ['address'],
      value: '10.0.0.2',
    });
    await active().unit.commit({ op: 'set', path: 'interfaces/eth0', field: ['description'], value: 'two' });
    assert.deepEqual((await audit()).findings.map(brief), [['interfaces/eth0', 'not-sent', 'b', 3, 'ada']]);
  });

  it('local edit on the standby: who and when, on both units, before the update that undoes it', async () => {
    await inStep();
    await onStandby(host('a', '6.6.6.6'));
    const [finding, ...more] = (await audit()).findings;
    assert.deepEqual(more, []);
    assert.deepEqual(brief(finding as AuditFinding), ['hosts/a', 'local-edit', 'b', 2, 'mallory']);
    assert.equal(finding?.at, (await standby().unit.store.revision(2))?.at);
    await standby().auditing.due();
    assert.deepEqual(
      (await reports(standby()))[0]?.findings.map(({ path, on }) => [path, on]),
      [['hosts/a', 'a']],
    );
    assert.equal(active().auditing.warnings()[0]?.code, 'drift');

    await active().unit.link.forceUpdate();
    await active().auditing.due();
    assert.deepEqual(active().auditing.warnings(), []);
    assert.notEqual((await reports())[0]?.to, null);
  });

  it('an update that would put drift right without a word is preceded by a look', async () => {
    await inStep();
    await onStandby(host('b', '6.6.6.6'));
    await active().unit.link.forceUpdate();
    const [report] = await reports();
    assert.deepEqual(report?.findings.map(brief), [['hosts/b', 'local-edit', 'b', 2, 'mallory']]);
    assert.equal(report?.foundBy, 'an update');
    assert.deepEqual(await standby().unit.shared(), await active().unit.shared());
  });

  it('missed update: confirmed, but the standby fell back to what it was before', async () => {
    await inStep();
    const before = await audited.pair.image('second');
    await active().unit.commit(host('a', '10.0.0.9'));
    await active().unit.link.forceUpdate();
    await audited.fallBack('second', before);
    active().unit.facts.pause = {
      by: 'ada',
      reason: 'to look at it',
      since: '2026-01-01T00:00:00Z',
      until: null,
    };
    await audited.pair.reconnect();
    const report = await audit();
    assert.deepEqual(report.findings.map(brief), [['hosts/a', 'missed', 'b', 2, 'ada']]);
    await standby().auditing.due();
    assert.deepEqual((await reports(standby()))[0]?.counts, { missed: 1 });
  });

  it('corruption: a record that is not what its hash says is found at the next interval, on both units', async () => {
    await inStep();
    const key = keys.pair('hosts/a');
    await audited.pair.ports.second.batch({
      expect: [],
      put: [[key, Buffer.from('{"address":"6.6.6.6"}')]],
      remove: [],
    });
    await standby().auditing.due();
    assert.equal(standby().health.damage?.findings[0]?.path, 'hosts/a');
    for (const [from, on] of [
      [active(), 'b'],
      [standby(), 'a'],
    ] as const) {
      const report = await audit(from);
      assert.equal(report.verdict, 'damaged');
      assert.deepEqual(report.findings.map(brief), [['hosts/a', 'corruption', on, undefined, undefined]]);
    }
  });

  it('corruption of a record that differs anyway is told from a change', async () => {
    await inStep();
    await active().unit.commit(host('a', '10.0.0.9'));
    const bucket = keys.bucket(bucketOf('hosts/a'));
    const wrong = bucketBytes(new Map([['hosts/a', Buffer.alloc(32, 1)]]));
    await audited.pair.ports.first.batch({ expect: [], put: [[bucket, wrong]], remove: [] });
    assert.deepEqual((await audit()).findings.map(brief), [
      ['hosts/a', 'corruption', 'a', undefined, undefined],
    ]);
  });

  it('a hand that left no revision is told as a local edit by nobody known', async () => {
    await inStep();
    await onStandby(host('a', '6.6.6.6'));
    const port = audited.pair.ports.second;
    await port.batch({
      expect: [],
      put: [],
      remove: [keys.revision(2), keys.changes(2, 0), keys.history('hosts/a', 2)],
    });
    assert.deepEqual((await audit()).findings.map(brief), [
      ['hosts/a', 'local-edit', 'b', undefined, undefined],
    ]);
  });

  it('other release: what one describes differently, and what needs it, is no drift', async () => {
    const other = new Catalog(
      builtInSchemas().map(({ file, schema }) => {
        if (file !== 'rule.schema.json') return { file, schema };
        const properties = {
          ...(schema.properties as JsonObject),
          later: { type: 'boolean', default: true },
        };
        return { file, schema: { ...schema, properties } };
      }),
    );
    await inStep(other);
    const service = 'virtualServices/tcp:10.1.0.1:443';
    await active().unit.commit(
      put('rules/r', { type: 'match-content', pattern: 'x' }),
      put(service, {}),
      put(`${service}/realServers/10.2.0.1:80`, { matchRules: ['r'] }),
    );
    await active().unit.link.forceUpdate();
    const report = await audit();
    assert.deepEqual(
      report.findings.map(({ path, class: found }) => [path, found]),
      [
        ['rules/r', 'release'],
        [`${service}/realServers/10.2.0.1:80`, 'release'],
      ],
    );
    assert.equal(report.verdict, 'same');
    await active().auditing.due();
    assert.deepEqual(await reports(), []);
  });

  it('files of the mirror that differ are named for both sides', async () => {
    await inStep();
    const trouble = { path: 'hosts/a', reason: 'Change it on the active unit.', code: 'not-active' };
    standby().files.push({ file: 'hosts/a.json', ...trouble });
    active().files.push({ file: 'hosts/b.json', ...trouble });
    assert.deepEqual(
      (await audit()).findings.map(({ path, class: found, on }) => [path, found, on]),
      [
        ['config/hosts/a.json', 'mirror', 'b'],
        ['config/hosts/b.json', 'mirror', 'a'],
      ],
    );
  });

  it('by design: only when asked for, and never with a value', async () => {
    await inStep();
    await active().unit.put('time', { ntpHosts: ['q1111111111111111.example'] });
    await standby().unit.put('time', {
      ntpHosts: ['q2222222222222222.example'],
      ntpKeySecret: 'q3333333333333333',
    });
    assert.deepEqual((await audit()).findings, []);
    audited.pair.frames.length = 0;
    const report = await active().auditing.audit({ ...PAIR, all: true });
    assert.equal(report.verdict, 'same');
    assert.deepEqual(
      report.findings.map(({ path, class: found }) => [path, found]),
      [['time', 'by-design']],
    );
    assert.deepEqual(report.findings[0]?.fields, [
      { field: 'ntpHosts', hidden: true },
      { field: 'ntpKeySecret', hidden: true },
    ]);
    for (const { payload } of audited.pair.frames) assert.doesNotMatch(payload.toString(), /q\d{16}/);
  });

  it('secrets differ or not, and neither they nor their hashes are told twice the same way', async () => {
    await inStep();
    const other = `$scrypt$ln=15,r=8,p=1$${'B'.repeat(22)}$${'B'.repeat(43)}`;
    await active().unit.commit({ op: 'set', path: 'users/ada', field: ['passwordHash'], value: other });
    const told = async (): Promise<string[]> => {
      audited.pair.frames.length = 0;
      const [finding] = (await audit()).findings;
      assert.deepEqual(finding?.fields, [{ field: 'passwordHash', hidden: true }]);
      const text = audited.pair.frames.map(({ payload }) => payload.toString()).join('\n');
      assert.doesNotMatch(text, /scrypt/);
      return text.match(/\*{8}#[0-9a-f]{64}/g) ?? [];
    };
    const [once, again] = [await told(), await told()];
    assert.equal(once.length, 1);
    assert.notDeepEqual(once, again);
  });

  it('an earlier revision is compared with this unit and with its partner', async () => {
    await inStep();
    await active().unit.commit(host('a', '10.0.0.9'));
    await active().unit.link.forceUpdate();
    const revision = { of: 'revision', revision: 1 } as const;
    for (const b of [{ of: 'local' }, { of: 'partner' }] as const) {
      const { findings } = await active().auditing.audit({ a: revision, b });
      assert.deepEqual(
        findings.map(({ path, class: found }) => [path, found]),
        [['hosts/a', 'changed']],
      );
      assert.deepEqual(findings[0]?.fields, [{ field: 'address', a: '10.0.0.1', b: '10.0.0.9' }]);
    }
    await assert.rejects(
      active().auditing.audit({ a: { of: 'revision', revision: 99 }, b: { of: 'local' } }),
      {
        code: 'no-such-revision',
      },
    );
  });

  it('thousands of differences, or a few that are huge, are counted; what fits is told', async () => {
    await inStep();
    const { unit } = active();
    await unit.commit(...Array.from({ length: 1100 }, (_, index) => host(`n${index}`, '10.1.0.1')));
    const many = await audit();
    assert.deepEqual([many.findings.length, many.more, many.verdict], [1000, 100, 'drift']);
    await unit.link.forceUpdate();
    const allowedHosts = Array.from({ length: 3_000 }, (_, index) => `${'x'.repeat(200)}${index}`);
    await unit.commit(
      ...Array.from({ length: 12 }, (_, index) =>
        put(`virtualServices/tcp:10.1.0.${index}:443`, { allowedHosts }),
      ),
    );
    const huge = await audit(standby());
    assert.equal(huge.findings.length + huge.more, 12);
    assert.ok(huge.findings.length >= 1 && huge.more >= 1);
  });

  it('what was seen first stays so; what is gone is forgotten', async () => {
    await inStep();
    await active().unit.commit(host('a', '10.0.0.9'));
    const first = (await audit()).findings[0]?.firstSeen;
    await active().unit.commit(host('c', '10.0.0.3'));
    const [a, c] = (await audit()).findings;
    assert.equal(a?.firstSeen, first);
    assert.ok(String(c?.firstSeen) >= String(first));
  });
});
