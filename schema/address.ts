/** Addresses are compared as addresses, however they are spelled: `10.0.0.1`, `::ffff:10.0.0.1` and `[::ffff:a00:1]` are one. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** The one spelling of an address; undefined when it is none. IPv4-mapped addresses stay IPv6. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

/** What an address is known by: canonical, without brackets, and IPv4 where it is mapped. Undefined when it is none. */
export function plainAddress(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const [address = '', zone] = bare.split('%');
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return undefined;
  const plain = unmapped(canonical);
  return zone === undefined || zone === '' ? plain : `${plain}%${zone}`;
}

export function isSameAddress(one: string, other: string): boolean {
  return one === other || (plainAddress(one) ?? one) === (plainAddress(other) ?? other);
}

/** It stands for all addresses of a machine: nobody can call it, and who listens there listens on all. */
export function isEveryAddress(text: string): boolean {
  return text === '' || text === '*' || ['0.0.0.0', '::'].includes(plainAddress(text) ?? '');
}

/** Whether traffic to `address` comes to who listens on `listening`. On `::`, Linux takes IPv4 too. */
export function takesTrafficOf(listening: string, address: string): boolean {
  const [one, other] = [plainAddress(listening), plainAddress(address)];
  if (one === undefined || other === undefined) return listening === address;
  return one === other || one === '::' || (one === '0.0.0.0' && isIPv4(other));
}

/** What kind of address it is that no client in the network can be served at; undefined for all others. */
export function unservable(text: string): 'loopback' | 'multicast' | 'broadcast' | undefined {
  const address = plainAddress(text);
  if (address === undefined) return undefined;
  if (isIPv6(address)) {
    if (address === '::1') return 'loopback';
    return address.startsWith('ff') ? 'multicast' : undefined;
  }
  const first = Number(address.split('.')[0]);
  if (first === 127) return 'loopback';
  if (address === '255.255.255.255') return 'broadcast';
  return first >= 224 && first <= 239 ? 'multicast' : undefined;
}

/** The address that all hosts of an IPv4 network are reached by; undefined where there is none. */
export function broadcastOf(address: string, prefix: number): string | undefined {
  if (!isIPv4(address) || prefix < 1 || prefix > 30) return undefined;
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - prefix);
  const last = Math.floor(bits / size) * size + size - 1;
  return [24, 16, 8, 0].map(shift => Math.floor(last / 2 ** shift) % 256).join('.');
}

/** `10.0.0.1:6973`, `[fd00::1]:6973`. */
export function hostAndPort(host: string, port: number | string): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `::ffff:a00:1` is `10.0.0.1`. */
function unmapped(canonical: string): string {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  return [high, low]
    .flatMap(part => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255])
    .join('.');
}
