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
    pattern: /Receive advertisement timeout/i,
    happened:
      'The active unit was not heard for as long as the HA timeout says, so this one asks to be active.',
    causes: [
      'the active unit is off, restarts, or hangs',
      'its packets do not arrive: a link, the switch, IGMP snooping, a firewall on this unit',
    ],
    look: [
      'lockstep status: is the partner seen',
      'lockstep doctor: links',
      "tcpdump -nni eth0 'ip proto 112'",
    ],
  },
  {
    pattern: /(Backup|Master) received priority 0 (advert\w*|message)/i,
    happened: 'The other unit gave its role up on purpose: priority 0 says that it stops or cannot serve.',
    causes: [
      'keepalived was stopped or restarted there',
      'its interface or a watched script failed, or somebody gave the role away',
    ],
    look: ['journalctl -u keepalived on the other unit', 'lockstep status'],
  },
  {
    pattern: /(same priority \S+ but higher IP address|equal priority advert received)/i,
    happened: 'Both units have the same priority, so their addresses decided, or nothing did.',
    causes: [
      'priority is equal in keepalived.conf of both units',
      'with "our IP address": both units have one address, or a switch sends packets back',
    ],
    look: [
      'priority in keepalived.conf on both: they must differ',
      'lockstep doctor: the addresses of both units',
    ],
  },
  {
    pattern: /advertisement interval mismatch|(advertisement|advert) interval (updated )?from \d/i,
    happened: 'The two units advertise in different intervals.',
    causes: [
      'advert_int differs in keepalived.conf: VRRP 2 refuses the packets, VRRP 3 takes over the interval of the active unit',
      'another pair uses the same virtual_router_id',
    ],
    look: [
      'advert_int in keepalived.conf on both',
      "tcpdump -vnni eth0 'ip proto 112': who else sends with this vrid",
    ],
  },
  {
    pattern: /duplicate VRID|VRID \d+ for IPv[46] is currently duplicated|both use VRID/i,
    happened: 'One Virtual ID is used twice on one interface of this machine.',
    causes: ['two vrrp_instance of keepalived.conf have one virtual_router_id on one interface'],
    look: [
      'virtual_router_id in keepalived.conf: one number for each instance of an interface',
      'lockstep set ha/virtualId NUMBER chooses another for the pair',
    ],
  },
  {
    pattern: /IPSEC-AH|(No|Received) AH header/i,
    happened: 'A packet was not signed as this unit expects, or was one that came before.',
    causes: [
      'auth_type differs between the units: PASS on one, AH on the other',
      'auth_pass differs, or somebody repeats old packets',
    ],
    look: [
      'auth_type and auth_pass in keepalived.conf on both',
      "tcpdump -vnni eth0 'ip proto 112 or ip proto 51'",
    ],
  },
  {
    pattern: /received lower priority \(\d+\) advert from \S+ - discarding/i,
    happened: 'A unit with less right to be active advertised, and was not listened to.',
    causes: ['the other unit was active for a moment too', 'another pair uses the same virtual_router_id'],
    look: ['lockstep status on both units', "tcpdump -nni eth0 'ip proto 112': who sends"],
  },
  {
    pattern: /Cant send advert|send advert error/i,
    happened: 'This unit could not advertise, so the other one hears nothing of it and takes over.',
    causes: [
      'the link is down, or the interface lost its address',
      'a firewall on this unit refuses what it sends (Operation not permitted)',
      'there is no route to a unicast peer (Network is unreachable)',
    ],
    look: [
      'ip address show, ip link show',
      'nft list ruleset: is IP protocol 112 let out',
      'lockstep doctor: links',
    ],
  },
  {
    pattern: /CONFIGURATION ERROR/,
    happened:
      'Two units say that the shared address is their own (priority 255); this one lowers its priority.',
    causes: ['priority 255 in keepalived.conf on both units'],
    look: ['priority in keepalived.conf on both: below 255, and different'],
  },
  {
    pattern: /Unknown VRID\(\d+\) received/i,
    happened: 'A VRRP packet of another Virtual ID was heard, and left alone.',
    causes: ['another pair on the network, which is fine', 'the units of this pair differ in Virtual ID'],
    look: ['lockstep doctor: the Virtual ID of both units'],
  },
  {
    pattern: /unicast source address \S+ not a unicast peer/i,
    happened: 'A packet came straight from an address that is not the partner.',
    causes: [
      'the address of the other unit was changed',
      'another pair is set up with this address as its peer',
    ],
    look: ['unicast_peer in keepalived.conf', 'lockstep show interfaces: partnerAddress'],
  },
  {
    pattern: /interface \S+ doesn't exist|Unable to find interface|unknown interface/i,
    happened: 'The configuration names an interface that this machine does not have.',
    causes: ['it has another name here, or its driver is not loaded yet', 'it was renamed or removed'],
    look: ['ip link show', 'interface and track_interface in keepalived.conf'],
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
