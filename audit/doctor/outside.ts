import { type Check, notChecked } from './check.ts';

const OUTSIDE = { group: 'outside', ofPair: true } as const;

/** What no unit can see by itself. It is named, so that nobody takes silence for a yes. */
export const outsideChecks: Check[] = [
  {
    ...OUTSIDE,
    code: 'virtual-id-unique',
    holds: 'No other device on the network uses the Virtual ID.',
    why: 'Two pairs with one number disturb each other; ucarp then logs "Bad digest".',
    check: ({ here: { ha } }) =>
      notChecked('only the network can tell', {
        here: String(ha.virtualId ?? 'none'),
        hint: `tcpdump -c 20 -nni NAME 'ip proto 112' shows who speaks CARP or VRRP there, and with which number.`,
      }),
  },
  {
    ...OUTSIDE,
    code: 'addresses-free',
    holds: 'No other device has an address of the pair.',
    why: 'Whoever has it too answers in its place now and then.',
    check: ({ here }) =>
      notChecked('only the network can tell', {
        here:
          here.interfaces
            .map(({ sharedAddress }) => sharedAddress ?? '')
            .filter(Boolean)
            .join(', ') || 'none',
        hint: 'arping -D -c 3 -I NAME ADDRESS on the standby; an answer other than that of the active unit is too much.',
      }),
  },
  {
    ...OUTSIDE,
    code: 'switch-settings',
    holds: 'The switches pass multicast, let the shared MAC address move, and bring a port up at once.',
    why: 'IGMP snooping, port security or spanning tree can keep CARP from one unit, and both become active.',
    check: () =>
      notChecked('a unit cannot look into a switch', {
        hint: 'Switch IGMP snooping off or set ha/useBroadcast, allow MAC changes and forged transmits, switch PortFast on.',
      }),
  },
];
