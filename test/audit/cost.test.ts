import assert from 'node:assert/strict';
import type { Change } from '../../store/transition.ts';
import { type AuditedPair, openAudited } from './audited-pair.ts';

/** The same with 60,000: npm run bench -- --only audit. */
const RECORDS = 6_000;
const PAIR = { a: { of: 'local' }, b: { of: 'partner' } } as const;
const host = (index: number, net = 10): Change => ({
  op: 'put',
  path: `hosts/host-${index}.site.example`,
  value: { address: `${net}.${index >> 16}.${(index >> 8) & 255}.${index & 255}` },
});

describe(`an audit of ${RECORDS.toLocaleString('en')} records`, function () {
  this.timeout(60_000); // making them takes longer than comparing
  let audited: AuditedPair;

  before(async () => {
    audited = await openAudited({ on: 'disk' });
    const { first } = audited;
    await first.unit.commit(...Array.from({ length: RECORDS }, (_, index) => host(index)));
    await audited.pair.connect();
    await first.unit.link.forceUpdate();
  });
  after(() => audited.close());

  /** Frames of the audit alone: request and reply are one exchange. */
  function crossed(): { bytes: number; questions: number } {
    const frames = audited.pair.frames.filter(({ payload }) => /^\{"type":"audit/.test(payload.toString()));
    return {
      bytes: frames.reduce((sum, { payload }) => sum + payload.length, 0),
      questions: frames.filter(({ is }) => is === 'request').length,
    };
  }

  it('that are equal costs one exchange of at most 2 KB and, in the daemon, 5 ms', async () => {
    const times: number[] = [];
    for (let run = 0; run < 15; run++) {
      audited.pair.frames.length = 0;
      const report = await audited.first.auditing.audit(PAIR);
      assert.deepEqual([report.verdict, crossed().questions], ['same', 1]);
      assert.ok(crossed().bytes <= 2048, `${crossed().bytes} bytes crossed`);
      times.push(report.ms);
    }
    // The best of several: the machine has other things to do, the audit has not.
    assert.ok(Math.min(...times) <= 5, `${times.join(', ')} ms`);
  });

  it('of which 10 drifted costs at most 4 exchanges and 64 KB', async () => {
    const { first, second } = audited;
    const { unit } = second;
    unit.silent = true;
    await unit.store.setRole('active', unit.store.head.epoch);
    const drift = Array.from({ length: 10 }, (_, index) => index * 599);
    await unit.commit(
      ...drift.slice(0, 4).map(index => host(index, 11)),
      ...drift.slice(4, 7).map((index): Change => ({ op: 'remove', path: host(index).path })),
      ...drift.slice(7).map(index => host(RECORDS + index)),
    );
    await unit.store.setRole('standby', unit.store.head.epoch);
    audited.pair.frames.length = 0;
    const report = await first.auditing.audit(PAIR);
    assert.equal(report.counts['local-edit'], 10);
    assert.deepEqual([report.exchanges, crossed().questions], [4, 4]);
    assert.ok(crossed().bytes <= 64 * 1024, `${crossed().bytes} bytes crossed`);
  });
});
