import { createHmac } from 'node:crypto';
import { canonicalize, type Json, type JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { MASK, mapSecrets } from '../schema/record.ts';

const KEYED = new RegExp(`^${MASK.replaceAll('*', '\\*')}#[0-9a-f]{64}$`);

/** A hash that says nothing outside of the audit whose nonce it was made with. */
export function keyedHash(nonce: string, value: Json): string {
  return createHmac('sha256', Buffer.from(nonce, 'hex')).update(canonicalize(value)).digest('hex');
}

/** `value` with each secret replaced by its keyed hash: equal secrets are seen to be equal, and nothing else. */
export function withKeyedSecrets(kind: Kind, value: JsonObject, nonce: string): JsonObject {
  return mapSecrets(kind, value, secret => `${MASK}#${keyedHash(nonce, secret)}`);
}

function isKeyed(value: Json | undefined): boolean {
  return typeof value === 'string' && KEYED.test(value);
}

/** Whether a keyed hash stands anywhere in it. */
export function holdsKeyed(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return isKeyed(value);
  return Object.values(value).some(item => holdsKeyed(item as Json));
}
