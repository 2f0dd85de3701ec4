import { LockstepError } from '../schema/error.ts';

export const DEFAULT_PORT = 6973;

/** `10.0.0.1`, `ha1.example:6974`, `[fd00::1]:6973`, `fd00::1`. Throws `bad-usage`. */
export function parseHost(text: string): { host: string; port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (isBareIpv6(text) ? text : undefined);
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
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** It stands for all addresses of a machine, so nobody can call it. */
export function isEveryAddress(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::';
}

function isBareIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.%a-z]+$/.test(text) && text.split(':').length > 2;
}

function isPort(text: string): boolean {
  return Number(text) >= 1 && Number(text) <= 65535;
}
