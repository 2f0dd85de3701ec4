import { X509Certificate } from 'node:crypto';
import type { Json, JsonObject } from '../schema/json.ts';
import { type Kind, schemaAt } from '../schema/kind.ts';
import { valueAt, withValueAt } from '../schema/record.ts';

/**
 * Whether two records hold the same certificate, whatever follows it and however its PEM is wrapped. Two without one are
 * the same too: such a key has no public part here to compare.
 */
export function isSameCertificate(one: JsonObject, other: JsonObject): boolean {
  if (one.certificate === other.certificate) return true;
  const [left, right] = [fingerprintOf(one), fingerprintOf(other)];
  return left !== undefined && left === right;
}

/** SHA-256 of the certificate, as `AB:CD:…`; undefined when it cannot be read. */
export function fingerprintOf({ certificate }: JsonObject): string | undefined {
  try {
    return new X509Certificate(String(certificate)).fingerprint256;
  } catch {
    return undefined;
  }
}

/** `given` with the private keys of the record that is here, where both hold the same certificate; else as it is. */
export function withKeysOf(kind: Kind, here: JsonObject | undefined, given: JsonObject): JsonObject {
  const kept = here !== undefined && isSameCertificate(given, here) ? privateKeysOf(kind, here) : [];
  return kept.reduce<JsonObject>(
    (value, [field, key]) => withValueAt(value, field, key) as JsonObject,
    given,
  );
}

/** Whether a unit makes itself a new certificate where the key of one is missing: such a key is nothing to be kept. */
export function isMadeAnew({ name }: Kind): boolean {
  return name === 'webCertificate';
}

/** The private keys of a record, by their fields. */
export function privateKeysOf({ schema, secrets }: Kind, value: JsonObject): [field: string[], key: Json][] {
  return secrets
    .filter(field => schemaAt(schema, field)?.format === 'pem-private-key' && !field.includes('*'))
    .flatMap(field => {
      const key = valueAt(value, field);
      return key === undefined ? [] : [[field, key] as [string[], Json]];
    });
}
