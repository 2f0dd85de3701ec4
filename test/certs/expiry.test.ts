import assert from 'node:assert/strict';
import fc from 'fast-check';
import { daysLeft, expiryStage } from '../../certs/expiry.ts';

const DAY_MS = 86_400_000;
const notAfter = new Date('2030-06-01T12:00:00Z');
const before = (days: number): Date => new Date(notAfter.getTime() - days * DAY_MS);

describe('the end of a certificate', () => {
  it('is told in whole days that are left', () => {
    for (const [days, left] of [
      [31, 31],
      [30.99, 30],
      [1, 1],
      [0.5, 0],
      [0, -1],
      [-0.5, -1],
      [-1.5, -2],
    ] as const)
      assert.equal(daysLeft({ notAfter }, before(days)), left, `${days}`);
  });

  it('has a stage at 30, 14, 7 and 1 days, and when it is over', () => {
    for (const [days, stage] of [
      [31, undefined],
      [30, 30],
      [15, 30],
      [14, 14],
      [8, 14],
      [7, 7],
      [2, 7],
      [1, 1],
      [0, 1],
      [-1, 'expired'],
    ] as const)
      assert.equal(expiryStage(days), stage, `${days}`);
  });

  it('is over when no time is left, and not before', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e10, max: 1e10 }), ms => {
        const left = daysLeft({ notAfter }, new Date(notAfter.getTime() - ms));
        assert.equal(expiryStage(left) === 'expired', ms <= 0);
      }),
    );
  });
});
