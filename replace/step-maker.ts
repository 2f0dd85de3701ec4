import { all, Conditions } from './conditions.ts';
import { called, type Letter, type Mode, other, type Plan, placeWords, planned } from './plan.ts';
import type { Step } from './step.ts';

type Told = Pick<Step, 'id' | 'title' | 'does' | 'after'> & Partial<Step>;

/** What most steps have in common. */
export function step(told: Told): Step {
  return { appliance: '', before: all(), back: 'none is needed', interruption: 'none', ...told };
}

/** The steps that plans are made of, each for the units of one plan. */
export class StepMaker {
  readonly plan: Plan;
  readonly on: Conditions;

  constructor(plan: Plan) {
    this.plan = plan;
    this.on = new Conditions(plan);
  }

  /** `unit` is made to stand as `place`, and becomes the partner of `survivor` instead of it. */
  newPartner(
    unit: 'C' | 'D',
    place: 'A' | 'B',
    survivor: Letter,
    restored: string,
    checked: string,
    connected: string,
    updated: string,
    fromBundle = true,
  ): Step[] {
    const connect = `connect-${unit.toLowerCase()}`;
    return [
      ...(fromBundle ? [this.restore(unit, place, restored, connect)] : []),
      this.check(unit, place, checked, connect),
      this.connect(unit, place, survivor, connected),
      this.settle(unit, survivor),
      this.update(unit, survivor, updated),
    ];
  }

  preferAsBefore(): Step {
    const { preferredHost } = this.plan;
    return {
      ...this.prefer('A', preferredHost, '', '49'),
      id: 'back-prefer',
      title: `The preferred host is ${preferredHost} again`,
    };
  }

  alike(...letters: Letter[]): Step {
    const [one = 'A', ...others] = letters;
    const after = this.on.alike(one, ...others);
    return step({
      id: 'release',
      appliance: 'before 1',
      title: 'All units run one release, and are one model',
      does: 'bring the old units to the release of the new ones: first the standby, then, after a takeover, the other, and a takeover back; without a preferred host',
      after,
      ...(letters.includes('B') ? { until: 'out-b' } : {}),
      back: 'install the release before',
      interruption: 'one takeover for each unit that is brought to another release',
    });
  }

  backup(of: 'A' | 'B'): Step {
    const bundle = `${of.toLowerCase()}.lockstep`;
    return step({
      id: `backup-${of.toLowerCase()}`,
      appliance: '1–3',
      title: `A bundle of ${this.name(of)}, verified and drilled`,
      action: { do: 'backup', of, kind: 'configuration', bundle },
      does: `lockstep backup create from its own address, backup verify, and backup drill on ${this.name(of)}`,
      before: this.on.answers(of),
      after: this.on.took(`backup-${of.toLowerCase()}`, bundle),
    });
  }

  certificates(): Step {
    return step({
      id: 'backup-certificates',
      appliance: '4–6',
      title: 'A bundle of the certificates with their keys',
      action: {
        do: 'backup',
        of: 'A',
        kind: 'certificates',
        bundle: 'certificates.certs.lockstep',
      },
      does: `lockstep certs backup on ${this.name('A')}, and backup verify`,
      before: this.on.active('A'),
      after: this.on.took('backup-certificates', 'certificates.certs.lockstep'),
    });
  }

  bring(of: 'A' | 'B', kind: 'configuration' | 'certificates', from: string, appliance: string): Step {
    const name = kind === 'configuration' ? of.toLowerCase() : 'certificates';
    const bundle = kind === 'configuration' ? `${name}.lockstep` : 'certificates.certs.lockstep';
    return step({
      id: `bring-${name}`,
      appliance,
      title: `The bundle ${from} is verified`,
      action: { do: 'bring', from, of, kind, bundle },
      does: `lockstep backup verify ${from}, and that it is one of ${this.name(of)}`,
      after: this.on.took(`bring-${name}`, bundle),
    });
  }

  prefer(on: Letter, host: 'none' | Mode, until: string, appliance: string): Step {
    return step({
      id: 'prefer-a',
      appliance,
      title: `The preferred host is ${host}`,
      action: { do: 'prefer', on, host },
      does: `lockstep set ha/preferredHost ${host} on ${this.name(on)}`,
      before: this.on.active(on),
      after: this.on.prefers(on, host),
      ...(until === '' ? {} : { until }),
      back: `lockstep set ha/preferredHost ${this.plan.preferredHost}`,
    });
  }

