import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A line about each certificate in PEM; undefined: it is something else, or cannot be read. */
export function certificateLines(pem: string): string[] | undefined {
  if (!pem.startsWith('-----BEGIN CERTIFICATE-----')) return undefined;
  try {
    return (pem.match(CERTIFICATE) ?? []).map(each => {
      const { subject, validTo, fingerprint256 } = new X509Certificate(each);
      return `${subject.split('\n').join(', ')}, until ${new Date(validTo).toISOString().slice(0, 10)}, SHA-256 ${fingerprint256}`;
    });
  } catch {
    return undefined;
  }
}
