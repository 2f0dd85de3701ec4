/** What kind of public key a certificate holds, and how strong it is. */
import type { KeyObject } from 'node:crypto';
import { type Der, items, readBits, readDer, readOid, TAG } from './der.ts';

export interface PublicKeyFacts {
  /** `rsa`, `ec`, `ed25519`, or the object identifier of another kind. */
  type: string;
  /** Size in bits, where it is known. */
  bits?: number;
  /** Of an EC key: `P-256`, `P-384`, `P-521`, or the object identifier of another curve. */
  curve?: string;
}

const CURVES: Record<string, { curve: string; bits: number }> = {
  '1.2.840.10045.3.1.7': { curve: 'P-256', bits: 256 },
  '1.3.132.0.34': { curve: 'P-384', bits: 384 },
  '1.3.132.0.35': { curve: 'P-521', bits: 521 },
};
const RSA = new Set(['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.10']);
const EC = '1.2.840.10045.2.1';
const ED25519 = '1.3.101.112';

/** Throws BadDer. */
export function readKeyFacts(der: Der): PublicKeyFacts {
  const [algorithm, key] = items(der);
  const [id, parameters] = items(algorithm as Der, TAG.sequence);
  const type = readOid(id);
  if (RSA.has(type)) return { type: 'rsa', bits: modulusBits(readBits(key)) };
  if (type === ED25519) return { type: 'ed25519', bits: 256 };
  if (type !== EC) return { type };
  const curve = parameters?.tag === TAG.oid ? readOid(parameters) : 'explicit parameters';
  return { type: 'ec', ...(CURVES[curve] ?? { curve }) };
}

function modulusBits(key: Buffer): number {
  const [modulus] = items(readDer(key, TAG.sequence), TAG.sequence);
  const digits = (modulus?.content.toString('hex') ?? '').replace(/^0+/, '');
  return digits === ''
    ? 0
    : (digits.length - 1) * 4 + Number.parseInt(digits[0] as string, 16).toString(2).length;
}

/**
 * Node leaves an error of OpenSSL behind when it compares keys of two kinds, and the next key that it reads is then taken for
 * unreadable: so kinds are compared first.
 */
export function isSameKey(one: KeyObject, other: KeyObject): boolean {
  return (
    one.asymmetricKeyType === other.asymmetricKeyType &&
    one.asymmetricKeyDetails?.namedCurve === other.asymmetricKeyDetails?.namedCurve &&
    one.equals(other)
  );
}