  doctor(): Step {
    return step({
      id: 'doctor',
      title: 'The doctor finds nothing that speaks against it',
      action: { do: 'doctor', on: 'A', accept: this.plan.accept },
      does: `lockstep doctor --before replace on ${this.name('A')}`,
      before: this.on.paired('A', 'B'),
      after: this.on.took('doctor'),
    });
  }

  out(letter: 'A' | 'B', appliance: string, before: Step['before'], back?: string): Step {
    return step({
      id: `out-${letter.toLowerCase()}`,
      appliance,
      title: `${this.name(letter)} is out`,
      does: `switch ${this.name(letter)} off, or take its cables out; it stays out`,
      leaves: letter,
      before,
      after: this.on.gone(letter),
      back: back === undefined ? `switch ${this.name(letter)} on again` : `switch it on again, until ${back}`,
    });
  }

  restore(unit: 'C' | 'D', place: 'A' | 'B', appliance: string, until: string): Step {
    const letter = place.toLowerCase();
    const { on } = this;
    const brought = this.plan.bundles[place] !== undefined;
    return step({
      id: `restore-${unit.toLowerCase()}`,
      appliance,
      title: `The bundle of ${this.name(place)} goes onto ${this.name(unit)}`,
      action: { do: 'restore', on: unit, of: place, bundle: `${letter}.lockstep` },
      does: `lockstep restore --as-the-old-unit on ${this.name(unit)}; no reboot is needed`,
      before: all(
        on.took(`${brought ? 'bring' : 'backup'}-${letter}`, `${letter}.lockstep`),
        on.gone(place),
        on.mode(unit, this.mode(place)),
        on.at(unit, 'belongs to no pair', ({ partner, established }) =>
          partner !== null || established
            ? `belongs to a pair already (${partner?.name ?? 'its partner is gone'}); take a new unit, or set it up again with lockstep init`
            : undefined,
        ),
      ),
      after: on.standsAs(unit, place),
      until,
      back: `lockstep rollback on ${this.name(unit)}`,
    });
  }

  check(unit: 'C' | 'D', place: Letter, appliance: string, until: string): Step {
    const letter = unit.toLowerCase();
    const { name, mode, virtualId } = planned(this.plan, place);
    return step({
      id: `check-${letter}`,
      appliance,
      title: `${this.name(unit)} stands as ${name}`,
      does: `set it right there, where it does not: compared are name, HA ${mode} mode, interface, shared and partner addresses and the HA Virtual ID ${virtualId ?? '(none)'}${this.plan.others.length > 0 ? `, and that of the other pairs: ${this.plan.others.map(placeWords).join(', ')}` : '; name units of the other pairs on the network under others, and theirs are compared too'}`,
      after: all(this.on.standsAs(unit, place), this.on.uniqueVirtualId(place)),
      until,
      back: `lockstep rollback on ${this.name(unit)}`,
    });
  }

  connect(unit: Letter, place: Letter | undefined, survivor: Letter, appliance: string): Step {
    const { on } = this;
    const instead = place === undefined ? '' : ` instead of ${this.name(place)}`;
    return step({
      id: `connect-${unit.toLowerCase()}`,
      appliance,
      title: `${this.name(unit)} becomes the partner of ${this.name(survivor)}${instead}`,
      action: { do: 'pair', inviter: survivor, joiner: unit },
      does: `lockstep pair --invite${place === undefined ? '' : ' --replace'} on ${this.name(survivor)}, lockstep pair on ${this.name(unit)}; both keys go into the journal`,
      before: all(
        on.active(survivor),
        ...(place === undefined ? [] : [on.gone(place)]),
        on.mode(unit, other(this.mode(survivor))),
        on.mayTake(survivor, unit, place),
      ),
      after: on.paired(survivor, unit, place),
      ...(unit === 'D' && survivor === 'A' ? { until: 'takeover-d' } : {}),
      back:
        survivor === 'A' && place === 'B'
          ? `pair ${this.name('A')} with ${this.name('B')} again: lockstep replace abort`
          : 'the way is forward: the unit that was given up can be brought back by a plan of its own',
    });
  }

