import { assertWayBack } from './back-out.ts';
import { all, Conditions } from './conditions.ts';
import { called, type Letter, other, type Plan, placeWords, planned } from './plan.ts';
import { NO_INTERRUPTION, type Step } from './step.ts';

/** The steps of one plan, in order (docs/REPLACEMENT.md tells them for people). */
export function stepsOf(plan: Plan): Step[] {
  const make = new Making(plan);
  switch (plan.kind) {
    case 'both':
      return make.both();
    case 'one':
      return make.one();
    case 'disaster':
      return make.disaster();
    case 'grow':
      return make.grow();
    case 'shrink':
      return make.shrink();
  }
}

/** What `abort` does: back to the old units, as far as the steps that were begun ask for it. Throws `replace-step`: it is too late. */
export function stepsBack(plan: Plan, begun: ReadonlySet<string>): Step[] {
  assertWayBack(plan, begun);
  const make = new Making(plan);
  switch (plan.kind) {
    case 'grow':
      return make.backToOne(begun);
    case 'shrink':
      return make.backTogether(begun);
    default:
      return make.back(begun);
  }
}

class Making {
  private readonly plan: Plan;
  private readonly on: Conditions;

  constructor(plan: Plan) {
    this.plan = plan;
    this.on = new Conditions(plan);
  }

  both(): Step[] {
    const { A, B } = { A: this.mode('A'), B: this.mode('B') };
    return [
      this.alike('A', 'B', 'C', 'D'),
      this.backup('A'),
      this.backup('B'),
      this.certificates(),
      this.prefer('A', A, 'prefer-b', '7–8'),
      this.doctor(),
      this.out('B', '9', all(this.on.active('A'), this.on.prefers('A', A))),
      ...this.newPartner('D', 'B', 'A', '10–16', '23–27', '28', '17–22, 29'),
      { ...this.prefer('A', B, 'takeover-d', '30–31'), id: 'prefer-b' },
      this.takeover('D', 'A'),
      this.out(
        'A',
        '32',
        all(this.on.active('D'), this.on.established('D')),
        'C takes its place: from then on the way is forward only',
      ),
      ...this.newPartner('C', 'A', 'D', '33–39', '40–44', '45', '46–48'),
      { ...this.prefer('D', 'none', '', '48–49'), id: 'prefer-none' },
      this.settleBranches('D', 'C'),
      ...this.restarts('C', 'D'),
      this.audit('D', 'C'),
    ];
  }

  one(): Step[] {
    const { on } = this;
    const bundle = this.plan.bundles.B !== undefined;
    return [
      this.alike('A', 'D'),
      this.out('B', '9', on.answers('A')),
      {
        id: 'serve',
        appliance: '',
        title: `${this.name('A')} serves`,
        action: { do: 'takeover', on: 'A', force: true },
        does: `lockstep takeover --force on ${this.name('A')}, if it is not active: its partner is dead`,
        before: all(on.gone('B'), on.answers('A')),
        after: on.active('A'),
        back: 'none is needed',
        interruption: 'ends here, where the dead unit was the active one',
      },
      this.backup('A'),
      ...(bundle ? [this.bring('B', 'configuration', this.plan.bundles.B ?? '', '1–3')] : []),
      this.prefer('A', this.mode('A'), 'prefer-none', '7–8'),
      ...this.newPartner('D', 'B', 'A', bundle ? '10–16' : '', '23–27', '28', '29', bundle),
      { ...this.prefer('A', 'none', '', '48–49'), id: 'prefer-none' },
      ...(bundle ? [this.settleBranches('A', 'D')] : []),
      ...this.restarts('D', 'A'),
      this.audit('A', 'D'),
    ];
  }

