import type { LinePattern } from './explanation.ts';

/** Lines of keepalived: older releases say `VRRP_Instance(VI_1) …`, newer ones `(VI_1) …`. */
export const KEEPALIVED: LinePattern[] = [
  {
    pattern: /Entering MASTER STATE|Transition to MASTER STATE/i,
    happened: 'This unit became active.',
    causes: [
      'the partner was not heard for three advertisements: off, restarting, or its packets do not arrive',
      'this unit has the higher priority and preempts',
    ],
    look: [
      'lockstep status: is the partner seen',
      'lockstep doctor: links, latency',
      'journalctl -u keepalived on both',
    ],
  },
  {
    pattern: /(Entering|Transition to) BACKUP STATE/i,
    happened: 'This unit waits: the other one is active.',
    causes: ['the other unit has the higher priority', 'the daemon has just started'],
    look: ['lockstep status'],
  },
  {
    pattern: /Entering FAULT STATE|Now in FAULT state/i,
    happened: 'This unit takes no part: something that it watches has failed.',
    causes: ['the link of its interface, or of a tracked one, is down', 'a tracked script fails'],
    look: ['ip link show', 'lockstep doctor: links', 'The lines before it name the script or the interface'],
  },
  {
    pattern: /Received (advert (from \S+ )?with higher priority|higher prio advert)/i,
    happened: 'The other unit has more right to be active, so this one waits.',
    causes: ['the other unit came back and preempts', 'a tracked script lowered the priority of this one'],
    look: ['nopreempt and priority in keepalived.conf on both', 'lockstep show ha/preferredHost'],
  },
  {
    pattern: /Received (advert (from \S+ )?with lower priority|lower prio(rity)? advert)/i,
    happened: 'The other unit was active too, with less right to it; this one makes it step down.',
    causes: [
      'both were active: VRRP packets were lost, or a port came up late',
      'the other unit has just started',
    ],
    look: [
      'lockstep status on both units: is anything held by one alone',
      'lockstep doctor',
      'IGMP snooping and PortFast of the switch',
    ],
  },
  {
    pattern: /(Dropping received VRRP packet|ignoring received advertis?e?ment)/i,
    happened: 'A VRRP packet was refused.',
    causes: ['the lines before it say which field of the packet did not fit'],
    look: ['virtual_router_id, auth_pass and virtual_ipaddress in keepalived.conf on both'],
  },
  {
    pattern: /bogus VRRP packet received/i,
    happened: 'A VRRP packet came that does not belong to this pair; the line before says why.',
    causes: [
      'another pair on the network uses the same virtual_router_id',
      'the units differ in addresses, password or version',
    ],
    look: [
      "tcpdump -vnni eth0 'ip proto 112': who sends, and which vrid",
      'lockstep doctor: Virtual ID and shared address',
    ],
  },
  {
    pattern: /invalid passwd|received an invalid (passwd|authentication)|authentication (type )?mismatch/i,
    happened: 'A VRRP packet came with another password.',
    causes: ['auth_pass differs between the units', 'another pair uses the same virtual_router_id'],
    look: ['keepalived.conf on both units', "tcpdump -nni eth0 'ip proto 112'"],
  },
  {
    pattern:
      /ip address associated with VRID|mismatch actual MASTER advert|invalid (ip number count|number of addresses)|not present in (MASTER|received)/i,
    happened: 'The active unit announces other shared addresses than this one has.',
    causes: ['the shared addresses differ between the units', 'another pair uses the same virtual_router_id'],
    look: [
      'lockstep doctor: the shared address of both units',
      'virtual_ipaddress in keepalived.conf on both',
    ],
  },
  {
    pattern: /invalid ttl/i,
    happened: 'A VRRP packet came from another network: it passed at least one router.',
    causes: ['something forwards multicast of another network', 'the units are not in one network'],
    look: ["tcpdump -vnni eth0 'ip proto 112': sender and ttl", 'lockstep doctor: one subnet'],
  },
  {
    pattern: /invalid version\. \d|received an invalid VRRP version/i,
    happened:
      'A packet of another version came: VRRP 2 beside VRRP 3, or CARP, which has the same protocol number.',
    causes: ['vrrp_version differs between the units', 'a device that speaks CARP is on the network'],
    look: ["tcpdump -vnni eth0 'ip proto 112'", 'vrrp_version in keepalived.conf on both'],
  },
  {
    pattern: /VRRP_Script\(.*\) (failed|timed out)|Script .* now returning [1-9]/i,
    happened:
      'A script that keepalived watches fails, which lowers the priority of this unit or takes it out.',
    causes: ['the service that it looks at is down', 'the script takes longer than its timeout'],
    look: ['Run the script by hand and look at its exit code'],
  },
  {
    pattern: /VRRP_Script\(.*\) succeeded|Changing effective priority from/i,
    happened: 'The priority of this unit changed with the result of a watched script.',
    causes: ['a watched service went down or came back'],
    look: ['The line before names the script'],
  },
  {
    pattern: /(Netlink reports|Kernel is reporting:?) .*\bdown\b/i,
    happened: 'An interface lost its link.',
    causes: ['a cable, a port of the switch, or somebody set it down'],
    look: ['ip link show', 'lockstep doctor: links'],
  },
  {
    pattern: /thread timer expired|Thread scheduler.*late|timer expired \d+\.\d+ seconds ago/i,
    happened: 'keepalived was not run in time, so it may have missed advertisements.',
    causes: ['the machine is overloaded, or a virtual machine stood still for a moment'],
    look: ['vmstat 1, and the hypervisor', 'A longer ha/timeout, or a higher vrrp_priority of the process'],
  },
];
