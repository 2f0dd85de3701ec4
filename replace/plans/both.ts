import { all } from '../conditions.ts';
import { ANEW, type PlanKind } from '../plan-kind.ts';

/** Both units, one after the other: D takes the place of B and takes over; then C takes that of A. */
export const both: PlanKind = {
  steps(make) {
    const { on } = make;
    const { A, B } = { A: make.mode('A'), B: make.mode('B') };
    return [
      make.alike('A', 'B', 'C', 'D'),
      make.backup('A'),
      make.backup('B'),
      make.certificates(),
      make.prefer('A', A, 'prefer-b', '7–8'),
      make.doctor(),
      make.out('B', '9', all(on.active('A'), on.prefers('A', A))),
      ...make.newPartner('D', 'B', 'A', '10–16', '23–27', '28', '17–22, 29'),
      { ...make.prefer('A', B, 'takeover-d', '30–31'), id: 'prefer-b' },
      make.takeover('D', 'A'),
      make.out(
        'A',
        '32',
        all(on.active('D'), on.established('D')),
        'C takes its place: from then on the way is forward only',
      ),
      ...make.newPartner('C', 'A', 'D', '33–39', '40–44', '45', '46–48'),
      { ...make.prefer('D', 'none', '', '48–49'), id: 'prefer-none' },
      make.settleBranches('D', 'C'),
      ...make.restarts('C', 'D'),
      make.audit('D', 'C'),
    ];
  },

  stepsBack(make, begun) {
    const { on } = make;
    const undoPreference = make.preferAsBefore();
    const update = { ...make.update('B', 'A', ''), id: 'back-update', after: on.took('back-update') };
    if (!begun.has('out-b')) return begun.has('prefer-a') ? [undoPreference, update] : [];
    return [
      make.bothOn(),
      {
        ...make.takeover('A', 'D'),
        id: 'back-takeover',
        appliance: '',
        before: all(on.answers('A')),
        back: 'lockstep replace run',
      },
      {
        ...make.connect('B', 'D', 'A', ''),
        id: 'back-connect',
        before: all(on.active('A'), on.standby('B')),
        after: on.paired('A', 'B', 'D'),
        back: 'lockstep replace run',
      },
      undoPreference,
      { ...update, after: all(update.after, on.standby('B')) },
      { ...make.settleBranches('A', 'B'), id: 'back-branches' },
    ];
  },

  noWayBack: (name, begun) =>
    begun.has('connect-c')
      ? {
          why: `${name('C')} has taken the place of ${name('A')} as the partner of ${name('D')}, which serves`,
          instead: `lockstep replace run goes on. ${ANEW}`,
        }
      : undefined,
};
