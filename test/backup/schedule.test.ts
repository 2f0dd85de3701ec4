import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterFailure, afterSuccess, dueAt, nextRun, spreadOf, type Times } from '../../backup/schedule.ts';
import { offsetAt } from '../../backup/zone-offset.ts';

const at = (text: string): Date => new Date(text);
const HOUR_MS = 3_600_000;
const ZONES = [
  'UTC',
  'Europe/Vienna',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'America/Sao_Paulo',
];

const times: fc.Arbitrary<Times> = fc.record({
  day: fc.integer({ min: 0, max: 7 }),
  hour: fc.integer({ min: 0, max: 23 }),
  minute: fc.integer({ min: 0, max: 59 }),
  timeZone: fc.constantFrom(...ZONES),
});
const moment = fc.date({ min: at('2024-01-01'), max: at('2027-12-31'), noInvalidDate: true });

function local(moment: Date, timeZone: string): { date: string; time: string; weekday: string } {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-CA', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      weekday: 'short',
    })
      .formatToParts(moment)
      .map(({ type, value }) => [type, value]),
  );
  return {
    date: `${parts.year}-${parts.month}-${parts.day}`,
    time: `${parts.hour}:${parts.minute}`,
    weekday: String(parts.weekday),
  };
}

describe('the next run of a schedule', () => {
  const vienna = (hour: number, minute: number, day = 0): Times => ({
    day,
    hour,
    minute,
    timeZone: 'Europe/Vienna',
  });

  it('is at the time of the unit', () => {
    assert.equal(
      nextRun(vienna(2, 30), at('2026-07-01T12:00:00Z')).toISOString(),
      '2026-07-02T00:30:00.000Z',
    );
    assert.equal(
      nextRun(vienna(2, 30), at('2026-01-01T12:00:00Z')).toISOString(),
      '2026-01-02T01:30:00.000Z',
    );
    assert.equal(
      nextRun(vienna(2, 30, 7), at('2026-07-01T12:00:00Z')).toISOString(),
      '2026-07-05T00:30:00.000Z',
    );
  });

  it('comes once on the day that lacks its hour, and once on the day that has it twice', () => {
    const spring = nextRun(vienna(2, 30), at('2026-03-28T12:00:00Z'));
    assert.equal(local(spring, 'Europe/Vienna').date, '2026-03-29');
    assert.equal(local(nextRun(vienna(2, 30), spring), 'Europe/Vienna').date, '2026-03-30');
    const autumn = nextRun(vienna(2, 30), at('2026-10-24T12:00:00Z'));
    assert.equal(autumn.toISOString(), '2026-10-25T00:30:00.000Z');
    assert.equal(local(nextRun(vienna(2, 30), autumn), 'Europe/Vienna').date, '2026-10-26');
  });

  it('follows, on the chosen day and time of the zone unless its clock was put forward over it', () => {
    fc.assert(
      fc.property(times, moment, (chosen, after) => {
        const next = nextRun(chosen, after);
        assert.ok(next > after);
        const { time, weekday } = local(next, chosen.timeZone);
        const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
        if (chosen.day > 0) assert.equal(weekday, names[chosen.day]);
        const said = `${String(chosen.hour).padStart(2, '0')}:${String(chosen.minute).padStart(2, '0')}`;
        const [before, later] = [-3, 1].map(hours =>
          local(new Date(next.getTime() + hours * HOUR_MS), chosen.timeZone),
        );
        const shifted =
          before?.time.slice(3) !== time.slice(3) ||
          Number(time.slice(0, 2)) !== (Number(before?.time.slice(0, 2)) + 3) % 24;
        assert.ok(time === said || shifted, `${time} instead of ${said}; ${before?.time} ${later?.time}`);
      }),
      { numRuns: 300 },
    );
  });

  it('comes on every day exactly once', () => {
    fc.assert(
      fc.property(times, moment, (chosen, start) => {
        const daily = { ...chosen, day: 0 };
        let run = nextRun(daily, start);
        for (let day = 0; day < 30; day++) {
          const next = nextRun(daily, run);
          const days = [run, next].map(
            each => Date.parse(local(each, chosen.timeZone).date) / (24 * HOUR_MS),
          );
          assert.equal((days[1] as number) - (days[0] as number), 1);
          run = next;
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('the runs of a schedule in every zone of tzdata, for two years', () => {
  const FROM = Date.parse('2026-01-01T00:00:00Z');
  const UNTIL = Date.parse('2028-01-01T00:00:00Z');
  const DAY = 24 * HOUR_MS;

  /** Moments at which the clock of the zone is changed, to the second. */
  function changesOf(zone: string): number[] {
    const found: number[] = [];
    for (let from = FROM; from < UNTIL; from += 7 * DAY) {
      let [low, high] = [from, from + 7 * DAY];
      if (offsetAt(zone, low) === offsetAt(zone, high)) continue;
      while (high - low > 1000) {
        const middle = low + Math.floor((high - low) / 2000) * 1000;
        if (offsetAt(zone, middle) === offsetAt(zone, low)) low = middle;
        else high = middle;
      }
      found.push(high);
    }
    return found;
  }

  const wallDay = (zone: string, at: number): number => Math.floor((at + offsetAt(zone, at)) / DAY);

  /** Chosen times around a change: what it jumps over or repeats, its edges, and both ends of the day. */
  function timesAround(zone: string, change: number): { hour: number; minute: number }[] {
    const minutes = [change - 1000, change].flatMap(at => {
      const wall = Math.floor((at + offsetAt(zone, at)) / 60_000);
      return [-60, -30, -1, 0, 1, 29, 30, 60].map(shift => (((wall + shift) % 1440) + 1440) % 1440);
    });
    return [...new Set([...minutes, 0, 1439])].map(at => ({ hour: Math.floor(at / 60), minute: at % 60 }));
  }

  it('are exactly one on each due day, over gaps and repeated hours, also when a gap ends at midnight', function () {
    this.timeout(30_000);
    let checked = 0;
    let endsAtMidnight = 0;
    // Zones whose clocks do the same for two years are tried once.
    const alike = new Map<string, { zone: string; changes: number[] }>();
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const changes = changesOf(zone);
      const offsets = [FROM, ...changes].map(at => offsetAt(zone, at));
      alike.set(JSON.stringify([changes, offsets]), { zone, changes });
    }
    for (const { zone, changes } of alike.values()) {
      for (const change of changes) {
        const after = change + offsetAt(zone, change);
        if (after % DAY === 0 && offsetAt(zone, change) > offsetAt(zone, change - 1000)) endsAtMidnight++;
        for (const time of timesAround(zone, change)) {
          const chosen: Times = { day: 0, ...time, timeZone: zone };
          let run = nextRun(chosen, new Date(change - 3 * DAY));
          for (let day = 0; day < 5; day++) {
            const next = nextRun(chosen, run);
            const where = `${zone} ${time.hour}:${time.minute} ${run.toISOString()} ${next.toISOString()}`;
            assert.equal(wallDay(zone, next.getTime()) - wallDay(zone, run.getTime()), 1, where);
            // Whoever asks a moment before, or in the middle of the day, is told the same.
            assert.deepEqual(nextRun(chosen, new Date(next.getTime() - 1)), next, where);
            run = next;
            checked++;
          }
        }
      }
    }
    assert.ok(checked > 2_000, `${checked}`);
    assert.ok(endsAtMidnight > 0, 'no zone has a gap that ends at midnight any more');
  });

  it('are on their day of the week too where the gap ends at midnight', () => {
    // America/Nuuk: from Saturday, 28 March 2026, 23:00 the clock goes on at Sunday, 00:00
    const saturday = (hour: number, minute: number): Times => ({
      day: 6,
      hour,
      minute,
      timeZone: 'America/Nuuk',
    });
    assert.deepEqual(nextRun(saturday(23, 30), at('2026-03-26T00:00:00Z')), at('2026-03-29T00:59:00Z'));
    assert.deepEqual(nextRun(saturday(22, 30), at('2026-03-26T00:00:00Z')), at('2026-03-29T00:30:00Z'));
    assert.equal(local(nextRun(saturday(23, 30), at('2026-03-29T00:59:00Z')), 'America/Nuuk').weekday, 'Sat');
  });
});

describe('a schedule', () => {
  const daily: Times = { day: 0, hour: 2, minute: 0, timeZone: 'UTC' };

  it('makes up missed runs once', () => {
    const book = { settled: '2026-01-01T02:00:00Z', failures: 0 };
    const now = at('2026-01-09T12:00:00Z');
    assert.ok(dueAt(daily, book) <= now);
    assert.equal(dueAt(daily, afterSuccess(now)).toISOString(), '2026-01-10T02:00:00.000Z');
  });

  it('tries a failed run again after 1, 5, 15 and then each 60 minutes', () => {
    const start = at('2026-01-02T02:00:00Z');
    let book = { settled: '2026-01-01T02:00:00Z', failures: 0 };
    const pauses: number[] = [];
    let now = dueAt(daily, book);
    assert.deepEqual(now, start);
    for (let attempt = 0; attempt < 6; attempt++) {
      book = afterFailure(book, now);
      const next = dueAt(daily, book);
      pauses.push((next.getTime() - now.getTime()) / 60_000);
      now = next;
    }
    assert.deepEqual(pauses, [1, 5, 15, 60, 60, 60]);
    assert.equal(dueAt(daily, afterSuccess(now)).toISOString(), '2026-01-03T02:00:00.000Z');
  });

  it('is never due before its time, and always again later', () => {
    fc.assert(
      fc.property(times, moment, fc.nat(8), (chosen, settled, failures) => {
        const wanted = nextRun(chosen, settled);
        const book = { settled: settled.toISOString(), failures, failedAt: wanted.toISOString() };
        const due = dueAt(chosen, book);
        assert.ok(due >= wanted && (failures === 0 || due > wanted));
        assert.ok(due.getTime() - wanted.getTime() <= HOUR_MS);
      }),
    );
  });
});

describe('the schedules of many units', () => {
  const MINUTE_MS = 60_000;

  it('spread over half an hour, and the units of a pair are a quarter of an hour apart', () => {
    fc.assert(
      fc.property(fc.uuid(), pair => {
        const [first, second] = [spreadOf(pair, false), spreadOf(pair, true)];
        assert.equal(second - first, 15 * MINUTE_MS);
        assert.ok(first >= 0 && second < 30 * MINUTE_MS);
        assert.equal(spreadOf(pair, false), first);
      }),
    );
    const quarters = Array.from({ length: 1_000 }, (_, index) =>
      Math.floor(spreadOf(`pair ${index}`, false) / (5 * MINUTE_MS)),
    );
    for (const third of [0, 1, 2]) {
      const share = quarters.filter(each => each === third).length;
      assert.ok(share > 250 && share < 420, `${share} of 1,000 in one third`);
    }
  });
});
