import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Candidate, newerOf, type Verdict, whyNewer } from '../../certs/newer.ts';
import { daysFromNow, NOW } from './ca.ts';

/** Days from now; `put`: when it was put there. */
const lasting = (from: number, to: number, put?: number): Candidate => ({
  notBefore: daysFromNow(from),
  notAfter: daysFromNow(to),
  ...(put === undefined ? {} : { putAt: daysFromNow(put) }),
});

const candidate = fc
  .record({
    from: fc.integer({ min: -400, max: 20 }),
    life: fc.integer({ min: 1, max: 400 }),
    put: fc.option(fc.integer({ min: -50, max: 10 }), { nil: undefined }),
    unfit: fc.boolean(),
  })
  .map(({ from, life, put, unfit }) => ({ ...lasting(from, from + life, put), unfit }));
const good = candidate.map(each => ({ ...each, unfit: false }));
const isGood = ({ notBefore, notAfter, unfit }: Candidate): boolean =>
  unfit !== true && notBefore <= NOW && NOW < notAfter;

const OPPOSITE = { one: 'other', other: 'one', neither: 'neither' } as const;

describe('which of two certificates is newer', () => {
  const cases: [story: string, given: Candidate, kept: Candidate, ...Verdict[]][] = [
    ['a renewal', lasting(0, 90, 0), lasting(-60, 30, -60), { newer: 'one', because: 'issued-later' }],
    [
      'an old file of the other unit',
      lasting(-60, 30, 0),
      lasting(0, 90, -1),
      { newer: 'other', because: 'issued-later' },
    ],
    [
      'the real one, backdated, over the placeholder of a day',
      lasting(-5, 85),
      lasting(-0.01, 0.99),
      { newer: 'one', because: 'placeholder' },
    ],
    [
      'the placeholder of a day, dropped again over the real one',
      lasting(-0.01, 0.99, 0),
      lasting(-5, 85, -3),
      { newer: 'other', because: 'placeholder' },
    ],
    [
      'a shorter life on purpose, dropped later',
      lasting(-1, 89, 0),
      lasting(-30, 335, -30),
      { newer: 'one', because: 'put-last' },
    ],
    [
      'a shorter life, put there before the longer one',
      lasting(-1, 89, -1),
      lasting(-30, 335, -0.5),
      { newer: 'other', because: 'put-last' },
    ],
    [
      'a shorter life, and nobody knows when',
      lasting(-1, 89),
      lasting(-30, 335),
      { newer: 'other', because: 'lasts-longer' },
    ],
    [
      'over one of a clock that was ahead',
      lasting(-1, 89, 0),
      lasting(3_000, 3_090, 2_999),
      { newer: 'one', because: 'serves' },
    ],
    [
      'over one that has expired',
      lasting(-80, 10, 0),
      lasting(-30, -1, -1),
      { newer: 'one', because: 'serves' },
    ],
    [
      'over one that clients refuse',
      lasting(-80, 10, 0),
      { ...lasting(-30, 60, -1), unfit: true },
      { newer: 'one', because: 'serves' },
    ],
    [
      'a time that is still to come says nothing',
      lasting(-1, 89, 5),
      lasting(-30, 335, -30),
      { newer: 'other', because: 'lasts-longer' },
    ],
    ['the same days', lasting(-1, 89, 0), lasting(-1, 89, -1), { newer: 'neither', because: 'alike' }],
    [
      'short ones that follow each other',
      lasting(0, 6, 0),
      lasting(-3, 3, -3),
      { newer: 'one', because: 'issued-later' },
    ],
  ];
  for (const [story, given, kept, ...verdicts] of cases)
    it(`is told for ${story}`, () => {
      const verdict = newerOf(given, kept, NOW);
      assert.deepEqual([verdict], verdicts);
      assert.match(whyNewer(verdict.because, given, kept, NOW), /^(it|the other one|both) /);
    });

  it('does not depend on who is named first', () => {
    fc.assert(
      fc.property(candidate, candidate, (one, other) => {
        const [there, back] = [newerOf(one, other, NOW), newerOf(other, one, NOW)];
        assert.deepEqual(back, { ...there, newer: OPPOSITE[there.newer] });
      }),
    );
  });

  it('never lets what clients refuse stand over what serves', () => {
    fc.assert(
      fc.property(candidate, candidate, (one, other) => {
        if (isGood(one) === isGood(other)) return;
        assert.equal(newerOf(one, other, NOW).newer, isGood(one) ? 'one' : 'other');
      }),
    );
  });

  it('lets what was issued later, lasts longer and was put there last win', () => {
    fc.assert(
      fc.property(
        good,
        fc.integer({ min: 0, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        (old, later, longer) => {
          const DAY = 86_400_000;
          const renewed = {
            notBefore: new Date(Math.min(old.notBefore.getTime() + later * DAY, NOW.getTime())),
            notAfter: new Date(Math.max(old.notAfter.getTime() + longer * DAY, NOW.getTime() + 1)),
            putAt: NOW,
          };
          if (renewed.notBefore < old.notBefore) return;
          assert.equal(newerOf(renewed, old, NOW).newer, 'one');
        },
      ),
    );
  });

  it('does not turn when the newer one lasts longer still', () => {
    fc.assert(
      fc.property(good, good, fc.integer({ min: 1, max: 400 }), (one, other, days) => {
        if (newerOf(one, other, NOW).newer !== 'one') return;
        const longer = { ...one, notAfter: new Date(one.notAfter.getTime() + days * 86_400_000) };
        assert.equal(newerOf(longer, other, NOW).newer, 'one');
      }),
    );
  });
});
