import assert from 'node:assert/strict';
import type { Log } from '../../../unit/log/log.ts';
import { ClockWatch, clockWarning } from '../../../unit/pair/clock-skew.ts';

const HOUR_MS = 3_600_000;

describe('clocks that disagree', () => {
  for (const [skewMs, sentence] of [
    [2 * HOUR_MS, 'The clock of lb2 is 7200 s ahead of the clock of this unit.'],
    [-2 * HOUR_MS, 'The clock of lb2 is 7200 s behind the clock of this unit.'],
    [-1500, 'The clock of lb2 is 1.5 s behind the clock of this unit.'],
  ] as const) {
    it(`are told: ${skewMs} ms`, () => {
      const warning = clockWarning('lb2', skewMs);
      assert.deepEqual([warning?.code, warning?.message], ['clock-skew', sentence]);
    });
  }

  it('up to a second, or as long as nothing is known, nothing is told', () => {
    for (const skewMs of [1000, -1000, 0, undefined]) assert.equal(clockWarning('lb2', skewMs), undefined);
  });

  it('are logged once when it begins and once when it ends', () => {
    const lines: string[] = [];
    const note = (level: string) => (_facts: object, message: string) =>
      void lines.push(`${level} ${message}`);
    const watch = new ClockWatch({ info: note('info'), warn: note('warn') } as unknown as Log);
    for (const skewMs of [0, 5000, 6000, -5000, 200, 0, -2 * HOUR_MS]) watch.seen(skewMs);
    assert.deepEqual(lines, [
      "warn the partner's clock disagrees with ours",
      "info the partner's clock agrees with ours again",
      "warn the partner's clock disagrees with ours",
    ]);
  });
});
