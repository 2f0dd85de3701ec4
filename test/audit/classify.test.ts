import assert from 'node:assert/strict';
import fc from 'fast-check';
import { suspicion } from '../../audit/alarm.ts';
import { CLASSES, classify, classifyAll, type Difference, type Verdict } from '../../audit/classify.ts';
import type { Opening, RecordFacts, TraceFacts } from '../../audit/facts.ts';

type End = Pick<Opening, 'is' | 'role' | 'common' | 'commonRevision' | 'pairId'>;

const revision = fc.nat(20);
const traces = fc.record<TraceFacts>({
  revision,
  at: fc.constant('2026-01-01T00:00:00Z'),
  kind: fc.constantFrom('init', 'change', 'update', 'rollback', 'restore', 'merge', 'file', 'import'),
  author: fc.constantFrom('ada', 'mallory'),
  reason: fc.constant('why'),
  asWritten: fc.boolean(),
});
const record = (path: string) =>
  fc.record(
    {
      path: fc.constant(path),
      hash: fc.constantFrom('h1', 'h2', null),
      intact: fc.boolean(),
      needs: fc.constant<string[]>([]),
      trace: traces,
    },
    { requiredKeys: ['path', 'hash', 'intact', 'needs'] },
  ) as fc.Arbitrary<RecordFacts>;
const difference: fc.Arbitrary<Difference> = fc
  .record({ a: record('hosts/a'), b: record('hosts/a'), sameKind: fc.boolean() })
  .filter(({ a, b }) => a.hash !== b.hash);
const end: fc.Arbitrary<End> = fc.record({
  is: fc.constantFrom('unit' as const, 'unit' as const, 'revision' as const, 'bundle' as const),
  role: fc.constantFrom('active' as const, 'standby' as const),
  common: fc.constantFrom('', 'd1'),
  commonRevision: revision,
});

const OTHER = { a: 'b', b: 'a', both: 'both' } as const;
const swapped = ({ on, ...verdict }: Verdict): Verdict => ({
  ...verdict,
  ...(on === undefined ? {} : { on: OTHER[on] }),
});

describe('the class of a difference', () => {
  it('is always one of the classes, whatever the facts', () => {
    fc.assert(
      fc.property(difference, end, end, (facts, a, b) => {
        assert.ok(CLASSES.includes(classify(facts, a, b).class));
      }),
    );
  });

  it('does not hang on who asks', () => {
    fc.assert(
      fc.property(difference, end, end, (facts, a, b) => {
        const turned = classify({ a: facts.b, b: facts.a, sameKind: facts.sameKind }, b, a);
        const { by: one, ...mine } = classify(facts, a, b);
        const { by: other, ...theirs } = swapped(turned);
        assert.deepEqual(theirs, mine);
        // Of two states that are no units, and of an edit on both, either side may be quoted.
        if (mine.class !== 'changed' && mine.on !== 'both') assert.deepEqual(other, one);
      }),
    );
  });

  it('is corruption where a record is not what its hash says, and then of exactly that side', () => {
    fc.assert(
      fc.property(difference, end, end, (facts, a, b) => {
        const verdict = classify(facts, a, b);
        const { intact } = facts.a;
        const expected = intact ? (facts.b.intact ? undefined : 'b') : facts.b.intact ? 'a' : 'both';
        assert.equal(verdict.class === 'corruption', expected !== undefined);
        if (expected !== undefined) assert.equal(verdict.on, expected);
      }),
    );
  });

  it('is a release where the kinds differ and both records are whole', () => {
    fc.assert(
      fc.property(difference, end, end, (facts, a, b) => {
        const whole = facts.a.intact && facts.b.intact;
        assert.equal(classify(facts, a, b).class === 'release', whole && !facts.sameKind);
      }),
    );
  });

  it('is only that they differ, where the two are not units of one pair', () => {
    const strangers = fc.constantFrom(['p1', 'p2'], ['', 'p2'], ['', '']);
    fc.assert(
      fc.property(difference, end, end, strangers, (facts, a, b, [one = '', other = '']) => {
        const intact = { ...facts, a: { ...facts.a, intact: true }, b: { ...facts.b, intact: true } };
        const verdict = classify(
          { ...intact, sameKind: true },
          { ...a, pairId: one },
          { ...b, pairId: other },
        );
        assert.equal(verdict.class, 'changed');
      }),
    );
  });

  it('is not sent or missed by whether the receipt covers the revision, and never names an update as an edit', () => {
    const unit = (role: 'active' | 'standby') =>
      fc.record<End>({
        is: fc.constant('unit'),
        role: fc.constant(role),
        common: fc.constant('d1'),
        commonRevision: revision,
      });
    fc.assert(
      fc.property(
        difference,
        unit('active'),
        unit('standby'),
        traces,
        traces,
        (facts, active, standby, one, other) => {
          const made: TraceFacts = { ...one, asWritten: true };
          const taken: TraceFacts = { ...other, kind: 'update', asWritten: true };
          const verdict = classify(
            {
              a: { ...facts.a, intact: true, trace: made },
              b: { ...facts.b, intact: true, trace: taken },
              sameKind: true,
            },
            active,
            standby,
          );
          const sent = made.revision <= active.commonRevision;
          assert.deepEqual(verdict, { class: sent ? 'missed' : 'not-sent', on: 'b', by: made });
        },
      ),
    );
  });

  it('is a release too for what cannot be there without a record of such a kind, however long the way', () => {
    const facts = (path: string, needs: string[], sameKind = true, there = false): Difference => ({
      a: { path, hash: 'h1', intact: true, needs },
      b: { path, hash: there ? 'h2' : null, intact: true, needs: [] },
      sameKind,
    });
    const [active, standby]: End[] = [
      { is: 'unit', role: 'active', common: 'd1', commonRevision: 1 },
      { is: 'unit', role: 'standby', common: 'd1', commonRevision: 1 },
    ];
    const verdicts = classifyAll(
      [
        facts('c', ['b']),
        facts('b', ['a']),
        facts('a', [], false),
        facts('d', ['e']),
        facts('e', [], false, true),
      ],
      active as End,
      standby as End,
    );
    assert.deepEqual(
      verdicts.map(({ class: found }) => found === 'release'),
      [true, true, true, false, true],
    );
  });
});

