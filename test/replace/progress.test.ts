/** Where a replacement stands, and what is in the way: no unit, no clock, no file. */
import assert from 'node:assert/strict';
import { Conditions } from '../../replace/conditions.ts';
import type { Seen, UnitSeen } from '../../replace/observe.ts';
import type { Kind, Letter, Mode, Plan, PlannedUnit } from '../../replace/plan.ts';
import { lettersOf, planned } from '../../replace/plan.ts';
import { standing } from '../../replace/progress.ts';
import { stepsBack, stepsOf } from '../../replace/steps.ts';

const MODES: Record<Letter, Mode> = { A: 'first', B: 'second', C: 'first', D: 'second' };

function plannedUnit(letter: Letter): PlannedUnit {
  const old = letter === 'A' || letter === 'B';
  return {
    place: { unit: `10.0.0.${letter}` },
    id: `id-${letter}`,
    name: `lb-${letter.toLowerCase()}`,
    mode: MODES[letter],
    model: 'VLM',
    release: '2.0.0',
    fingerprint: old ? `key-${letter}` : null,
    addresses: {},
    virtualId: 77,
  };
}

const plan: Plan = {
  version: 1,
  kind: 'both',
  at: '2026-11-22T08:00:00.000Z',
  by: 'ada',
  units: {
    A: plannedUnit('A'),
    B: plannedUnit('B'),
    C: plannedUnit('C'),
    D: plannedUnit('D'),
  },
  bundles: {},
  accept: [],
  others: [],
  preferredHost: 'none',
};
const steps = stepsOf(plan);

function unit(letter: Letter, more: Partial<UnitSeen> = {}): UnitSeen {
  const { id, name, mode, model, release, addresses, virtualId } = planned(plan, letter);
  return {
    id: String(id),
    name,
    mode,
    model,
    release,
    role: letter === 'A' ? 'active' : 'standby',
    epoch: 1,
    pacified: null,
    digest: 'd',
    revision: 1,
    established: letter === 'A' || letter === 'B',
    unconfirmed: false,
    partner: null,
    state: 'in-step',
    preferredHost: 'none',
    branches: [],
    addresses,
    virtualId,
    ...more,
  };
}

const partner = (letter: Letter) => ({ name: letter, fingerprint: `key-${letter}`, seen: true });

/** The old pair, healthy, and two new units. */
function seen(more: Partial<Record<Letter, UnitSeen>> = {}, rest: Partial<Seen> = {}): Seen {
  return {
    units: {
      A: unit('A', { partner: partner('B') }),
      B: unit('B', { partner: partner('A') }),
      C: unit('C'),
      D: unit('D'),
      ...more,
    },
    silent: {},
    others: [],
    bundles: {},
    facts: {},
    ...rest,
  };
}

const nothing = { begun: new Set<string>(), done: new Set<string>() };
const step = (id: string) => steps.find(each => each.id === id) ?? assert.fail(`no step ${id}`);

describe('where a replacement stands', () => {
  it('starts with one release on all units, and names the one that differs and the order', () => {
    const stands = standing(steps, seen({ D: unit('D', { release: '2.1.0' }) }), nothing);
    assert.equal(stands.step?.id, 'release');
    assert.match(
      stands.missing.join(),
      /D \(lb-d\) runs release 2\.1\.0, and A \(lb-a\) 2\.0\.0.*standby first/,
    );
    assert.equal(standing(steps, seen(), nothing).step?.id, 'backup-a');
  });

  it('an old unit that comes back is the next thing to do, at whatever step', () => {
    const begun = new Set(steps.map(({ id }) => id));
    const done = new Set(begun);
    const facts = Object.fromEntries(steps.map(({ id }) => [id, { sha256: 'x' }]));
    const bundles = { 'a.lockstep': 'x', 'b.lockstep': 'x', 'certificates.certs.lockstep': 'x' };
    const end = seen(
      {
        C: unit('C', { partner: { name: 'D', fingerprint: 'key-D', seen: true }, established: true }),
        D: unit('D', {
          role: 'active',
          partner: { name: 'C', fingerprint: 'key-C', seen: true },
          established: true,
        }),
      },
      { facts, bundles },
    );
    const without = (letters: Letter[]): Seen => ({
      ...end,
      units: Object.fromEntries(
        Object.entries(end.units).filter(([letter]) => !letters.includes(letter as Letter)),
      ),
    });
    const { missing, step: left } = standing(steps, without(['A', 'B']), { begun, done });
    assert.equal(left, undefined, missing.join());
    assert.equal(standing(steps, without(['A']), { begun, done }).step?.id, 'out-b');
    assert.equal(standing(steps, without(['B']), { begun, done }).step?.id, 'out-a');
  });

  it('a lost journal lets nothing happen that the units do not allow', () => {
    const late = seen({ A: unit('A', { role: 'standby', partner: partner('D') }) });
    delete late.units.B;
    const { step: next, obstacles } = standing(steps, late, nothing);
    assert.equal(next?.id, 'release');
    assert.deepEqual(step('restore-d').before(late).length > 0, true);
    assert.ok(obstacles.length === 0 && next?.action === undefined, 'it only waits');
  });
});

