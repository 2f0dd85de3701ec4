/** What is wrong with a certificate and its key, as far as the two and the time of day tell. */
import { createPrivateKey, X509Certificate } from 'node:crypto';

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
  | 'key-unfit';

export interface CertificateFinding {
  code: CertificateFault;
  message: string;
  /** False: it serves, today. */
  fails: boolean;
}

const SOON_DAYS = 30;
const DAY_MS = 86_400_000;

export function inspectCertificate({ certificate, key }: CertificateRecord, now: Date): CertificateFinding[] {
  const found = read(() => new X509Certificate(certificate));
  if (found === undefined)
    return [{ code: 'certificate-unreadable', message: 'the certificate cannot be read', fails: true }];
  return [...timeFindings(found, now), ...(key === undefined ? [] : keyFindings(found, key))];
}

function timeFindings({ validFrom, validTo }: X509Certificate, now: Date): CertificateFinding[] {
  const left = Date.parse(validTo) - now.getTime();
  if (left <= 0)
    return [{ code: 'certificate-expired', message: `it expired on ${day(validTo)}`, fails: true }];
  if (now.getTime() < Date.parse(validFrom)) {
    return [
      { code: 'certificate-not-yet-valid', message: `it is valid from ${day(validFrom)} on`, fails: true },
    ];
  }
  if (left > SOON_DAYS * DAY_MS) return [];
  return [{ code: 'certificate-expires-soon', message: `it expires on ${day(validTo)}`, fails: false }];
}

function keyFindings(certificate: X509Certificate, pem: string): CertificateFinding[] {
  const key = read(() => createPrivateKey(pem));
  if (key === undefined)
    return [{ code: 'key-unreadable', message: 'its private key cannot be read', fails: true }];
  if (certificate.checkPrivateKey(key)) return [];
  return [{ code: 'key-unfit', message: 'its private key belongs to another certificate', fails: true }];
}

/** What a reader of keys throws may quote the key, so it goes nowhere. */
function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch {
    return undefined;
  }
}

function day(time: string): string {
  return new Date(time).toISOString().slice(0, 10);
}