  disaster(): Step[] {
    const { on, plan } = this;
    const { A = '', B = '', certificates = '' } = plan.bundles;
    return [
      this.alike('C', 'D'),
      this.out('A', '32', all()),
      this.out('B', '9', all()),
      this.bring('A', 'configuration', A, '1–3'),
      this.bring('B', 'configuration', B, '1–3'),
      ...(certificates === '' ? [] : [this.bring('A', 'certificates', certificates, '4–6')]),
      this.restore('C', 'A', '33–39', 'confirm-c'),
      ...(certificates === ''
        ? []
        : [
            {
              id: 'certificates-c',
              appliance: '17–22',
              title: `The certificates go onto ${this.name('C')}`,
              action: {
                do: 'restore-certificates' as const,
                on: 'C' as const,
                bundle: 'certificates.certs.lockstep',
              },
              does: `lockstep certs restore --select full on ${this.name('C')}`,
              before: all(on.active('C'), on.took('bring-certificates', 'certificates.certs.lockstep')),
              after: on.took('certificates-c'),
              back: 'lockstep rollback there',
              interruption: 'nobody serves yet',
            },
          ]),
      this.check('C', 'A', '40–44', 'the end'),
      {
        id: 'confirm-c',
        appliance: '',
        title: `What ${this.name('C')} holds may go out`,
        action: { do: 'confirm-source', on: 'C' },
        does: `lockstep confirm-source on ${this.name('C')}: both old units are gone, so the bundle is the newest there is`,
        before: all(on.gone('A'), on.gone('B'), on.active('C'), on.standsAs('C', 'A')),
        after: on.at('C', 'may be a source', unit =>
          unit.unconfirmed ? 'is not confirmed as the source' : undefined,
        ),
        back: 'lockstep rollback there, or another bundle',
        interruption: 'ends here: C serves',
      },
      ...this.newPartner('D', 'B', 'C', '10–16', '23–27', '28', '29'),
      { ...this.prefer('C', 'none', '', '48–49'), id: 'prefer-none' },
      this.settleBranches('C', 'D'),
      ...this.restarts('D', 'C'),
      this.audit('C', 'D'),
    ];
  }

  grow(): Step[] {
    const { on } = this;
    return [
      this.alike('A', 'D'),
      this.backup('A'),
      this.certificates(),
      {
        id: 'become-first',
        appliance: '',
        title: `${this.name('A')} becomes the ${this.mode('A')} unit of a pair`,
        action: { do: 'become-first', on: 'A' },
        does: `sets HA mode, shared address, partner address and HA Virtual ID on ${this.name('A')}`,
        before: all(on.active('A'), on.took('backup-a', 'a.lockstep')),
        after: all(on.standsAs('A', 'A'), on.active('A')),
        back: `lockstep rollback on ${this.name('A')}`,
        interruption: 'none here; on an appliance a reboot',
      },
      this.check('D', 'D', '23–27', 'the end'),
      this.connect('D', undefined, 'A', '28'),
      this.update('D', 'A', '29'),
      ...this.restarts('D', 'A'),
      this.audit('A', 'D'),
    ];
  }

  shrink(): Step[] {
    const { on } = this;
    return [
      this.backup('A'),
      this.backup('B'),
      this.certificates(),
      { ...this.takeover('A', 'B'), id: 'serve', appliance: '' },
      this.out('B', '9', on.active('A')),
      {
        id: 'unpair',
        appliance: '',
        title: `${this.name('A')} gives ${this.name('B')} up`,
        action: { do: 'unpair', on: 'A' },
        does: `lockstep unpair on ${this.name('A')}`,
        before: all(on.active('A'), on.gone('B')),
        after: on.at('A', 'has no partner', ({ partner }) =>
          partner === null ? undefined : 'has a partner',
        ),
        back: 'lockstep replace plan, kind one: a unit becomes its partner again',
        interruption: NO_INTERRUPTION,
      },
      this.restart('A', undefined),
    ];
  }

