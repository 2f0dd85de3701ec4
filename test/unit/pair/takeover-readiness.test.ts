import assert from 'node:assert/strict';
import type { Finding } from '../../../api/contract/shapes.ts';
import { initialState, type SyncState } from '../../../sync/state.ts';
import { takeoverReadiness } from '../../../unit/pair/takeover-readiness.ts';
import { refusedProblem } from '../../../unit/store-care/disk-watch.ts';
import { B, ownFacts, partnerHello } from '../../sync/facts.ts';

const CHECKED = { findings: [] as Finding[], checkedAt: '2025-03-01T11:00:00Z' };

function standby(
  own: Parameters<typeof ownFacts>[0] = {},
  theirs: Parameters<typeof partnerHello>[0] = {},
): SyncState {
  return {
    ...initialState(ownFacts({ role: 'standby', mode: 'second', ...own })),
    link: 'up',
    partner: partnerHello({ name: 'lb-a', role: 'active', mode: 'first', ...theirs }),
  };
}

const codes = (syncState: SyncState): string[] =>
  (takeoverReadiness({ syncState, records: CHECKED, files: [] })?.findings ?? []).map(({ code }) => code);

describe('whether a standby could take over', () => {
  it('it could: nothing was found', () => {
    assert.deepEqual(takeoverReadiness({ syncState: standby(), records: CHECKED, files: [] }), {
      ready: true,
      findings: [],
      count: 0,
      checkedAt: '2025-03-01T11:00:00Z',
    });
  });

  it('is not known before all records were looked at once', () => {
    const records = { findings: [], checkedAt: undefined };
    const readiness = takeoverReadiness({ syncState: standby(), records, files: [] });
    assert.deepEqual([readiness?.ready, readiness?.checkedAt], [null, null]);
  });

  it('is not asked of an active unit, nor of one without a partner', () => {
    const active = standby({ role: 'active' }, { role: 'standby' });
    assert.equal(takeoverReadiness({ syncState: active, records: CHECKED, files: [] }), null);
    assert.equal(takeoverReadiness({ syncState: undefined, records: CHECKED, files: [] }), null);
  });

  it('it could, with another release; not without what the active unit holds back because of it', () => {
    const other = standby({}, { release: '1.1.0' });
    assert.equal(takeoverReadiness({ syncState: other, records: CHECKED, files: [] })?.ready, true);
    assert.deepEqual(codes(other), ['other-release']);
    assert.deepEqual(codes(standby({}, { release: '1.1.0', heldBack: 2, digest: B })), [
      'held-back',
      'other-release',
    ]);
  });

  it('it could not: another model, an unconfirmed restore, changes held back by a pause', () => {
    assert.deepEqual(codes(standby({}, { model: 'other' })), ['mismatch']);
    assert.deepEqual(codes(standby({ unconfirmed: true })), ['never-a-source']);
    assert.deepEqual(codes(standby({ established: false, common: '' })), ['never-a-source']);
    assert.deepEqual(codes(standby({}, { digest: B, paused: true })), ['paused']);
    assert.deepEqual(codes(standby({}, { paused: true })), []);
    assert.deepEqual(codes(standby({}, { digest: B })), []);
  });

  it('it could not: a file under config/ could not be committed', () => {
    const file = { file: 'hosts/db.json', path: 'hosts/db', reason: 'hosts/db.json: bad', code: 'bad-json' };
    const readiness = takeoverReadiness({ syncState: standby(), records: CHECKED, files: [file] });
    assert.deepEqual([readiness?.ready, readiness?.findings[0]?.code], [false, 'bad-json']);
  });

  it('it could not: its disk takes nothing, which comes with what to look at', () => {
    const disk = refusedProblem({ since: '2025-03-01T10:00:00Z', reason: 'no space left on device' });
    const readiness = takeoverReadiness({ syncState: standby(), records: CHECKED, files: [], disk });
    assert.equal(readiness?.ready, false);
    const [finding] = readiness.findings;
    assert.equal(finding?.code, 'disk-refuses');
    assert.match(finding.message, /takes no change and no update since 2025-03-01T10:00:00Z: no space left/);
    assert.match(finding.hint ?? '', /df -h/);
  });

  it('names what fails first, at most twenty, and counts all', () => {
    const finding = (index: number): Finding => ({
      code: 'key-unfit',
      path: `certificates/c${index}`,
      message: 'its private key belongs to another certificate',
      fails: index === 29,
    });
    const findings = Array.from({ length: 30 }, (_, index) => finding(index));
    const records = { ...CHECKED, findings };
    const readiness = takeoverReadiness({ syncState: standby(), records, files: [] });
    assert.deepEqual(
      [readiness?.ready, readiness?.count, readiness?.findings.length, readiness?.findings[0]?.path],
      [false, 30, 20, 'certificates/c29'],
    );
  });

  it('is not disturbed by what does no harm yet', () => {
    const soon: Finding = {
      code: 'certificate-expires-soon',
      path: 'certificates/a',
      message: 'm',
      fails: false,
    };
    const readiness = takeoverReadiness({
      syncState: standby(),
      records: { ...CHECKED, findings: [soon] },
      files: [],
    });
    assert.deepEqual([readiness?.ready, readiness?.count], [true, 1]);
  });
});
