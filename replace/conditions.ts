/** What must hold, as functions over what was measured. Each gives the reasons why it does not: none means that it holds. */
import { isSameJson, type Json } from '../schema/json.ts';
import type { Made, Other, Seen, UnitSeen } from './observe.ts';
import { called, LETTERS, type Letter, type Mode, type Plan, placeWords, planned } from './plan.ts';

export interface Condition {
  (seen: Seen): string[];
  /** What is measured, in words for the plan; empty: nothing. */
  says: string;
}

const saying = (says: string, judge: (seen: Seen) => string[]): Condition =>
  Object.assign((seen: Seen) => judge(seen), { says });

export const all = (...conditions: Condition[]): Condition =>
  saying([...new Set(conditions.map(({ says }) => says).filter(says => says !== ''))].join('; '), seen => [
    ...new Set(conditions.flatMap(condition => condition(seen))),
  ]);

/** The conditions of one plan, so that they can call its units by their names. */
export class Conditions {
  private readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  /** `judge` says what is wrong; a unit that does not answer is wrong. `says`: after the name of the unit. */
  at(letter: Letter, says: string, judge: (unit: UnitSeen) => string | undefined): Condition {
    const name = called(this.plan, letter);
    return saying(`${name} ${says}`, seen => {
      const unit = seen.units[letter];
      if (unit === undefined) return [`${name} does not answer: ${seen.silent[letter] ?? 'not asked'}`];
      const wrong = judge(unit);
      return wrong === undefined ? [] : [`${name} ${wrong}`];
    });
  }

  answers = (letter: Letter): Condition => this.at(letter, 'answers', () => undefined);

  gone(letter: Letter): Condition {
    const name = called(this.plan, letter);
    return saying(`${name} does not answer`, ({ units }) => {
      const unit = units[letter];
      if (unit === undefined) return [];
      return [`${name} still answers (${unit.role}, epoch ${unit.epoch}); it must be out, and stay out`];
    });
  }

  active = (letter: Letter): Condition =>
    this.at(letter, 'is active', ({ role }) => (role === 'active' ? undefined : 'is not active'));

  standby = (letter: Letter): Condition =>
    this.at(letter, 'is standby', ({ role }) => (role === 'standby' ? undefined : 'is not standby'));

  /** A takeover that broke off in the middle leaves the one that stood down in the newer epoch. */
  leads(letter: Letter, whom: Letter): Condition {
    const name = called(this.plan, letter);
    return saying(`${name} is in no older epoch than ${called(this.plan, whom)}`, ({ units }) => {
      const [own, theirs] = [units[letter]?.epoch ?? 0, units[whom]?.epoch ?? 0];
      return own >= theirs
        ? []
        : [
            `${name} is in epoch ${own}, ${called(this.plan, whom)} in epoch ${theirs}: a takeover was not finished`,
          ];
    });
  }

  mode(letter: Letter, mode: 'single' | Mode): Condition {
    return this.at(letter, `is in HA ${mode} mode`, ({ mode: found }) =>
      found === mode
        ? undefined
        : `is in HA ${found} mode, and must be in HA ${mode} mode: lockstep set ha/mode`,
    );
  }

  /** Both know each other, and see each other. `not`: whom neither of them knows any more. */
  paired(one: Letter, two: Letter, not?: Letter): Condition {
    const gone = not === undefined ? null : planned(this.plan, not).fingerprint;
    const sees = (letter: Letter, whom: Letter): Condition =>
      this.at(letter, `sees ${called(this.plan, whom)}`, ({ partner, state }) => {
        if (partner === null) return 'has no partner';
        const { fingerprint } = planned(this.plan, whom);
        if (partner.fingerprint === gone || (fingerprint !== null && partner.fingerprint !== fingerprint))
          return `is paired with ${partner.name} (${partner.fingerprint}), not with ${called(this.plan, whom)}`;
        return partner.seen ? undefined : `does not see its partner (${state})`;
      });
    return all(sees(one, two), sees(two, one));
  }