  /** A new first unit starts as active; it is no source, and makes way before anything is sent. */
  settle(unit: Letter, survivor: Letter): Step {
    const { on } = this;
    return step({
      id: `settle-${unit.toLowerCase()}`,
      title: `${this.name(unit)} is standby`,
      action: { do: 'takeover', on: survivor, force: true },
      does: `where it is active, being new: lockstep takeover --force on ${this.name(survivor)}, which stays active`,
      before: all(
        on.active(survivor),
        on.at(unit, 'was in step with nobody', ({ established }) =>
          established ? 'was in step with a partner before: look at lockstep branches there' : undefined,
        ),
      ),
      after: all(on.standby(unit), on.active(survivor), on.leads(survivor, unit)),
      until: `takeover-${unit.toLowerCase()}`,
    });
  }

  update(unit: Letter, survivor: Letter, appliance: string): Step {
    const { on } = this;
    const id = `update-${unit.toLowerCase()}`;
    return step({
      id,
      appliance,
      title: `${this.name(unit)} holds what ${this.name(survivor)} holds`,
      action: { do: 'force-update', on: survivor },
      does: `lockstep force-update on ${this.name(survivor)}; certificates and their keys come along; the receipt goes into the journal`,
      before: all(on.active(survivor), on.standby(unit), on.paired(survivor, unit)),
      after: all(on.took(id), on.established(unit)),
      until: `takeover-${unit.toLowerCase()}`,
    });
  }

  takeover(to: Letter, from: Letter): Step {
    const { on } = this;
    return step({
      id: `takeover-${to.toLowerCase()}`,
      appliance: '31',
      title: `${this.name(to)} serves`,
      action: { do: 'takeover', on: to, force: false },
      does: `lockstep takeover on ${this.name(to)}; ${this.name(from)} sends what is new and becomes standby`,
      before: all(on.established(to), on.paired(from, to)),
      after: on.active(to),
      back: `lockstep takeover on ${this.name(from)}: lockstep replace abort`,
      interruption: 'connections drop; no unit is active while the role goes over, well below a second',
    });
  }

  /** What was restored and then replaced by an update lies there as a branch, and would stop the next replacement. */
  settleBranches(one: Letter, two: Letter): Step {
    return step({
      id: 'settle-branches',
      title: 'No branch is left of what was restored',
      action: { do: 'settle-branches', on: one, partner: two },
      does: `lockstep merge on ${this.name(one)}: of each branch that holds just what a bundle of this replacement does, and the update replaced; --none where the pair itself has left that state since, and nothing where it cannot be known: then you decide`,
      before: all(this.on.active(one), this.on.paired(one, two)),
      after: this.on.settled(one, two),
      back: 'the bundles of the replacement hold the same: lockstep diff, lockstep restore',
    });
  }

  /** Where each dials the other is proved only by a start: until then both may live on connections that were made before. */
  restarts(standby: Letter, active: Letter): Step[] {
    return [this.restart(standby, active), this.restart(active, standby)];
  }

  restart(unit: Letter, partner: Letter | undefined): Step {
    const { on } = this;
    const id = `restart-${unit.toLowerCase()}`;
    const among = partner === undefined ? on.answers(unit) : on.paired(unit, partner);
    const again = partner === undefined ? 'serves' : `is in step with ${this.name(partner)}`;
    return step({
      id,
      title: `${this.name(unit)} has started again, and ${again}`,
      action: { do: 'restart', on: unit, ...(partner === undefined ? {} : { partner }) },
      does: `ends all that runs in ${this.name(unit)} and starts it from what is on its disk, as lockstep serve does; a unit of release 0.1.0 is started again by you: systemctl restart lockstep`,
      before: among,
      after: all(on.took(id), among),
      interruption: 'none of the service; about a second without configuration and status',
    });
  }

  audit(one: Letter, two: Letter): Step {
    return step({
      id: 'audit',
      title: 'Both units hold the same, certificates included',
      action: { do: 'audit', on: one },
      does: `lockstep force-update and lockstep audit on ${this.name(one)}`,
      before: this.on.paired(one, two),
      after: this.on.took('audit'),
    });
  }

  bothOn(): Step {
    return step({
      id: 'back-units',
      title: `${this.name('A')} and ${this.name('B')} are connected`,
      does: `connect ${this.name('A')} and ${this.name('B')} and switch them on`,
      after: all(this.on.answers('A'), this.on.answers('B')),
      back: 'lockstep replace run',
    });
  }

  mode(letter: Letter): Mode {
    return planned(this.plan, letter).mode;
  }

  name(letter: Letter): string {
    return called(this.plan, letter);
  }
}
