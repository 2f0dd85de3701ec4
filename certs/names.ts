/** Whether a certificate speaks for a host: RFC 6125 and 9525, as browsers do it. */
import { isIP } from 'node:net';
import { canonicalAddress } from '../schema/address.ts';
import type { X509 } from './x509.ts';

/**
 * `host` is a DNS name (an internationalised one in its A-label form, `xn--…`) or an IP address. A wildcard stands for the
 * whole left-most label and nothing else. An address is looked for among the addresses only. The common name counts only where
 * the certificate has no alternative name at all.
 */
export function covers(x509: X509, host: string): boolean {
  if (isIP(host) !== 0) return x509.addresses.includes(canonicalAddress(host) ?? '');
  const name = normal(host);
  if (!isName(name)) return false;
  return namesOf(x509).some(each => matches(normal(each), name));
}

/** The names that `covers` goes by: for lists and messages. */
export function namesOf(x509: X509): string[] {
  if (x509.extensions.alternativeNames.length > 0) return x509.names;
  return x509.commonName === undefined || isIP(x509.commonName) !== 0 ? [] : [x509.commonName];
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return isName(pattern) && pattern === name;
  const [base, dot] = [pattern.slice(2), name.indexOf('.')];
  return isName(base) && base.includes('.') && dot > 0 && name.slice(dot + 1) === base;
}

function normal(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

function isName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name);
}