describe('a step is not begun', () => {
  it('restore: on a unit in the other mode, with the old one still there, on one that belongs to a pair', () => {
    const facts = { 'backup-b': { sha256: 'x' } };
    const bundles = { 'b.lockstep': 'x' };
    const refusals = (units: Partial<Record<Letter, UnitSeen>>, bundle = 'x'): string => {
      const now = seen(units, { facts, bundles: { ...bundles, 'b.lockstep': bundle } });
      if (units.B === undefined) delete now.units.B;
      return step('restore-d').before(now).join();
    };
    assert.equal(refusals({}), '');
    assert.match(refusals({ B: unit('B') }), /B \(lb-b\) still answers/);
    assert.match(refusals({ D: unit('D', { mode: 'first' }) }), /must be in HA second mode/);
    assert.match(refusals({ D: unit('D', { established: true }) }), /belongs to a pair already/);
    assert.match(refusals({}, 'y'), /is not the file that was made and verified/);
  });

  it('connect: while the survivor has a partner that the plan does not know', () => {
    const strange = seen({ A: unit('A', { partner: { name: 'X', fingerprint: 'key-X', seen: true } }) });
    delete strange.units.B;
    assert.match(step('connect-d').before(strange).join(), /whom this plan does not know/);
    const taken = seen({ D: unit('D', { partner: { name: 'X', fingerprint: 'key-X', seen: true } }) });
    assert.match(step('connect-d').before(taken).join(), /D \(lb-d\) is paired with X/);
  });

  it('takeover: before the new unit was updated, or while what it holds was only restored', () => {
    for (const more of [{ established: false }, { established: true, unconfirmed: true }]) {
      const now = seen({
        A: unit('A', { partner: { name: 'D', fingerprint: 'key-D', seen: true } }),
        D: unit('D', { partner: partner('A'), ...more }),
      });
      assert.equal(step('takeover-d').before(now).length, 1);
    }
  });

  it('anything: while two units could be a source', () => {
    const two = seen({ B: unit('B', { role: 'active', partner: partner('A'), epoch: 2 }) });
    assert.match(new Conditions(plan).oneSource(two).join(), /A \(lb-a\) in epoch 1, B \(lb-b\) in epoch 2/);
    const fresh = seen({ C: unit('C', { role: 'active', partner: partner('A') }) });
    assert.deepEqual(new Conditions(plan).oneSource(fresh), []);
  });

  it('anything: while a unit is pacified, but the one that has to go anyway', () => {
    const { guards } = new Conditions(plan);
    const now = seen({ A: unit('A', { pacified: 4 }), B: unit('B', { pacified: 5 }) });
    const [a, b] = guards({})(now);
    assert.match(
      String(a),
      /A \(lb-a\) is pacified: it restarted 4 times.*lockstep resume on its own machine/,
    );
    assert.match(String(b), /B \(lb-b\) is pacified/);
    assert.equal(guards({ leaves: 'B' })(now).length, 1);
    assert.deepEqual(standing(steps, now, { ...nothing, guards }).obstacles, [a, b]);
  });

  it('but units that were just started are given the time to see each other', () => {
    const blind = (letter: Letter) =>
      unit(letter, { partner: { ...partner(letter === 'A' ? 'B' : 'A'), seen: false } });
    const facts = Object.fromEntries(steps.map(({ id }) => [id, { sha256: 'x' }]));
    delete facts.doctor;
    const bundles = { 'a.lockstep': 'x', 'b.lockstep': 'x', 'certificates.certs.lockstep': 'x' };
    const a = { ...blind('A'), preferredHost: 'first' };
    const stands = (units: Partial<Record<Letter, UnitSeen>>) =>
      standing(steps, seen({ A: a, B: blind('B'), ...units }, { facts, bundles }), nothing);
    assert.deepEqual([stands({}).step?.id, stands({}).passing], ['doctor', true]);
    assert.equal(stands({ B: unit('B') }).passing, false, 'it has no partner');
  });

  it('update: while a takeover that broke off left the new unit in a newer epoch', () => {
    const now = seen({ D: unit('D', { role: 'active', epoch: 2 }), C: unit('C', { epoch: 3 }) });
    assert.match(step('settle-c').after(now).join(), /D \(lb-d\) is in epoch 2, C \(lb-c\) in epoch 3/);
  });

  it('check: with another Virtual ID or address than the place has', () => {
    const wrong = seen({ D: unit('D', { name: 'lb-b', virtualId: 12 }) });
    assert.match(step('check-d').after(wrong).join(), /has the HA Virtual ID 12, and must have 77/);
    const other = { id: 'x', name: 'web-1', virtualId: 77, place: { unit: '10.0.9.1' } };
    const right = { D: unit('D', { name: 'lb-b' }) };
    assert.match(
      step('check-d')
        .after(seen(right, { others: [other] }))
        .join(),
      /^web-1 at 10\.0\.9\.1, of another pair, has the HA Virtual ID 77 too; it must be unique/,
    );
    assert.deepEqual(step('check-d').after(seen(right, { others: [{ ...other, virtualId: 78 }] })), []);
  });
});

