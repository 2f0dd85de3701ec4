import { isEveryAddress, plainAddress, takesTrafficOf } from './address.ts';
import type { JsonObject } from './json.ts';

/** Where a Virtual Service stands: what traffic comes to it. */
export interface Places {
  protocol: string;
  addresses: string[];
  ports: { first: number; last: number }[];
}

const EVERY_PORT = { first: 1, last: 65_535 };

export function standsAt({ protocol, address, altAddress, port, extraPorts }: JsonObject): Places {
  const more = Array.isArray(extraPorts) ? extraPorts : [];
  return {
    protocol: String(protocol),
    addresses: [address, altAddress]
      .filter(each => typeof each === 'string')
      .map(each => plainAddress(each) ?? each),
    ports: [port, ...more].filter(each => each !== undefined).map(portsOf),
  };
}

function portsOf(ports: unknown): { first: number; last: number } {
  if (ports === '*') return EVERY_PORT;
  const [first = 0, last = first] = String(ports).split('-').map(Number);
  return { first, last };
}

/** Whether some traffic would come to both. */
export function overlap(one: Places, other: Places): boolean {
  const address = one.addresses.some(each =>
    other.addresses.some(theirs => takesTrafficOf(each, theirs) || takesTrafficOf(theirs, each)),
  );
  const port = one.ports.some(each =>
    other.ports.some(theirs => each.first <= theirs.last && theirs.first <= each.last),
  );
  return one.protocol === other.protocol && address && port;
}

/**
 * Names under which the store finds a Virtual Service again whose id does not say all of its places: because it has a further
 * address or further ports, or stands on every address. Most have none. Looked for with `namesToLookFor`.
 */
export function placeNames(value: JsonObject): string[] {
  if (isSaidById(value)) return [];
  const places = standsAt(value);
  const { protocol, addresses, ports } = places;
  const id = placeName(protocol, String(value.address), String(value.port));
  const names = addresses.flatMap(address =>
    ports.map(each => placeName(protocol, addressName(address), portName(each))),
  );
  const others = names.filter(name => name !== id);
  if (others.length === 0) return [];
  const wide = addresses.map(address => placeName(protocol, addressName(address)));
  return [...new Set([...others, ...wide, placeName(protocol)])];
}

/** One address and one port: so it is with nearly all, and each commit asks for the names of what it touches. */
function isSaidById({ address, altAddress, port, extraPorts }: JsonObject): boolean {
  const isOne = altAddress === undefined && extraPorts === undefined && typeof port === 'number';
  return (
    isOne && typeof address === 'string' && plainAddress(address) === address && !isEveryAddress(address)
  );
}

/** Under these, everything is found that may overlap with `places`. */
export function namesToLookFor({ protocol, addresses, ports }: Places): string[] {
  if (addresses.some(isEveryAddress)) return [placeName(protocol)];
  const names = [...addresses, EVERY_ADDRESS].flatMap(address =>
    ports.every(({ first, last }) => first === last)
      ? [RANGES, ...ports.map(portName)].map(port => placeName(protocol, address, port))
      : [placeName(protocol, address)],
  );
  return [...new Set(names)];
}

/** Under this, everything is found that has names at all. */
export function anyPlaceName(protocol: string): string {
  return placeName(protocol);
}

/** Under these, everything is found whose id does not say that it has `address`. */
export function namesAtAddress(protocol: string, address: string): string[] {
  return [plainAddress(address) ?? address, EVERY_ADDRESS].map(each => placeName(protocol, each));
}

const EVERY_ADDRESS = 'every';
const RANGES = 'ranges';

function addressName(address: string): string {
  return isEveryAddress(address) ? EVERY_ADDRESS : address;
}

function portName({ first, last }: { first: number; last: number }): string {
  return first === last ? String(first) : RANGES;
}

/** No record lies below `places/`. */
function placeName(protocol: string, address?: string, port?: string): string {
  return `places/${[protocol, address, port].filter(part => part !== undefined).join('/')}`;
}
