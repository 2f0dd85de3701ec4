import { all } from '../conditions.ts';
import { ANEW, type PlanKind } from '../plan-kind.ts';
import { step } from '../step-maker.ts';

/** B is dead, and D takes its place. */
export const one: PlanKind = {
  steps(make) {
    const { on, plan } = make;
    const bundle = plan.bundles.B !== undefined;
    return [
      make.alike('A', 'D'),
      make.out('B', '9', on.answers('A')),
      step({
        id: 'serve',
        title: `${make.name('A')} serves`,
        action: { do: 'takeover', on: 'A', force: true },
        does: `lockstep takeover --force on ${make.name('A')}, if it is not active: its partner is dead`,
        before: all(on.gone('B'), on.answers('A')),
        after: on.active('A'),
        interruption: 'ends here, where the dead unit was the active one',
      }),
      make.backup('A'),
      ...(bundle ? [make.bring('B', 'configuration', plan.bundles.B ?? '', '1–3')] : []),
      make.prefer('A', make.mode('A'), 'prefer-none', '7–8'),
      ...make.newPartner('D', 'B', 'A', bundle ? '10–16' : '', '23–27', '28', '29', bundle),
      { ...make.prefer('A', 'none', '', '48–49'), id: 'prefer-none' },
      ...(bundle ? [make.settleBranches('A', 'D')] : []),
      ...make.restarts('D', 'A'),
      make.audit('A', 'D'),
    ];
  },

  stepsBack(make, begun) {
    return begun.has('prefer-a') ? [make.preferAsBefore()] : [];
  },

  noWayBack: (name, begun) =>
    begun.has('connect-d')
      ? {
          why: `${name('A')} has given up ${name('B')}, which is dead, for ${name('D')}`,
          instead: `lockstep replace run goes on. ${ANEW}`,
        }
      : undefined,
};
