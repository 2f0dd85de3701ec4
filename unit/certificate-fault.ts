import { type CertificateFault, type CertificateRecord, checkCertificate } from '../certs/check.ts';
import type { JsonObject } from '../schema/json.ts';

/** Such a certificate serves at no time, whatever chain it is in. */
const LASTING: ReadonlySet<CertificateFault> = new Set([
  'certificate-unreadable',
  'key-unreadable',
  'key-unfit',
]);

/** Why the certificate of a record cannot be read, or its key does not belong to it; undefined: all is well. */
export function certificateFault(value: JsonObject): string | undefined {
  const record = value as unknown as CertificateRecord;
  const findings = checkCertificate(record, { now: new Date(0), intermediates: [] });
  return findings.find(({ code }) => LASTING.has(code))?.message;
}
