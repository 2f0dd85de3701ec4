/** What is wrong with a certificate and its key, as far as the two, the intermediates at hand and the time of day tell. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { orderChain } from './chain.ts';
import { daysLeft, expiryStage } from './expiry.ts';
import { readX509, readX509s, type X509 } from './x509.ts';

export interface CertificateRecord {
  /** PEM; certificates that lead to the root may follow the first one. */
  certificate: string;
  /** PEM, unencrypted. */
  key?: string;
}

export type CertificateFault =
  | 'certificate-unreadable'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-expires-soon'
  | 'key-unreadable'
  | 'key-unfit'
  | 'chain-incomplete'
  | 'root-not-included';

export interface CertificateFinding {
  code: CertificateFault;
  message: string;
  /** False: it serves, today. */
  fails: boolean;
}

export interface CheckOptions {
  now: Date;
  /** Of the unit's store; read ones where many certificates are checked. */
  intermediates: readonly (string | X509)[];
  /** Given: the chain must end in one of them. */
  roots?: readonly (string | X509)[];
  /** Weak keys and hashes are told of and do not fail. */
  allowWeak?: boolean;
}

export function checkCertificate(
  { certificate, key }: CertificateRecord,
  { now, intermediates }: CheckOptions,
): CertificateFinding[] {
  let all: X509[];
  try {
    all = readX509s(certificate);
  } catch {
    all = [];
  }
  const [leaf, ...others] = all;
  if (leaf === undefined)
    return [{ code: 'certificate-unreadable', message: 'the certificate cannot be read', fails: true }];
  const pool = intermediates.map(each => (typeof each === 'string' ? readX509(each) : each));
  orderChain(leaf, [...others, ...pool]);
  return [...timeFindings(leaf, now), ...(key === undefined ? [] : keyFindings(leaf, key))];
}

function timeFindings(x509: X509, now: Date): CertificateFinding[] {
  const left = daysLeft(x509, now);
  const stage = expiryStage(left);
  if (stage === 'expired')
    return [{ code: 'certificate-expired', message: `it expired on ${day(x509.notAfter)}`, fails: true }];
  if (now < x509.notBefore)
    return [
      {
        code: 'certificate-not-yet-valid',
        message: `it is valid from ${day(x509.notBefore)} on`,
        fails: true,
      },
    ];
  if (stage === undefined) return [];
  return [{ code: 'certificate-expires-soon', message: `it expires on ${day(x509.notAfter)}`, fails: false }];
}

function keyFindings(x509: X509, pem: string): CertificateFinding[] {
  try {
    if (createPublicKey(createPrivateKey(pem)).equals(x509.publicKey)) return [];
  } catch {
    return [{ code: 'key-unreadable', message: 'its private key cannot be read', fails: true }];
  }
  return [{ code: 'key-unfit', message: 'its private key belongs to another certificate', fails: true }];
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}
