import { inOneSubnet } from '../../schema/rules/interfaces.ts';
import { type Check, failure, notChecked, ofBoth, ofEach, ok, same, warning } from './check.ts';
import type { Examination, Interface } from './examination.ts';

const ADDRESSES = { group: 'addresses', ofPair: true } as const;

export const addressChecks: Check[] = [
  {
    ...ADDRESSES,
    code: 'unit-addresses',
    holds: 'The units have different addresses in one subnet on each interface.',
    why: 'The shared address moves between them and must be reachable behind both.',
    hint: 'lockstep show interfaces on both units; address and prefix belong to each.',
    check: facts =>
      ofBoth(facts, (here, there) => {
        const [pairs, sides] = [addressed(here, there), addressesOf(here, there)];
        if (pairs.length === 0)
          return notChecked('no interface has an address on both units', {
            ...sides,
            hint: 'lockstep set interfaces/eth0/address',
          });
        const equal = pairs.find(([own, other]) => own.address === other.address);
        if (equal) return failure(`both units have ${equal[0].address} on ${equal[0].name}`, sides);
        const apart = pairs.find(([own, other]) => !together(own, other));
        return apart
          ? failure(`the units lie in different subnets on ${apart[0].name}`, sides)
          : ok('different addresses in one subnet', sides);
      }),
  },
  {
    ...ADDRESSES,
    code: 'partner-address',
    holds: 'Each unit knows the address that its partner has.',
    why: 'A wrong partner address makes the units miss each other.',
    hint: 'lockstep set interfaces/NAME/partnerAddress on the unit that has it wrong.',
    check: facts =>
      ofBoth(facts, (here, there) => {
        const wrong = [mistaken(here, there), mistaken(there, here)].filter(found => found !== undefined);
        if (wrong.length > 0) return failure(wrong.join('; '));
        return [here, there].some(({ interfaces }) => interfaces.some(each => each.partnerAddress !== null))
          ? ok('what each unit has as its partner’s address is right')
          : notChecked('no unit has an address of its partner');
      }),
  },
  {
    ...ADDRESSES,
    code: 'shared-address',
    holds: 'Both units have the same shared addresses.',
    why: 'After a takeover clients would look for the services at an address that nobody has.',
    hint: 'lockstep set interfaces/NAME/sharedAddress on the active unit; it is shared.',
    check: facts => {
      const shared = ({ interfaces }: Examination): string =>
        interfaces
          .filter(({ sharedAddress }) => sharedAddress !== null)
          .map(({ name, sharedAddress }) => `${name} ${sharedAddress}`)
          .join(', ') || 'none';
      return shared(facts.here) === 'none'
        ? warning('no interface has a shared address', { here: 'none' })
        : same(facts, 'the shared address', shared, failure);
    },
  },
  {
    ...ADDRESSES,
    code: 'default-gateway',
    holds: 'Both units have the same default gateway.',
    why: 'With another one, answers to clients go another way after a takeover, or none.',
    hint: 'lockstep set network/defaultGateway on the unit that has it wrong.',
    check: facts => {
      const { gateway, gatewayV6 } = facts.here.network;
      const other = facts.there?.network;
      return [gateway, gatewayV6, other?.gateway, other?.gatewayV6].every(
        each => each === null || each === undefined,
      )
        ? notChecked('no default gateway is configured', { hint: 'lockstep set network/defaultGateway' })
        : same(facts, 'the default gateway', gatewaysOf, failure);
    },
  },
  {
    group: 'addresses',
    code: 'gateway-answers',
    holds: 'The default gateway answers.',
    why: 'A unit without its gateway reaches no client beyond its own network.',
    hint: 'ping -c 3 GATEWAY on that unit; then the cable, the VLAN and the gateway itself.',
    check: facts =>
      ofEach(facts, ({ network: { gateway, gatewayV6, gatewayAnswers } }) => {
        const fact = gateway ?? gatewayV6 ?? 'none';
        if (gatewayAnswers === null)
          return {
            ...notChecked(fact === 'none' ? 'no default gateway is configured' : 'ping could not be used'),
            fact,
          };
        return gatewayAnswers
          ? { ...ok('it answers'), fact }
          : { ...warning(`${fact} does not answer a ping`), fact };
      }),
  },
];

/** Interfaces that have an address on both units. */
function addressed(here: Examination, there: Examination): [Interface, Interface][] {
  return here.interfaces.flatMap((own): [Interface, Interface][] => {
    const other = there.interfaces.find(({ name }) => name === own.name);
    return other?.address && own.address ? [[own, other]] : [];
  });
}

function together(one: Interface, other: Interface): boolean {
  const [here, there] = [one.address as string, other.address as string];
  return [one.prefix, other.prefix].every(prefix => prefix === null || inOneSubnet(here, there, prefix));
}

function mistaken(unit: Examination, partner: Examination): string | undefined {
  for (const { name, partnerAddress } of unit.interfaces) {
    const real = partner.interfaces.find(each => each.name === name)?.address ?? null;
    if (partnerAddress !== null && real !== null && partnerAddress !== real)
      return `${unit.unit.name} looks for ${partner.unit.name} at ${partnerAddress} on ${name}, which has ${real}`;
  }
  return undefined;
}

function addressesOf(here: Examination, there: Examination): { here: string; there: string } {
  const list = ({ interfaces }: Examination) =>
    interfaces
      .filter(({ address }) => address !== null)
      .map(({ name, address, prefix }) => `${name} ${address}${prefix === null ? '' : `/${prefix}`}`)
      .join(', ') || 'none';
  return { here: list(here), there: list(there) };
}

function gatewaysOf({ network: { gateway, gatewayV6 } }: Examination): string {
  return [gateway, gatewayV6].filter(each => each !== null).join(', ') || 'none';
}
