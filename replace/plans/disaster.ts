import { all } from '../conditions.ts';
import { ANEW, type PlanKind } from '../plan-kind.ts';
import { step } from '../step-maker.ts';

/** Both old units are dead; what is left of them are bundles. */
export const disaster: PlanKind = {
  steps(make) {
    const { on, plan } = make;
    const { A = '', B = '', certificates = '' } = plan.bundles;
    return [
      make.alike('C', 'D'),
      make.out('A', '32', all()),
      make.out('B', '9', all()),
      make.bring('A', 'configuration', A, '1–3'),
      make.bring('B', 'configuration', B, '1–3'),
      ...(certificates === '' ? [] : [make.bring('A', 'certificates', certificates, '4–6')]),
      make.restore('C', 'A', '33–39', 'confirm-c'),
      ...(certificates === ''
        ? []
        : [
            step({
              id: 'certificates-c',
              appliance: '17–22',
              title: `The certificates go onto ${make.name('C')}`,
              action: {
                do: 'restore-certificates' as const,
                on: 'C' as const,
                bundle: 'certificates.certs.lockstep',
              },
              does: `lockstep certs restore --select full on ${make.name('C')}`,
              before: all(on.active('C'), on.took('bring-certificates', 'certificates.certs.lockstep')),
              after: on.took('certificates-c'),
              back: 'lockstep rollback there',
              interruption: 'nobody serves yet',
            }),
          ]),
      make.check('C', 'A', '40–44', 'the end'),
      step({
        id: 'confirm-c',
        title: `What ${make.name('C')} holds may go out`,
        action: { do: 'confirm-source', on: 'C' },
        does: `lockstep confirm-source on ${make.name('C')}: both old units are gone, so the bundle is the newest there is`,
        before: all(on.gone('A'), on.gone('B'), on.active('C'), on.standsAs('C', 'A')),
        after: on.at('C', 'may be a source', unit =>
          unit.unconfirmed ? 'is not confirmed as the source' : undefined,
        ),
        back: 'lockstep rollback there, or another bundle',
        interruption: 'ends here: C serves',
      }),
      ...make.newPartner('D', 'B', 'C', '10–16', '23–27', '28', '29'),
      { ...make.prefer('C', 'none', '', '48–49'), id: 'prefer-none' },
      make.settleBranches('C', 'D'),
      ...make.restarts('D', 'C'),
      make.audit('C', 'D'),
    ];
  },

  stepsBack: () => [],

  noWayBack: (name, begun) =>
    begun.has('confirm-c')
      ? {
          why: `both old units are gone, and ${name('C')} serves`,
          instead: `lockstep replace run goes on. ${ANEW}`,
        }
      : {
          why: 'both old units are gone, so there is nothing to go back to; the new ones serve nobody yet',
          instead:
            'lockstep replace run goes on. If an old unit lives after all, switch the new ones off and that one on. For other bundles, set the new units up again with lockstep init, and plan in another folder (--state).',
        },
};