  back(begun: ReadonlySet<string>): Step[] {
    const { on } = this;
    const undoPreference = {
      ...this.prefer('A', this.plan.preferredHost, '', '49'),
      id: 'back-prefer',
      title: `The preferred host is ${this.plan.preferredHost} again`,
    };
    if (this.plan.kind === 'one') return begun.has('prefer-a') ? [undoPreference] : [];
    const update = { ...this.update('B', 'A', ''), id: 'back-update', after: this.on.took('back-update') };
    if (!begun.has('out-b')) return begun.has('prefer-a') ? [undoPreference, update] : [];
    return [
      this.bothOn(),
      {
        ...this.takeover('A', 'D'),
        id: 'back-takeover',
        appliance: '',
        before: all(on.answers('A')),
        back: 'lockstep replace run',
      },
      {
        ...this.connect('B', 'D', 'A', ''),
        id: 'back-connect',
        before: all(on.active('A'), on.standby('B')),
        after: on.paired('A', 'B', 'D'),
        back: 'lockstep replace run',
      },
      undoPreference,
      { ...update, after: all(update.after, on.standby('B')) },
      { ...this.settleBranches('A', 'B'), id: 'back-branches' },
    ];
  }

  /** grow: nobody was let in yet. */
  backToOne(begun: ReadonlySet<string>): Step[] {
    if (!begun.has('become-first')) return [];
    return [
      {
        id: 'back-single',
        appliance: '',
        title: `${this.name('A')} is a single unit again`,
        action: { do: 'become-single', on: 'A' },
        does: `gives HA mode, shared address, partner address and HA Virtual ID on ${this.name('A')} the values from before; what else was changed stays`,
        before: this.on.active('A'),
        after: this.on.mode('A', 'single'),
        back: 'lockstep replace plan --grow, in another folder',
        interruption: NO_INTERRUPTION,
      },
    ];
  }

  /** shrink: B is the partner of A still. A goes on serving: another takeover would drop connections once more. */
  backTogether(begun: ReadonlySet<string>): Step[] {
    if (!begun.has('out-b')) return [];
    return [
      this.bothOn(),
      { ...this.update('B', 'A', ''), id: 'back-update', after: this.on.took('back-update') },
    ];
  }

  private bothOn(): Step {
    return {
      id: 'back-units',
      appliance: '',
      title: `${this.name('A')} and ${this.name('B')} are connected`,
      does: `connect ${this.name('A')} and ${this.name('B')} and switch them on`,
      before: all(),
      after: all(this.on.answers('A'), this.on.answers('B')),
      back: 'lockstep replace run',
      interruption: NO_INTERRUPTION,
    };
  }

