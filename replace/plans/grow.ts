import { all } from '../conditions.ts';
import type { PlanKind } from '../plan-kind.ts';
import { step } from '../step-maker.ts';

/** A single unit becomes A of a pair, and D its partner. */
export const grow: PlanKind = {
  steps(make) {
    const { on } = make;
    return [
      make.alike('A', 'D'),
      make.backup('A'),
      make.certificates(),
      step({
        id: 'become-first',
        title: `${make.name('A')} becomes the ${make.mode('A')} unit of a pair`,
        action: { do: 'become-first', on: 'A' },
        does: `sets HA mode, shared address, partner address and HA Virtual ID on ${make.name('A')}`,
        before: all(on.active('A'), on.took('backup-a', 'a.lockstep')),
        after: all(on.standsAs('A', 'A'), on.active('A')),
        back: `lockstep rollback on ${make.name('A')}`,
        interruption: 'none here; on an appliance a reboot',
      }),
      make.check('D', 'D', '23–27', 'the end'),
      make.connect('D', undefined, 'A', '28'),
      make.update('D', 'A', '29'),
      ...make.restarts('D', 'A'),
      make.audit('A', 'D'),
    ];
  },

  stepsBack(make, begun) {
    const { on } = make;
    if (!begun.has('become-first')) return [];
    return [
      step({
        id: 'back-single',
        title: `${make.name('A')} is a single unit again`,
        action: { do: 'become-single', on: 'A' },
        does: `gives HA mode, shared address, partner address and HA Virtual ID on ${make.name('A')} the values from before; what else was changed stays`,
        before: on.active('A'),
        after: on.mode('A', 'single'),
        back: 'lockstep replace plan --grow, in another folder',
      }),
    ];
  },

  noWayBack: (name, begun) =>
    begun.has('connect-d')
      ? {
          why: `${name('D')} is the partner of ${name('A')}`,
          instead:
            'lockstep replace run goes on. lockstep replace plan --shrink makes a single unit of the pair again.',
        }
      : undefined,
};
