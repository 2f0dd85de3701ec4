/** How certificates are signed, and whether a signature is that of a key. */
import { constants, type KeyObject, verify } from 'node:crypto';
import { BadDer, type Der, field, items, readCount, readOid, TAG } from './der.ts';

export interface SignatureAlgorithm {
  id: string;
  /** `sha256` and so on; undefined: none of its own, or unknown. */
  hash: string | undefined;
  /** The type of key that signs so, as Node calls it; undefined: nothing here can verify it. */
  keyType: 'rsa' | 'ec' | 'ed25519' | undefined;
  /** Of RSASSA-PSS. */
  saltBytes?: number;
}

const ALGORITHMS: Record<string, [hash: string | undefined, keyType: SignatureAlgorithm['keyType']]> = {
  '1.2.840.113549.1.1.2': ['md2', undefined],
  '1.2.840.113549.1.1.4': ['md5', 'rsa'],
  '1.2.840.113549.1.1.5': ['sha1', 'rsa'],
  '1.2.840.113549.1.1.14': ['sha224', 'rsa'],
  '1.2.840.113549.1.1.11': ['sha256', 'rsa'],
  '1.2.840.113549.1.1.12': ['sha384', 'rsa'],
  '1.2.840.113549.1.1.13': ['sha512', 'rsa'],
  '1.2.840.10045.4.1': ['sha1', 'ec'],
  '1.2.840.10045.4.3.1': ['sha224', 'ec'],
  '1.2.840.10045.4.3.2': ['sha256', 'ec'],
  '1.2.840.10045.4.3.3': ['sha384', 'ec'],
  '1.2.840.10045.4.3.4': ['sha512', 'ec'],
  '1.3.101.112': [undefined, 'ed25519'],
};
const HASHES: Record<string, string> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';

/** Throws BadDer. */
export function readSignature(der: Der): SignatureAlgorithm {
  const [first, parameters] = items(der, TAG.sequence);
  const id = readOid(first);
  if (id === PSS) return { id, ...readPss(parameters) };
  const [hash, keyType] = ALGORITHMS[id] ?? [undefined, undefined];
  return { id, hash, keyType };
}

/** RFC 4055, 3.1: SHA-1 where nothing is said. The two hashes are one, or nothing here can verify it. */
function readPss(parameters: Der | undefined): Omit<SignatureAlgorithm, 'id'> {
  if (parameters === undefined) throw new BadDer('no parameters');
  const at = (number: number): Der | undefined =>
    items(parameters, TAG.sequence).find(({ tag }) => tag === field(number, true));
  const [hashField, maskField, saltField] = [at(0), at(1), at(2)];
  const hash = hashField === undefined ? 'sha1' : hashOf(items(hashField)[0]);
  const [mask, maskHash] = maskField === undefined ? [] : items(items(maskField)[0] as Der, TAG.sequence);
  const isOneHash =
    mask === undefined ? hash === 'sha1' : readOid(mask) === MGF1 && hashOf(maskHash) === hash;
  return {
    hash,
    keyType: isOneHash && hash !== undefined ? 'rsa' : undefined,
    saltBytes: saltField === undefined ? 20 : readCount(items(saltField)[0]),
  };
}

function hashOf(der: Der | undefined): string | undefined {
  return der === undefined ? undefined : HASHES[readOid(items(der, TAG.sequence)[0])];
}

/** Whether `signature` is one over `signed` by the owner of `key`. */
export function isSignedBy(
  { signed, signature, algorithm }: { signed: Buffer; signature: Buffer; algorithm: SignatureAlgorithm },
  key: KeyObject,
): boolean {
  const { keyType, hash, saltBytes } = algorithm;
  const type = key.asymmetricKeyType === 'rsa-pss' ? 'rsa' : key.asymmetricKeyType;
  if (keyType === undefined || type !== keyType) return false;
  try {
    if (saltBytes === undefined) return verify(hash, signed, key, signature);
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return verify(hash, signed, { key, padding, saltLength: saltBytes }, signature);
  } catch {
    return false;
  }
}