  /** `unit` has no partner but `survivor`; that one has none, or `place`, or `unit` already. */
  mayTake(survivor: Letter, unit: Letter, place?: Letter): Condition {
    const own = planned(this.plan, survivor).fingerprint;
    const left = place === undefined ? undefined : planned(this.plan, place).fingerprint;
    const says = `${called(this.plan, unit)} belongs to no other pair`;
    return saying(says, seen => {
      const there = seen.units[unit]?.partner;
      const isJoined = there !== undefined && there !== null && (own === null || there.fingerprint === own);
      return all(
        this.at(unit, '', ({ partner }) =>
          partner === null || isJoined
            ? undefined
            : `is paired with ${partner.name} (${partner.fingerprint}), not with ${called(this.plan, survivor)}`,
        ),
        this.at(survivor, '', ({ partner }) =>
          partner === null || isJoined || left === null || partner.fingerprint === left
            ? undefined
            : `is paired with ${partner.name} (${partner.fingerprint}), whom this plan does not know`,
        ),
      )(seen);
    });
  }

  established = (letter: Letter): Condition =>
    this.at(letter, 'was updated, and nothing restored waits there', ({ established, unconfirmed }) => {
      if (!established) return 'was never updated by its partner, so it cannot become the source';
      return unconfirmed ? 'holds what was restored, and no update has come since' : undefined;
    });

  prefers = (letter: Letter, host: 'none' | Mode): Condition =>
    this.at(letter, `prefers ${host}`, ({ preferredHost }) =>
      preferredHost === host ? undefined : `prefers ${preferredHost}, and must prefer ${host}`,
    );

  /** It stands where `place` stood: its name, mode, addresses and the Virtual ID. */
  standsAs(letter: Letter, place: Letter): Condition {
    const { name, mode, addresses, virtualId } = planned(this.plan, place);
    return all(
      this.mode(letter, mode),
      this.at(letter, `has the name, addresses and HA Virtual ID of ${name}`, unit => {
        if (unit.name !== name) return `is called ${unit.name}, and must be called ${name}`;
        for (const [at, wanted] of Object.entries(addresses)) {
          const found = unit.addresses[at] ?? {};
          if (!isSameJson(found as Json, wanted as Json))
            return `has on ${at} ${words(found)}, and must have ${words(wanted)}`;
        }
        return unit.virtualId === virtualId
          ? undefined
          : `has the HA Virtual ID ${unit.virtualId}, and must have ${virtualId}`;
      }),
    );
  }

  /** No unit of another pair that the plan names has the HA Virtual ID of `place`. */
  uniqueVirtualId(place: Letter): Condition {
    const { virtualId } = planned(this.plan, place);
    const { others: named } = this.plan;
    const says =
      named.length === 0 ? '' : `no unit at ${named.map(placeWords).join(', ')} has that Virtual ID`;
    return saying(says, ({ others }) =>
      others.flatMap(other => {
        const same = sameVirtualId(virtualId, other);
        return same === undefined ? [] : [`${same}: lockstep set ha/virtualId, on one of the two pairs`];
      }),
    );
  }

  /** One model and one release on all of them. */
  alike(...letters: Letter[]): Condition {
    const [one, ...others] = letters;
    const says = `${letters.map(letter => called(this.plan, letter)).join(', ')} are one model and run one release`;
    const like = (letter: Letter, base: UnitSeen): Condition =>
      this.at(letter, '', ({ model, release }) => {
        const name = called(this.plan, one as Letter);
        if (model !== base.model) return `is a ${model}, and ${name} a ${base.model}`;
        return release === base.release
          ? undefined
          : `runs release ${release}, and ${name} ${base.release}: bring the old units to the release of the new ones, the standby first`;
      });
    return saying(says, seen => {
      if (one === undefined) return [];
      const base = seen.units[one];
      return all(
        this.answers(one),
        ...others.map(letter => (base === undefined ? this.answers(letter) : like(letter, base))),
      )(seen);
    });
  }

