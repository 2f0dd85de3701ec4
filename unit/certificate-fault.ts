import { type CertificateFault, type CertificateRecord, inspectCertificate } from '../certs/inspect.ts';
import type { JsonObject } from '../schema/json.ts';

/** What no time of day changes: such a certificate never serves. */
const LASTING: ReadonlySet<CertificateFault> = new Set([
  'certificate-unreadable',
  'key-unreadable',
  'key-unfit',
]);

/** Why the certificate of a record cannot be read, or its key does not belong to it; undefined: all is well. */
export function certificateFault(value: JsonObject): string | undefined {
  const findings = inspectCertificate(value as unknown as CertificateRecord, new Date(0));
  return findings.find(({ code }) => LASTING.has(code))?.message;
}
