import type { LinePattern } from './explanation.ts';

/** Lines of ucarp, and of the appliance's CARP, whose words for the roles are Active and Backup. */
export const UCARP: LinePattern[] = [
  {
    pattern: /Bad digest\b/i,
    happened: 'A CARP packet came that was not signed for this pair.',
    causes: [
      'another pair or device on the network uses the same Virtual ID',
      'the units differ in Virtual ID, shared address or CARP password',
      'two interfaces with HA checks are in one switch, so that one hears what the other says',
    ],
    look: [
      'lockstep doctor: Virtual ID and shared address of both units',
      "tcpdump -nni eth0 'ip proto 112': who sends, and with which vhid",
      'Switch HA checks off on one of two interfaces that share a switch: lockstep set interfaces/eth1/haChecks false',
    ],
  },
  {
    pattern: /HA config file has changed/i,
    happened: 'Somebody changed the HA parameters, and CARP reads them again.',
    causes: ['a change of the record ha or of HA checks, here or by an update of the partner'],
    look: ['lockstep history ha: who changed what, and why'],
  },
  {
    pattern: /Detected Active\s*[-–—]\s*Active/i,
    happened:
      'Both units were active. This one stays so, tells the other, and announces the shared address again.',
    causes: [
      'CARP packets were lost for longer than the HA timeout: IGMP snooping, a blocked multicast, a busy switch',
      'a switch port came up late after a reboot, because PortFast is off',
      'both units have the same HA mode',
      'the hypervisor does not let the other unit send with a moved MAC address',
    ],
    look: [
      'lockstep doctor: HA modes, links, interconnections',
      'lockstep status on both units: what only one of them holds becomes a branch',
      'Set ha/useBroadcast where switches do not pass multicast; a longer ha/timeout where packets get lost',
    ],
  },
  {
    pattern: /Bad TTL/i,
    happened: 'A CARP packet came from another network: it passed at least one router.',
    causes: ['something forwards multicast of another network', 'the units are not in one network'],
    look: [
      "tcpdump -vnni eth0 'ip proto 112': the sender, and its ttl",
      'lockstep doctor: the addresses of both units lie in one subnet',
    ],
  },
  {
    pattern: /Switching to state:?\s*(Active|MASTER)/i,
    happened: 'This unit became active: it heard nothing of its partner for the HA timeout.',
    causes: [
      'the partner is off, restarts, or its link is down',
      'CARP packets of the partner do not arrive: switch, VLAN, IGMP snooping',
      'the partner answers too late: a busy machine or network',
      'this unit is the preferred one, and has just started',
    ],
    look: [
      'lockstep status: is the partner seen, and is anything missing here',
      'lockstep doctor: links, latency, preferred host',
      'The console of the partner, and the ports of the switch',
    ],
  },
  {
    pattern: /Switching to state:?\s*(Backup|Standby)/i,
    happened: 'This unit waits: the other one is active.',
    causes: ['the usual state of the second unit', 'the other unit was found to be active, or is preferred'],
    look: ['lockstep status: the squares of both units'],
  },
  {
    pattern: /Switching to state:?\s*INIT/i,
    happened: 'CARP starts, or its interface went down.',
    causes: ['a start', 'the link of the interface is down'],
    look: ['ip link show: is the interface up', 'lockstep doctor: links'],
  },
  {
    pattern: /Preferred master advertised/i,
    happened: 'The preferred unit is back, so this one waits again.',
    causes: ['a preferred host is set', 'the other unit has the lower skew'],
    look: ['lockstep show ha/preferredHost: none means no failback'],
  },
  {
    pattern: /Non-preferred master advertising/i,
    happened: 'The other unit was active too; this one announces the shared address once more.',
    causes: ['both were active for a moment: packets were lost, or a port came up late'],
    look: ['lockstep doctor', 'lockstep status on both units'],
  },
  {
    pattern: /Putting MASTER down - preemption/i,
    happened: 'The active unit was heard with less right to it than this one, which takes over.',
    causes: ['preemption is switched on, or this unit is preferred'],
    look: ['lockstep show ha/preferredHost'],
  },
  {
    pattern: /Putting MASTER DOWN \(going to time out\)/i,
    happened: 'The active unit is about to be given up: nothing was heard of it.',
    causes: ['the partner is off or restarts', 'its packets do not arrive'],
    look: ['lockstep status', 'lockstep doctor: links and latency'],
  },
  {
    pattern: /Ignoring vhid/i,
    happened: 'A CARP packet of another Virtual ID was heard, and left alone.',
    causes: ['another pair on the network, which is fine', 'the units of this pair differ in Virtual ID'],
    look: ['lockstep doctor: the Virtual ID of both units'],
  },
  {
    pattern: /Bad version: \[/i,
    happened: 'A packet with the protocol number of CARP came that is none.',
    causes: ['a device that speaks VRRP: both have IP protocol number 112'],
    look: ["tcpdump -vnni eth0 'ip proto 112': who sends it", 'Keep its number and this Virtual ID apart'],
  },
  {
    pattern: /Bad IP checksum/i,
    happened: 'A CARP packet arrived damaged.',
    causes: ['checksum offload of a virtual network card', 'a cable or port that damages packets'],
    look: ['ethtool -K eth0 rx off tx off on a virtual machine', 'ip -s link show eth0: errors'],
  },
  {
    pattern:
      /Unable to (find MAC address of|open (raw device|interface)|get (hardware info|interface address))|Interface \[.*\] not found|No interface found/i,
    happened: 'CARP cannot use its interface.',
    causes: ['the interface does not exist, or has no address', 'the program does not run as root'],
    look: ['ip address show', 'lockstep show interfaces: is the name that of the machine'],
  },
  {
    pattern: /ucarp.*(write\(\) has failed|write\(\) error|write\(\) in garp)/i,
    happened: 'CARP could not send.',
    causes: ['the link is down', 'the network card or its queue is overloaded'],
    look: ['ip -s link show: state and drops', 'lockstep doctor: links'],
  },
  {
    pattern:
      /You must supply (a|an) (\w+ ?)+|Dead ratio can't be zero|(Password|Interface name) too long|Invalid address: \[/i,
    happened: 'ucarp did not start: an option is missing or wrong.',
    causes: [
      'the start script lacks --interface, --srcip, --vhid, --pass or --addr',
      'an address is not one, the dead ratio is 0, or the password is longer than ucarp takes',
    ],
    look: ['the unit file or script that starts ucarp', 'ucarp --help: each option with its form'],
  },
  {
    pattern: /(unable to open|error reading) passfile/i,
    happened: 'ucarp did not start: it cannot read the file with its password.',
    causes: ['the file is not there, or this user may not read it', 'the file is empty'],
    look: ['ls -l on the file that the line names; it should be 0600 and belong to root'],
  },
  {
    pattern: /Can't do IP_ADD_MEMBERSHIP/i,
    happened: 'ucarp cannot listen to multicast on its interface.',
    causes: ['the interface has no address yet, or cannot do multicast'],
    look: ['ip address show', 'ip link show: MULTICAST must stand there'],
  },
  {
    pattern: /no script called when going (up|down)/i,
    happened: 'ucarp runs without a script: the role changes, and no address moves.',
    causes: ['--upscript or --downscript is missing'],
    look: ['the unit file or script that starts ucarp'],
  },
  {
    pattern:
      /Unable to (get in background|background|detach)|Unable to compile pcap rule|exiting: (poll\(\) error|pfds)|(Error when trying register|gettimeofday\(\) failed)/i,
    happened: 'ucarp ended: the system refused something that it needs.',
    causes: ['it does not run as root', 'its interface went away while it ran'],
    look: ['ip link show', 'the lines of the kernel at that time: journalctl -k'],
  },
  {
    pattern: /Unable to (exec|spawn the script)/i,
    happened: 'The script that moves the shared address could not be run.',
    causes: ['the file is not there or not executable'],
    look: ['ls -l on the script that the line names; then test it by hand on the standby'],
  },
];