  /** A step has ended well, and what it made is still there. */
  took(step: string, bundle?: string): Condition {
    const says = bundle === undefined ? `${step} has ended well` : `${bundle} is the file of ${step}`;
    return saying(says, ({ facts, bundles }) => {
      const known = facts[step];
      if (known === undefined) return [`${step} has not been done`];
      if (bundle === undefined) return [];
      const hash = bundles[bundle];
      if (hash === undefined) return [`${bundle} is not in the folder of the replacement`];
      return hash === known.sha256
        ? []
        : [
            `${bundle} is not the file that was made and verified (SHA-256 ${hash}, not ${String(known.sha256)})`,
          ];
    });
  }

  /** A pacified unit keeps its role and answers here, but its partner does not see it. Every step needs it back first. `leaves`: but this one. */
  nonePacified(leaves?: Letter): Condition {
    return saying('no unit is pacified', ({ units }) =>
      LETTERS.flatMap(letter => {
        const restarts = units[letter]?.pacified ?? null;
        if (restarts === null || letter === leaves) return [];
        const { place } = planned(this.plan, letter);
        const at =
          'dir' in place ? `lockstep --dir ${place.dir} resume` : 'lockstep resume on its own machine';
        return [
          `${called(this.plan, letter)} is pacified: it restarted ${restarts} times within five minutes and takes part in nothing. Look in its log for why, then type ${at}`,
        ];
      }),
    );
  }

  /** No branch is left of what a bundle of this replacement had put there, and an update replaced. */
  settled(...letters: Letter[]): Condition {
    return all(
      ...letters.map(letter =>
        saying(`${called(this.plan, letter)} keeps no branch of what was restored`, seen =>
          this.at(letter, '', ({ branches }) => {
            const left = branches.filter(({ revisions }) => bundleOf(seen.facts, revisions) !== undefined);
            return left.length === 0
              ? undefined
              : `keeps as a branch what was restored: ${left.map(({ name }) => name).join(', ')}`;
          })(seen),
        ),
      ),
    );
  }

  /** At no moment two units that could send: both active, and both in step with a pair once. */
  oneSource = saying('no two units could be a source', ({ units }) => {
    const sources = (Object.entries(units) as [Letter, UnitSeen][]).filter(
      ([, { role, established, unconfirmed, partner }]) =>
        role === 'active' && established && !unconfirmed && partner !== null,
    );
    if (sources.length < 2) return [];
    const named = sources.map(([letter, { epoch }]) => `${called(this.plan, letter)} in epoch ${epoch}`);
    return [
      `two units are active and could be a source: ${named.join(', ')}. Take the one of the lower epoch out`,
    ];
  });

  /** What is in the way of any step, whatever it needs itself. */
  guards = ({ leaves }: { leaves?: Letter }): Condition => all(this.oneSource, this.nonePacified(leaves));
}

/** Two pairs with one number on a network hear each other, and fight for both shared addresses. */
export function sameVirtualId(virtualId: number | null, other: Other): string | undefined {
  return virtualId === null || other.virtualId !== virtualId
    ? undefined
    : `${other.name} at ${placeWords(other.place)}, of another pair, has the HA Virtual ID ${virtualId} too; it must be unique on the network`;
}

/** Why a unit says that it was restored, when this program restored it. `bundle`: SHA-256. */
export const restoreReason = (bundle: string): string =>
  `replacement of units: the bundle with SHA-256 ${bundle}`;

/** The step whose bundle these revisions restored, and nothing else was done in them. */
export function bundleOf(facts: Seen['facts'], revisions: readonly Made[]): string | undefined {
  return Object.entries(facts).find(
    ([, known]) =>
      known?.kind === 'configuration' &&
      revisions.length > 0 &&
      revisions.every(
        ({ kind, reason }) => kind === 'restore' && reason === restoreReason(String(known.sha256)),
      ),
  )?.[0];
}

function words({
  address,
  shared,
  partner,
}: {
  address?: string;
  shared?: string;
  partner?: string;
}): string {
  return `address ${address ?? 'none'}, shared ${shared ?? 'none'}, partner ${partner ?? 'none'}`;
}
