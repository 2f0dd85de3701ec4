import { isIPv6 } from 'node:net';
import { hostAndPort } from '../schema/address.ts';
import { LockstepError } from '../schema/error.ts';

export const DEFAULT_PORT = 6973;

/** `10.0.0.1`, `ha1.example:6974`, `[fd00::1]:6973`, `fd00::1`, and `::1:7001` for a port of `::1`. Throws `bad-usage`. */
export function parseHost(text: string): { host: string; port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const meant = bracketed === undefined && plain === undefined ? bareIpv6(text) : undefined;
  if (meant !== undefined) return meant;
  const host = bracketed ?? plain;
  if (host === undefined || (port !== undefined && !isPort(port))) {
    throw new LockstepError('bad-usage', `${JSON.stringify(text)} is not HOST or HOST:PORT.`, {
      hint: 'For example 10.0.0.11, 10.0.0.11:6973 or [fd00::11]:6973.',
    });
  }
  return port === undefined ? { host } : { host, port: Number(port) };
}

/** The inverse, without the port where it is the usual one. */
export function formatHost(host: string, port: number): string {
  if (port === DEFAULT_PORT) return host;
  return hostAndPort(host, port);
}

/** The same in a command that is typed: brackets are a pattern to a shell. */
export function typedHost(host: string, port: number): string {
  const text = formatHost(host, port);
  return text.includes('[') ? `'${text}'` : text;
}

/**
 * An IPv6 address without brackets. What stands behind its last colon is a port where the whole is no address, where the
 * rest is the loopback address, and where it is the port of Lockstep.
 */
function bareIpv6(text: string): { host: string; port?: number } | undefined {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const isMeant = !isIPv6(text) || host === '::1' || Number(port) === DEFAULT_PORT;
  if (isIPv6(host) && isPort(port) && isMeant) return { host, port: Number(port) };
  return isIPv6(text) ? { host: text } : undefined;
}

function isPort(text: string): boolean {
  return Number(text) >= 1 && Number(text) <= 65535;
}
