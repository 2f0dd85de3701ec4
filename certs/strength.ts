/** Keys and hashes that are too weak to be believed: as OpenSSL's security level 2, and what browsers refuse. */

import { called } from './certification-path.ts';
import type { Way } from './chain.ts';
import type { CertificateFinding } from './finding.ts';
import type { X509 } from './x509.ts';

const LEAST_RSA_BITS = 2048;
const CURVES = new Set(['P-256', 'P-384', 'P-521']);
const WEAK_HASHES = new Set(['md2', 'md5', 'sha1']);

/** Of every member; what `allowWeak` allows is said, and does not fail. */
export function weaknesses({ members }: Way, allowWeak: boolean): CertificateFinding[] {
  return members.flatMap((x509, index) => {
    const who = called(x509, index);
    const found = [
      keyWeakness(x509, who),
      index > 0 && x509.selfIssued ? undefined : hashWeakness(x509, who),
    ];
    return found
      .filter(finding => finding !== undefined)
      .map(finding =>
        allowWeak && finding.code !== 'key-unsupported'
          ? { ...finding, message: `${finding.message}; that is allowed here`, fails: false }
          : finding,
      );
  });
}

function keyWeakness({ key }: X509, who: string): CertificateFinding | undefined {
  if (key.type === 'rsa' && (key.bits ?? 0) < LEAST_RSA_BITS) {
    const message = `${who} has an RSA key of ${key.bits} bits, less than ${LEAST_RSA_BITS}`;
    return { code: 'weak-key', message, fails: true };
  }
  if (key.type === 'ec' && !CURVES.has(key.curve ?? '')) {
    const message = `${who} has a key on the curve ${key.curve}, not on P-256, P-384 or P-521`;
    return { code: 'weak-key', message, fails: true };
  }
  if (['rsa', 'ec', 'ed25519'].includes(key.type)) return undefined;
  const message = `${who} has a key of the kind ${key.type}, not RSA, ECDSA or Ed25519`;
  return { code: 'key-unsupported', message, fails: true };
}

/** The hash of a root that somebody leads to does not matter: nobody believes it for its signature. */
function hashWeakness({ signatureHash = '' }: X509, who: string): CertificateFinding | undefined {
  if (!WEAK_HASHES.has(signatureHash)) return undefined;
  const message = `${who} is signed with ${signatureHash.toUpperCase().replace('SHA1', 'SHA-1')}, which can be forged`;
  return { code: 'weak-signature', message, fails: true };
}
