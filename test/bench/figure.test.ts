import assert from 'node:assert/strict';
import { aimAt, bytesOf, costOf, type Figure, growth, isMet } from '../../bench/figure.ts';
import { table } from '../../bench/table.ts';

const update: Figure = {
  what: 'Force Update',
  services: 1000,
  measured: { ms: 4, p95Ms: 6, bytes: 900 },
  rivals: [
    { who: 'rsync', cost: { ms: 100 } },
    { who: 'scp', cost: { ms: 60 } },
  ],
  floorMs: 0.5,
};

describe('what the issue asks of a figure', () => {
  it('is met when everything that is named is', () => {
    assert.equal(isMet({ ...update, aim: { ms: 4, bytes: 1024 } }), true);
    assert.equal(isMet({ ...update, aim: { ms: 4, bytes: 800 } }), false);
  });

  it('is held against the best rival, or against the stock tools alone', () => {
    assert.equal(isMet({ ...update, aim: { ratio: 1 / 15 } }), true);
    assert.equal(isMet({ ...update, aim: { ratio: 1 / 20 } }), false);
    assert.equal(isMet({ ...update, aim: { stock: 1 / 20 } }), true);
  });

  it('is neither met nor missed where nothing was measured', () => {
    assert.equal(isMet(update), undefined);
    assert.equal(isMet({ ...update, rivals: [], aim: { ratio: 1 } }), undefined);
  });

  it('is asked at the size of the issue and below', () => {
    assert.deepEqual([aimAt(10_000, { ms: 1 }), aimAt(100_000, { ms: 1 })], [{ aim: { ms: 1 } }, {}]);
  });
});

describe('figures of several rounds', () => {
  it('have no slow end when there was one round only', () => {
    assert.deepEqual(costOf([3]), { ms: 3, rounds: 1 });
    assert.deepEqual(costOf([3, 1, 2], { bytes: 5 }), { ms: 2, p95Ms: 3, rounds: 3, bytes: 5 });
  });

  it('have bytes only where they could be counted', () => {
    assert.deepEqual([bytesOf([undefined, undefined]), bytesOf([1, undefined, 9, 3])], [{}, { bytes: 3 }]);
  });

  it('grow from the smallest site to the largest', () => {
    const large = { ...update, services: 10_000, measured: { ms: 5 } };
    assert.deepEqual(growth([update, large], ['Force Update', 'nobody measured'], 1.3), [
      { what: 'growth from 1,000 to 10,000: Force Update', measured: { times: 1.25 }, aim: { times: 1.3 } },
    ]);
    assert.deepEqual(growth([update], ['Force Update'], 1.3), []);
  });
});

describe('the table', () => {
  it('has a line of our own, and one for each rival with how much longer it takes', () => {
    const lines = table([{ bench: 'in-step', ...update, aim: { ms: 3 } }]).split('\n');
    assert.deepEqual(lines.slice(2, 5), [
      '| 1,000 | Force Update | **Lockstep** | 4.0 ms | 6.0 ms |  |  | 900 B | 0.50 ms | ≤ 3.0 ms: **missed** |',
      '|  |  | rsync | 100 ms |  | 25 × |  |  |  |  |',
      '|  |  | scp | 60 ms |  | 15 × |  |  |  |  |',
    ]);
  });
});
