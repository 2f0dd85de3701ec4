import assert from 'node:assert/strict';
import fc from 'fast-check';
import { quantile, spreadOf } from '../../bench/samples.ts';

describe('many measurements of one act', () => {
  it('are told by their middle and their slow end, in whatever order they came', () => {
    const samples = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1);
    assert.deepEqual(spreadOf(samples), { median: 50, p95: 95, least: 1, rounds: 100 });
  });

  it('are one that was measured, when there was one', () => {
    assert.deepEqual(spreadOf([7]), { median: 7, p95: 7, least: 7, rounds: 1 });
  });

  it('cannot be told when there were none', () => {
    assert.throws(() => quantile([], 0.5), RangeError);
  });

  it('lie between the least and the most, and the middle is never past the slow end', () => {
    const samples = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(samples, values => {
        const { median, p95, least } = spreadOf(values);
        assert.ok(least <= median && median <= p95 && values.includes(median) && values.includes(p95));
      }),
    );
  });
});
