import type { Problem } from '../error.ts';
import type { JsonObject } from '../json.ts';
import type { Rule, View } from '../rule.ts';

const SYNC_THRESHOLD = 3;
const SYNC_PERIOD = 50;
/** Virtual IDs up to this one are often taken by other devices. */
const LOW_VIRTUAL_ID = 10;

const rebootOrPreferred: Rule = {
  code: 'link-fail-reboot-preferred-host',
  severity: 'error',
  holds: 'A unit that reboots on link failure belongs to a pair without a preferred host.',
  why: 'With both, the units would swap for ever.',
  hint: 'Set ha/preferredHost to none, or ha/linkFailReboot to false.',
  looksAt: ['ha'],
  check: view =>
    whereHa(view, ha =>
      ha.linkFailReboot === true && (ha.preferredHost ?? 'none') !== 'none'
        ? problem(
            rebootOrPreferred,
            'ha/linkFailReboot',
            `it excludes the preferred host "${String(ha.preferredHost)}"`,
          )
        : undefined,
    ),
};

const realMac: Rule = {
  code: 'virtual-mac-on-virtual-unit',
  severity: 'error',
  holds: 'The shared virtual MAC address is not used on a virtual unit.',
  why: 'A hypervisor does not let a MAC address move between ports.',
  hint: 'Set ha/virtualMac to false.',
  looksAt: ['ha', 'licence'],
  check: async view => {
    const virtual = (await view.get('licence'))?.virtual === true;
    return whereHa(view, ha =>
      virtual && ha.virtualMac === true
        ? problem(realMac, 'ha/virtualMac', 'this unit is virtual')
        : undefined,
    );
  },
};

const thresholdBelowPeriod: Rule = {
  code: 'l4-sync-threshold',
  severity: 'error',
  holds: 'The threshold of the layer 4 hand-over is below its period.',
  why: 'The first hand-over comes after the threshold, the next ones in each period.',
  hint: 'Make ha/l4SyncThreshold smaller or ha/l4SyncPeriod larger.',
  looksAt: ['ha'],
  check: view =>
    whereHa(view, ha => {
      const [threshold, period] = [
        Number(ha.l4SyncThreshold ?? SYNC_THRESHOLD),
        Number(ha.l4SyncPeriod ?? SYNC_PERIOD),
      ];
      return threshold < period
        ? undefined
        : problem(
            thresholdBelowPeriod,
            'ha/l4SyncThreshold',
            `${threshold} is not below the period, ${period}`,
          );
    }),
};

const lowVirtualId: Rule = {
  code: 'virtual-id-low',
  severity: 'warning',
  holds: `The Virtual ID is above ${LOW_VIRTUAL_ID}.`,
  why: 'Low numbers are used by other devices that speak CARP or VRRP.',
  hint: 'Choose a higher ha/virtualId that nobody on the network uses.',
  looksAt: ['ha'],
  check: view =>
    whereHa(view, ha =>
      typeof ha.virtualId === 'number' && ha.virtualId <= LOW_VIRTUAL_ID
        ? problem(lowVirtualId, 'ha/virtualId', `${ha.virtualId} may be taken on the network`)
        : undefined,
    ),
};

const noPreference: Rule = {
  code: 'preferred-host',
  severity: 'notice',
  holds: 'No unit is preferred in normal service.',
  why: 'The preferred unit takes the active role back whenever it comes up again: connections may drop a second time.',
  hint: 'For normal service: lockstep set ha/preferredHost none.',
  looksAt: ['ha'],
  check: view =>
    whereHa(view, ha =>
      (ha.preferredHost ?? 'none') === 'none'
        ? undefined
        : problem(
            noPreference,
            'ha/preferredHost',
            `whenever the ${String(ha.preferredHost)} unit starts, it takes the active role back, and connections may drop`,
          ),
    ),
};

async function whereHa(view: View, check: (ha: JsonObject) => Problem | undefined): Promise<Problem[]> {
  const ha = await view.get('ha');
  const found = ha === undefined ? undefined : check(ha);
  return found === undefined ? [] : [found];
}

function problem(rule: Rule, path: string, message: string): Problem {
  return { code: rule.code, path, message, hint: rule.hint };
}

export const haRules = [rebootOrPreferred, realMac, thresholdBelowPeriod, lowVirtualId];
export const haNotices = [noPreference];
