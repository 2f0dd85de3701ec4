import { all } from '../conditions.ts';
import { ANEW, type PlanKind } from '../plan-kind.ts';
import { step } from '../step-maker.ts';

/** B leaves the pair, and A goes on as a single unit. */
export const shrink: PlanKind = {
  steps(make) {
    const { on } = make;
    return [
      make.backup('A'),
      make.backup('B'),
      make.certificates(),
      { ...make.takeover('A', 'B'), id: 'serve', appliance: '' },
      make.out('B', '9', on.active('A')),
      step({
        id: 'unpair',
        title: `${make.name('A')} gives ${make.name('B')} up`,
        action: { do: 'unpair', on: 'A' },
        does: `lockstep unpair on ${make.name('A')}`,
        before: all(on.active('A'), on.gone('B')),
        after: on.at('A', 'has no partner', ({ partner }) =>
          partner === null ? undefined : 'has a partner',
        ),
        back: 'lockstep replace plan, kind one: a unit becomes its partner again',
      }),
      make.restart('A', undefined),
    ];
  },

  stepsBack(make, begun) {
    const { on } = make;
    // B is the partner of A still. A goes on serving: another takeover would drop connections once more.
    if (!begun.has('out-b')) return [];
    return [
      make.bothOn(),
      { ...make.update('B', 'A', ''), id: 'back-update', after: on.took('back-update') },
    ];
  },

  noWayBack: (name, begun) =>
    begun.has('unpair')
      ? {
          why: `${name('A')} has given ${name('B')} up`,
          instead: `lockstep replace run goes on. ${ANEW}`,
        }
      : undefined,
};
