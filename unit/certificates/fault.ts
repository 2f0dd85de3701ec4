import { type CertificateRecord, checkKey } from '../../certs/check.ts';
import type { JsonObject } from '../../schema/json.ts';

/** Why the certificate of a record cannot be read, or its key does not belong to it; undefined: all is well. */
export function certificateFault(value: JsonObject): string | undefined {
  return checkKey(value as unknown as CertificateRecord)[0]?.message;
}
