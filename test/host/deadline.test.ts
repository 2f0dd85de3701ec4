import assert from 'node:assert/strict';
import fc from 'fast-check';
import { machineClock } from '../../host/clock.ts';
import { elapsedMs, type Moment, makeDeadline, remainingMs } from '../../host/deadline.ts';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const HOUR = 3_600_000;
const start: Moment = { wall: NOON, uptime: 5 * HOUR, bootId: 'first' };

describe('a deadline', () => {
  it('runs by the uptime: a clock that is set on or back moves nothing', () => {
    const deadline = makeDeadline(2 * HOUR, start);
    for (const wall of [NOON - 1000 * HOUR, NOON + HOUR, NOON + 1000 * HOUR])
      assert.equal(remainingMs(deadline, { ...start, wall, uptime: 6 * HOUR }), HOUR);
    assert.equal(remainingMs(deadline, { ...start, uptime: 7 * HOUR }), 0);
  });

  it('runs by the wall clock across a reboot', () => {
    const deadline = makeDeadline(2 * HOUR, start);
    assert.equal(remainingMs(deadline, { wall: NOON + HOUR, uptime: 60_000, bootId: 'second' }), HOUR);
    assert.equal(remainingMs(deadline, { wall: NOON + 3 * HOUR, uptime: 60_000, bootId: 'second' }), 0);
  });

  it('across a reboot into an earlier year, at least the new uptime has passed', () => {
    const deadline = makeDeadline(2 * HOUR, start);
    assert.equal(remainingMs(deadline, { wall: 0, uptime: 60_000, bootId: 'second' }), 2 * HOUR - 60_000);
    assert.equal(remainingMs(deadline, { wall: 0, uptime: 3 * HOUR, bootId: 'second' }), 0);
  });

  it('never has more left than it began with, nor less than nothing', () => {
    const moment = fc.record({
      wall: fc.integer({ min: 0, max: 2 ** 42 }),
      uptime: fc.integer({ min: 0, max: 2 ** 36 }),
      bootId: fc.constantFrom('first', 'second'),
    });
    fc.assert(
      fc.property(moment, moment, fc.integer({ min: 0, max: 2 ** 36 }), (from, now, durationMs) => {
        const left = remainingMs(makeDeadline(durationMs, from), now);
        assert.ok(left >= 0 && left <= durationMs);
        assert.ok(elapsedMs(from, now) >= 0);
      }),
    );
  });

  it('is measured by clocks that this machine has', () => {
    const now = machineClock();
    assert.match(now.bootId, /^[0-9a-f-]{36}$/);
    assert.ok(now.uptime > 0 && Math.abs(now.wall - Date.now()) < 60_000);
    assert.equal(machineClock().bootId, now.bootId);
  });
});
