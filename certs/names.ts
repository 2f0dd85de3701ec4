/** Whether a certificate speaks for a host: RFC 6125 and 9525, as browsers do it. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { canonicalAddress } from '../schema/address.ts';
import type { CertificateFinding } from './finding.ts';
import type { X509 } from './x509.ts';

/** `common-name`: by the common name alone, which clients of today do not look at (RFC 9525, 2). */
type Coverage = 'names' | 'common-name';

/**
 * `host` is a DNS name, with A-labels (`xn--…`) or U-labels, or an IP address. A wildcard stands for the
 * whole left-most label and nothing else. An address is looked for among the addresses only. The common name counts only where
 * the certificate has no alternative name at all.
 */
export function covers(x509: X509, host: string): boolean {
  return coverage(x509, host) !== undefined;
}

/** How it speaks for `host`; undefined: not at all. */
function coverage(x509: X509, host: string): Coverage | undefined {
  if (isIP(host) !== 0) return x509.addresses.includes(canonicalAddress(host) ?? '') ? 'names' : undefined;
  const name = normalName(host);
  if (!isName(name) || !namesOf(x509).some(each => matches(normalName(each), name))) return undefined;
  return byCommonName(x509) ? 'common-name' : 'names';
}

/** As `coverage`; `*.site.example` asks for every host of one label below, which that very wildcard alone speaks for. */
export function coverageOfPattern(x509: X509, pattern: string): Coverage | undefined {
  if (!pattern.startsWith('*.')) return coverage(x509, pattern);
  const wanted = normalName(pattern);
  if (!namesOf(x509).some(each => normalName(each) === wanted)) return undefined;
  return byCommonName(x509) ? 'common-name' : 'names';
}

/** The names that `covers` goes by: for lists and messages. */
export function namesOf(x509: X509): string[] {
  if (x509.extensions.alternativeNames.length > 0) return x509.names;
  return x509.commonName === undefined || isIP(x509.commonName) !== 0 ? [] : [x509.commonName];
}

/** A certificate that names a host, and no client would find the name. */
export function commonNameFindings(x509: X509): CertificateFinding[] {
  const [name] = namesOf(x509);
  if (name === undefined || !byCommonName(x509) || !isName(normalName(name).replace(/^\*\./, ''))) return [];
  const message = `it names ${name} as its common name only, and clients look at subject alternative names`;
  return [{ code: 'name-in-common-name', message, fails: false }];
}

/** The one spelling of a DNS name: lower case, A-labels, without the dot at its end. */
function normalName(name: string): string {
  const plain = name.replace(/\.$/, '').toLowerCase();
  if (!/[^\0-\x7f]/.test(plain)) return plain;
  const wild = plain.startsWith('*.') ? '*.' : '';
  const ascii = domainToASCII(plain.slice(wild.length));
  return isIP(ascii) === 0 ? wild + ascii : ''; // digits of other scripts make no address
}

function byCommonName({ extensions }: X509): boolean {
  return extensions.alternativeNames.length === 0;
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return isName(pattern) && pattern === name;
  const [base, dot] = [pattern.slice(2), name.indexOf('.')];
  return isName(base) && base.includes('.') && dot > 0 && name.slice(dot + 1) === base;
}

function isName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name);
}