describe('the suspicion that an audit ought to look', () => {
  const [D1, D2, D3] = ['1', '2', '3'].map(digit => digit.repeat(64)) as [string, string, string];
  const own = {
    role: 'active',
    digest: D2,
    common: D1,
    established: true,
    damaged: false,
    heldBack: 0,
    schemaDigest: 's',
  } as const;
  const partner = { ...own, role: 'standby', digest: D1 } as const;
  const facts = { own, partner, commonRevision: 3, partnerHeldAt: 3, partnerCommonAt: 3 };

  it('is not raised by what is expected', () => {
    const turned = { ...facts, own: partner, partner: own };
    for (const expected of [
      facts,
      turned,
      { ...facts, partner: { ...partner, digest: D2 } },
      { ...facts, partner: { ...partner, digest: D3 }, partnerHeldAt: 4 }, // its receipt was lost
      { ...facts, partner: { ...partner, digest: D3, established: false } },
      { ...facts, partner: { ...partner, digest: D3, heldBack: 1 } },
      { ...facts, partner: { ...partner, digest: D3, schemaDigest: 'other' } },
      { ...facts, partner: { ...partner, digest: D3, role: 'active' as const } },
      { ...facts, own: { ...own, common: '' }, partner: { ...partner, digest: D3 } },
    ])
      assert.equal(suspicion(expected), undefined, JSON.stringify(expected));
  });

  it('is raised by what nothing explains', () => {
    const elsewhere = { ...facts, partner: { ...partner, digest: D3 }, partnerHeldAt: undefined };
    assert.equal(suspicion(elsewhere), 'partner-left');
    assert.equal(suspicion({ ...elsewhere, partnerHeldAt: 2 }), 'partner-left');
    const turned = { ...facts, own: partner, partner: own };
    assert.equal(suspicion({ ...turned, own: { ...partner, digest: D3 } }), 'own-left');
    const ahead = { ...own, digest: D3, common: D2 };
    assert.equal(suspicion({ ...turned, partner: ahead, partnerCommonAt: undefined }), 'own-fell-back');
    assert.equal(suspicion({ ...facts, partner: { ...partner, damaged: true } }), 'damaged');
  });
});