describe('a plan', () => {
  it('always fills the place first that nobody is served from', () => {
    const both = {
      old: { first: { dir: '1' }, second: { dir: '2' } },
      new: { first: { dir: '3' }, second: { dir: '4' } },
    };
    const request = { kind: 'both' as const, ...both, bundles: {}, accept: [], others: [] };
    assert.deepEqual(lettersOf(request, 'first'), { A: 'first', B: 'second', C: 'first', D: 'second' });
    assert.deepEqual(lettersOf(request, 'second'), { A: 'second', B: 'first', C: 'second', D: 'first' });
    assert.throws(() => lettersOf({ ...request, new: {} }, 'first'), { code: 'bad-usage' });
  });

  it('has each step once, and ends each by a step that comes later', () => {
    const ids = steps.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const [index, { until }] of steps.entries())
      if (until !== undefined && ids.includes(until)) assert.ok(ids.indexOf(until) > index, until);
  });

  it('has a way back until the last old unit was given up, and says then what can be done instead', () => {
    const back = (kind: Kind, ...begun: string[]) =>
      stepsBack({ ...plan, kind }, new Set(begun)).map(({ id }) => id);
    assert.deepEqual(back('both', 'backup-a'), []);
    assert.deepEqual(back('both', 'prefer-a'), ['back-prefer', 'back-update']);
    assert.equal(back('both', 'out-b', 'takeover-d', 'out-a').length, 6);
    assert.deepEqual(back('one', 'out-b', 'serve'), []);
    assert.deepEqual(back('one', 'out-b', 'prefer-a', 'restore-d'), ['back-prefer']);
    assert.deepEqual(back('grow', 'backup-a'), []);
    assert.deepEqual(back('grow', 'become-first'), ['back-single']);
    assert.deepEqual(back('shrink', 'serve', 'out-b'), ['back-units', 'back-update']);
    for (const [kind, last, why, instead] of [
      ['both', 'connect-c', /C \(lb-c\) has taken the place of A \(lb-a\)/, /kind one/],
      ['one', 'connect-d', /A \(lb-a\) has given up B \(lb-b\), which is dead/, /kind one/],
      [
        'disaster',
        'restore-c',
        /nothing to go back to; the new ones serve nobody yet/,
        /switch the new ones off/,
      ],
      ['disaster', 'confirm-c', /both old units are gone, and C \(lb-c\) serves/, /replace run goes on/],
      ['grow', 'connect-d', /D \(lb-d\) is the partner of A/, /--shrink/],
      ['shrink', 'unpair', /A \(lb-a\) has given B \(lb-b\) up/, /kind one/],
    ] as const)
      assert.throws(() => back(kind, last), { code: 'replace-step', message: why, hint: instead });
  });
});
