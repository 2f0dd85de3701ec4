import assert from 'node:assert/strict';
import fc from 'fast-check';
import { judge, type KeptBundle, type Policy } from '../../backup/retention.ts';

const NONE: Policy = { last: 0, daily: 0, weekly: 0, monthly: 0 };
const bundle = (at: string, proved = false): KeptBundle => ({
  name: at,
  kind: 'configuration',
  at: new Date(at),
  proved,
});
const kept = (bundles: KeptBundle[], policy: Partial<Policy>, timeZone = 'UTC'): string[] =>
  judge(bundles, { ...NONE, ...policy }, timeZone)
    .filter(({ keep }) => keep)
    .map(({ name }) => name);

/** One a day at noon, the newest on Saturday, 31 January 2026. */
const DAYS = Array.from({ length: 90 }, (_none, back) =>
  bundle(new Date(Date.parse('2026-01-31T12:00:00Z') - back * 86_400_000).toISOString()),
);
const day = (names: string[]): string[] => names.map(name => name.slice(0, 10));

const bundles = fc.uniqueArray(
  fc.record({
    name: fc.nat(500).map(number => `bundle-${number}`),
    at: fc.date({ min: new Date('2024-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
    kind: fc.constant('configuration' as const),
    proved: fc.boolean(),
  }),
  { selector: ({ name }) => name, maxLength: 60 },
);
const policies = fc.record({ last: fc.nat(5), daily: fc.nat(5), weekly: fc.nat(5), monthly: fc.nat(5) });

describe('a retention policy', () => {
  it('keeps the last ones, and the newest of each day, week and month', () => {
    assert.deepEqual(day(kept(DAYS, { last: 2 })), ['2026-01-31', '2026-01-30']);
    assert.deepEqual(day(kept(DAYS, { daily: 3 })), ['2026-01-31', '2026-01-30', '2026-01-29']);
    assert.deepEqual(day(kept(DAYS, { weekly: 3 })), ['2026-01-31', '2026-01-25', '2026-01-18']);
    assert.deepEqual(day(kept(DAYS, { monthly: 3 })), ['2026-01-31', '2025-12-31', '2025-11-30']);
  });

  it('counts days where the unit is', () => {
    const two = [bundle('2026-01-01T23:30:00Z'), bundle('2026-01-01T22:30:00Z')];
    assert.equal(kept(two, { daily: 5 }, 'UTC').length, 1);
    assert.equal(kept(two, { daily: 5 }, 'Europe/Vienna').length, 2);
  });

  it('says why', () => {
    assert.deepEqual(
      judge(
        [bundle('2026-01-31T12:00:00Z', true), bundle('2026-01-30T12:00:00Z')],
        { ...NONE, daily: 1 },
        'UTC',
      ),
      [
        {
          name: '2026-01-31T12:00:00Z',
          keep: true,
          reasons: ['the newest', 'the newest proved one', 'the newest of its day, 2026-01-31'],
        },
        { name: '2026-01-30T12:00:00Z', keep: false, reasons: ['no rule of the policy keeps it'] },
      ],
    );
  });

  it('that keeps nothing keeps everything', () => {
    assert.equal(kept(DAYS, {}).length, DAYS.length);
  });

  it('never gives up the newest proved bundle, nor the newest', () => {
    fc.assert(
      fc.property(bundles, policies, (all, policy) => {
        const stays = new Set(kept(all, policy));
        const newest = (some: KeptBundle[]): number => Math.max(...some.map(({ at }) => at.getTime()));
        for (const some of [all, all.filter(({ proved }) => proved)]) {
          if (some.length > 0)
            assert.ok(some.some(({ name, at }) => at.getTime() === newest(some) && stays.has(name)));
        }
      }),
    );
  });

  it('judges every bundle once, with a reason; and applied again it removes no more', () => {
    fc.assert(
      fc.property(bundles, policies, (all, policy) => {
        const verdicts = judge(all, policy, 'Europe/Vienna');
        assert.deepEqual(verdicts.map(({ name }) => name).sort(), all.map(({ name }) => name).sort());
        assert.ok(verdicts.every(({ reasons }) => reasons.length > 0));
        const stays = kept(all, policy, 'Europe/Vienna');
        const left = all.filter(({ name }) => stays.includes(name));
        assert.deepEqual(kept(left, policy, 'Europe/Vienna'), stays);
      }),
    );
  });

  it('keeps no more than it was told to, and never less when it is told to keep more', () => {
    fc.assert(
      fc.property(bundles, policies, policies, (all, policy, more) => {
        const count = policy.last + policy.daily + policy.weekly + policy.monthly;
        const stays = kept(all, policy);
        if (count > 0) assert.ok(stays.length <= count + 2);
        const wider = {
          last: policy.last + more.last,
          daily: policy.daily + more.daily,
          weekly: policy.weekly + more.weekly,
          monthly: policy.monthly + more.monthly,
        };
        if (count > 0) assert.ok(stays.every(name => kept(all, wider).includes(name)));
      }),
    );
  });

  it('judges the bundles of each kind as if there were no others, and tells of all of them newest first', () => {
    fc.assert(
      fc.property(bundles, policies, fc.func(fc.boolean()), (all, policy, isOfCertificates) => {
        const mixed = all.map(each => ({
          ...each,
          kind: isOfCertificates(each.name) ? ('certificates' as const) : ('configuration' as const),
        }));
        const alone = (['configuration', 'certificates'] as const).flatMap(kind =>
          judge(
            mixed.filter(each => each.kind === kind),
            policy,
            'UTC',
          ),
        );
        const verdicts = judge(mixed, policy, 'UTC');
        const byName = (one: { name: string }, other: { name: string }): number =>
          one.name < other.name ? -1 : 1;
        assert.deepEqual([...verdicts].sort(byName), [...alone].sort(byName));
        const at = new Map(mixed.map(each => [each.name, each.at.getTime()]));
        const times = verdicts.map(({ name }) => at.get(name) as number);
        assert.deepEqual(
          times,
          [...times].sort((a, b) => b - a),
        );
      }),
    );
  });
});
