/**
 * What a certificate may be used for: RFC 5280, 4.2.1.3 and 4.2.1.12, and Netscape's older extension. The verdict is that of
 * `openssl verify -purpose sslserver`: what it refuses, clients refuse.
 */
import type { CertificateFinding } from './finding.ts';
import type { X509 } from './x509.ts';

/** Server Gated Cryptography is what servers of the nineties asked for; it still counts. */
const SERVER_PURPOSES = ['serverAuth', 'msSGC', 'nsSGC'];
const SERVER_USAGES = ['digitalSignature', 'keyEncipherment', 'keyAgreement'];

/** Of the certificate that a server shows. */
export function serverFindings(x509: X509): CertificateFinding[] {
  const why = whyNotForServers(x509);
  if (why !== undefined)
    return [{ code: 'not-for-servers', message: `it is not for servers: ${why}`, fails: true }];
  if (x509.keyUsage?.includes('digitalSignature') !== false) return [];
  const message = `its key may not sign (keyUsage ${listed(x509.keyUsage)}), so TLS 1.3 and most clients cannot use it`;
  return [{ code: 'key-may-not-sign', message, fails: false }];
}

function whyNotForServers(x509: X509): string | undefined {
  const { keyUsage, netscapeTypes } = x509.extensions;
  const why = whyNotThrough(x509);
  if (why !== undefined) return why;
  if (netscapeTypes?.includes('sslServer') === false)
    return `its Netscape certificate type says ${listed(netscapeTypes)}`;
  if (keyUsage === undefined || keyUsage.some(usage => SERVER_USAGES.includes(usage))) return undefined;
  return `its keyUsage says ${listed(keyUsage)}`;
}

/** Of a CA on the way: its purposes bind everything below it. `who` is how messages call it. */
export function issuerPurposeFindings(issuer: X509, who: string): CertificateFinding[] {
  const why = whyNotThrough(issuer);
  if (why === undefined) return [];
  const message = `${who} may not issue certificates for servers: ${why}`;
  return [{ code: 'issuer-not-for-servers', message, fails: true }];
}

/** "Any purpose" does not stand for it: OpenSSL and browsers ask for servers by name. */
function whyNotThrough({ extendedKeyUsage }: X509): string | undefined {
  if (extendedKeyUsage?.some(purpose => SERVER_PURPOSES.includes(purpose)) !== false) return undefined;
  return `its extendedKeyUsage says ${listed(extendedKeyUsage)}`;
}

function listed(words: string[]): string {
  return words.length === 0 ? 'nothing' : words.join(', ');
}