  /** `unit` is made to stand as `place`, and becomes the partner of `survivor` instead of it. */
  private newPartner(
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

  private alike(...letters: Letter[]): Step {
    const [one = 'A', ...others] = letters;
    const after = this.on.alike(one, ...others);
    return {
      id: 'release',
      appliance: 'before 1',
      title: 'All units run one release, and are one model',
      does: 'bring the old units to the release of the new ones: first the standby, then, after a takeover, the other, and a takeover back; without a preferred host',
      before: all(),
      after,
      ...(letters.includes('B') ? { until: 'out-b' } : {}),
      back: 'install the release before',
      interruption: 'one takeover for each unit that is brought to another release',
    };
  }

  private backup(of: 'A' | 'B'): Step {
    const bundle = `${of.toLowerCase()}.lockstep`;
    return {
      id: `backup-${of.toLowerCase()}`,
      appliance: '1–3',
      title: `A bundle of ${this.name(of)}, verified and drilled`,
      action: { do: 'backup', of, kind: 'configuration', bundle },
      does: `lockstep backup create from its own address, backup verify, and backup drill on ${this.name(of)}`,
      before: this.on.answers(of),
      after: this.on.took(`backup-${of.toLowerCase()}`, bundle),
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private certificates(): Step {
    return {
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
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private bring(
    of: 'A' | 'B',
    kind: 'configuration' | 'certificates',
    from: string,
    appliance: string,
  ): Step {
    const name = kind === 'configuration' ? of.toLowerCase() : 'certificates';
    const bundle = kind === 'configuration' ? `${name}.lockstep` : 'certificates.certs.lockstep';
    return {
      id: `bring-${name}`,
      appliance,
      title: `The bundle ${from} is verified`,
      action: { do: 'bring', from, of, kind, bundle },
      does: `lockstep backup verify ${from}, and that it is one of ${this.name(of)}`,
      before: all(),
      after: this.on.took(`bring-${name}`, bundle),
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private prefer(on: Letter, host: 'none' | 'first' | 'second', until: string, appliance: string): Step {
    return {
      id: 'prefer-a',
      appliance,
      title: `The preferred host is ${host}`,
      action: { do: 'prefer', on, host },
      does: `lockstep set ha/preferredHost ${host} on ${this.name(on)}`,
      before: this.on.active(on),
      after: this.on.prefers(on, host),
      ...(until === '' ? {} : { until }),
      back: `lockstep set ha/preferredHost ${this.plan.preferredHost}`,
      interruption: NO_INTERRUPTION,
    };
  }

  private doctor(): Step {
    return {
      id: 'doctor',
      appliance: '',
      title: 'The doctor finds nothing that speaks against it',
      action: { do: 'doctor', on: 'A', accept: this.plan.accept },
      does: `lockstep doctor --before replace on ${this.name('A')}`,
      before: this.on.paired('A', 'B'),
      after: this.on.took('doctor'),
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private out(letter: 'A' | 'B', appliance: string, before: Step['before'], back?: string): Step {
    return {
      id: `out-${letter.toLowerCase()}`,
      appliance,
      title: `${this.name(letter)} is out`,
      does: `switch ${this.name(letter)} off, or take its cables out; it stays out`,
      leaves: letter,
      before,
      after: this.on.gone(letter),
      back: back === undefined ? `switch ${this.name(letter)} on again` : `switch it on again, until ${back}`,
      interruption: NO_INTERRUPTION,
    };
  }

  private restore(unit: 'C' | 'D', place: 'A' | 'B', appliance: string, until: string): Step {
    const letter = place.toLowerCase();
    const { on } = this;
    const brought = this.plan.bundles[place] !== undefined;
    return {
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
            ? `belongs to a pair already (${partner?.name ?? 'its partner is gone'}); take a new unit, or make it anew with lockstep init`
            : undefined,
        ),
      ),
      after: on.standsAs(unit, place),
      until,
      back: `lockstep rollback on ${this.name(unit)}`,
      interruption: NO_INTERRUPTION,
    };
  }

  private check(unit: 'C' | 'D', place: Letter, appliance: string, until: string): Step {
    const letter = unit.toLowerCase();
    const { name, mode, virtualId } = planned(this.plan, place);
    return {
      id: `check-${letter}`,
      appliance,
      title: `${this.name(unit)} stands as ${name}`,
      does: `set it right there, where it does not: compared are name, HA ${mode} mode, interface, shared and partner addresses and the HA Virtual ID ${virtualId ?? '(none)'}${this.plan.others.length > 0 ? `, and that of the other pairs: ${this.plan.others.map(placeWords).join(', ')}` : '; name units of the other pairs on the network under others, and theirs are compared too'}`,
      before: all(),
      after: all(this.on.standsAs(unit, place), this.on.uniqueVirtualId(place)),
      until,
      back: `lockstep rollback on ${this.name(unit)}`,
      interruption: NO_INTERRUPTION,
    };
  }

  private connect(unit: Letter, place: Letter | undefined, survivor: Letter, appliance: string): Step {
    const { on } = this;
    const instead = place === undefined ? '' : ` instead of ${this.name(place)}`;
    return {
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
      interruption: NO_INTERRUPTION,
    };
  }

  /** A new first unit starts as active; it is no source, and makes way before anything is sent. */
  private settle(unit: Letter, survivor: Letter): Step {
    const { on } = this;
    return {
      id: `settle-${unit.toLowerCase()}`,
      appliance: '',
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
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private update(unit: Letter, survivor: Letter, appliance: string): Step {
    const { on } = this;
    const id = `update-${unit.toLowerCase()}`;
    return {
      id,
      appliance,
      title: `${this.name(unit)} holds what ${this.name(survivor)} holds`,
      action: { do: 'force-update', on: survivor },
      does: `lockstep force-update on ${this.name(survivor)}; certificates and their keys come along; the receipt goes into the journal`,
      before: all(on.active(survivor), on.standby(unit), on.paired(survivor, unit)),
      after: all(on.took(id), on.established(unit)),
      until: `takeover-${unit.toLowerCase()}`,
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private takeover(to: Letter, from: Letter): Step {
    const { on } = this;
    return {
      id: `takeover-${to.toLowerCase()}`,
      appliance: '31',
      title: `${this.name(to)} serves`,
      action: { do: 'takeover', on: to, force: false },
      does: `lockstep takeover on ${this.name(to)}; ${this.name(from)} sends what is new and becomes standby`,
      before: all(on.established(to), on.paired(from, to)),
      after: on.active(to),
      back: `lockstep takeover on ${this.name(from)}: lockstep replace abort`,
      interruption: 'connections drop; no unit is active while the role goes over, well below a second',
    };
  }

  /** What was restored and then replaced by an update lies there as a branch, and would stop the next replacement. */
  private settleBranches(one: Letter, two: Letter): Step {
    return {
      id: 'settle-branches',
      appliance: '',
      title: 'No branch is left of what was restored',
      action: { do: 'settle-branches', on: one, partner: two },
      does: `lockstep merge on ${this.name(one)}: of each branch that holds just what a bundle of this replacement does, and the update replaced; --none where the pair itself has left that state since, and nothing where it cannot be known: then you decide`,
      before: all(this.on.active(one), this.on.paired(one, two)),
      after: this.on.settled(one, two),
      back: 'the bundles of the replacement hold the same: lockstep diff, lockstep restore',
      interruption: NO_INTERRUPTION,
    };
  }

  /** Where each dials the other is proved only by a start: until then both may live on connections that were made before. */
  private restarts(standby: Letter, active: Letter): Step[] {
    return [this.restart(standby, active), this.restart(active, standby)];
  }

  private restart(unit: Letter, partner: Letter | undefined): Step {
    const { on } = this;
    const id = `restart-${unit.toLowerCase()}`;
    const among = partner === undefined ? on.answers(unit) : on.paired(unit, partner);
    const again = partner === undefined ? 'serves' : `is in step with ${this.name(partner)}`;
    return {
      id,
      appliance: '',
      title: `${this.name(unit)} has started again, and ${again}`,
      action: { do: 'restart', on: unit, ...(partner === undefined ? {} : { partner }) },
      does: `ends all that runs in ${this.name(unit)} and starts it from what is on its disk, as lockstep serve does; a unit of release 0.1.0 is started again by you: systemctl restart lockstep`,
      before: among,
      after: all(on.took(id), among),
      back: 'none is needed',
      interruption: 'none of the service; about a second without configuration and status',
    };
  }

  private audit(one: Letter, two: Letter): Step {
    return {
      id: 'audit',
      appliance: '',
      title: 'Both units hold the same, certificates included',
      action: { do: 'audit', on: one },
      does: `lockstep force-update and lockstep audit on ${this.name(one)}`,
      before: this.on.paired(one, two),
      after: this.on.took('audit'),
      back: 'none is needed',
      interruption: NO_INTERRUPTION,
    };
  }

  private mode(letter: Letter): 'first' | 'second' {
    return planned(this.plan, letter).mode;
  }

  private name(letter: Letter): string {
    return called(this.plan, letter);
  }
}
