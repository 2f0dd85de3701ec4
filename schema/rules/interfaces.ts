import { BlockList, isIPv4 } from 'node:net';
import { isSameAddress, plainAddress } from '../address.ts';
import type { ConfigRecord } from '../document.ts';
import type { Problem } from '../error.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Rule, View } from '../rule.ts';

/** All interfaces: a unit has a handful. Several rules ask for them, of a view that stays as it is. */
export function interfacesOf(view: View): Promise<ConfigRecord[]> {
  const known = asked.get(view) ?? collected(view.list('interfaces'));
  asked.set(view, known);
  return known;
}

const asked = new WeakMap<View, Promise<ConfigRecord[]>>();

async function collected(records: AsyncIterable<ConfigRecord>): Promise<ConfigRecord[]> {
  const found: ConfigRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
}

/** Addresses that belong to one of the two units alone: the own one, further own ones, the partner's. */
export function unitAddresses(value: JsonObject): string[] {
  const additional = (Array.isArray(value.additionalAddresses) ? value.additionalAddresses : []).map(
    network => String(network).split('/')[0] as string,
  );
  return [value.address, value.partnerAddress]
    .filter(address => typeof address === 'string')
    .concat(additional);
}

export function inOneSubnet(first: string, second: string, prefix: number): boolean {
  const [one, other] = [plainAddress(first) ?? first, plainAddress(second) ?? second];
  const family = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6');
  if (family(one) !== family(other) || (isIPv4(one) && prefix > 32)) return false;
  const subnet = new BlockList();
  subnet.addSubnet(one, prefix, family(one));
  return subnet.check(other, family(other));
}

const threeAddresses: Rule = {
  code: 'interface-addresses-equal',
  severity: 'error',
  holds: 'The two units’ addresses and the shared address of an interface are three different addresses.',
  why: 'Two devices with one address answer for each other.',
  hint: 'Each unit keeps an address of its own; the shared one is a third.',
  looksAt: ['interface'],
  check: (view, touched, judged) =>
    eachRecord(view, touched, (path, value) => {
      const isSame = (one: Json | undefined, other: Json | undefined): boolean =>
        judged === 'new' ? isSameAddress(String(one), String(other)) : one === other;
      const addresses = ['address', 'partnerAddress', 'sharedAddress'].filter(
        field => value[field] !== undefined,
      );
      const twice = addresses.find((field, index) =>
        addresses.slice(0, index).some(earlier => isSame(value[earlier], value[field])),
      );
      return twice === undefined
        ? []
        : [
            {
              code: threeAddresses.code,
              path: `${path}/${twice}`,
              message: 'two of its three addresses are the same',
              hint: threeAddresses.hint,
            },
          ];
    }),
};

const oneSubnet: Rule = {
  code: 'interface-subnet',
  severity: 'error',
  holds: 'The two units’ addresses and the shared address of an interface lie in one subnet.',
  why: 'The shared address moves between the units; it must be reachable behind both.',
  hint: 'Look at the prefix of the interface, and at all three addresses.',
  looksAt: ['interface'],
  check: (view, touched) =>
    eachRecord(view, touched, (path, value) => {
      const { address, prefix } = value;
      if (typeof address !== 'string' || typeof prefix !== 'number') return [];
      return ['partnerAddress', 'sharedAddress']
        .filter(
          field => typeof value[field] === 'string' && !inOneSubnet(address, value[field] as string, prefix),
        )
        .map(field => ({
          code: oneSubnet.code,
          path: `${path}/${field}`,
          message: `${String(value[field])} is not in the subnet of the unit’s own address`,
          hint: oneSubnet.hint,
        }));
    }),
};

const prefixFits: Rule = {
  code: 'interface-prefix',
  severity: 'error',
  holds: 'The prefix of an interface fits to its address: at most 32 for IPv4.',
  why: 'No network has a longer one.',
  hint: 'A prefix of 24 is the netmask 255.255.255.0.',
  looksAt: ['interface'],
  check: (view, touched) =>
    eachRecord(view, touched, (path, { address, prefix }) =>
      typeof address === 'string' && isIPv4(address) && typeof prefix === 'number' && prefix > 32
        ? [
            {
              code: prefixFits.code,
              path: `${path}/prefix`,
              message: `${prefix} is not a prefix of an IPv4 address`,
              hint: prefixFits.hint,
            },
          ]
        : [],
    ),
};

const someHaChecks: Rule = {
  code: 'ha-checks-nowhere',
  severity: 'error',
  holds: 'A unit in HA mode has HA checks on at least one interface.',
  why: 'Without checks neither unit sees that the other is gone.',
  hint: 'HA checks move by being switched on elsewhere first.',
  looksAt: ['interface', 'ha'],
  check: async view => {
    if (!(await isHa(view))) return [];
    const interfaces = await interfacesOf(view);
    if (interfaces.length === 0 || interfaces.some(({ value }) => value.haChecks === true)) return [];
    return [
      {
        code: someHaChecks.code,
        path: 'interfaces',
        message: 'no interface has HA checks',
        hint: someHaChecks.hint,
      },
    ];
  },
};

const productionChecks: Rule = {
  code: 'ha-checks-no-production',
  severity: 'warning',
  holds: 'At least one production interface has HA checks.',
  why: 'Otherwise nobody takes over when a production interface goes down.',
  hint: 'Switch haChecks on for a production interface.',
  looksAt: ['interface'],
  check: async view => {
    const checked = (await interfacesOf(view)).filter(({ value }) => value.haChecks === true);
    if (checked.length === 0 || checked.some(({ value }) => (value.purpose ?? 'production') === 'production'))
      return [];
    return [
      {
        code: productionChecks.code,
        path: checked[0]?.path ?? 'interfaces',
        message: 'HA checks run on no production interface',
        hint: productionChecks.hint,
      },
    ];
  },
};

const addressedCable: Rule = {
  code: 'ha-checks-direct-cable',
  severity: 'warning',
  holds: 'An interface with HA checks that is a direct cable has no address.',
  why: 'With an address it counts as a production link, and a reboot of one unit makes the other fail too.',
  hint: 'Remove the address of the cable, or its HA checks.',
  looksAt: ['interface'],
  check: (view, touched) =>
    eachRecord(view, touched, (path, value) =>
      value.haChecks === true && value.purpose === 'direct-cable' && value.address !== undefined
        ? [
            {
              code: addressedCable.code,
              path,
              message: 'a direct cable with HA checks has an address',
              hint: addressedCable.hint,
            },
          ]
        : [],
    ),
};

async function isHa(view: View): Promise<boolean> {
  const mode = (await view.get('ha'))?.mode;
  return mode === 'first' || mode === 'second';
}

async function eachRecord(
  view: View,
  paths: string[],
  check: (path: string, value: JsonObject) => Problem[],
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const path of paths) {
    const value = await view.get(path);
    if (value !== undefined) problems.push(...check(path, value));
  }
  return problems;
}

export const interfaceRules = [
  threeAddresses,
  oneSubnet,
  prefixFits,
  someHaChecks,
  productionChecks,
  addressedCable,
];
