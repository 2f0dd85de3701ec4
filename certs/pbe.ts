/** Decrypts what a passphrase protects in key files: PKCS#5 (RFC 8018), PKCS#12 (RFC 7292) and the PEM encryption of old. */
import { createDecipheriv, createHash } from 'node:crypto';
import { BadDer, type Der, expect, items, readCount, readOid, TAG } from './der.ts';
import {
  derive,
  type Passphrase,
  pkcs12Key,
  pkcs12Work,
  readDerivation,
  repeated,
  unknownAlgorithm,
} from './derive.ts';
import { decipherRc2 } from './rc2.ts';
import type { Work } from './work.ts';

interface Cipher {
  /** As Node calls it; `rc2` is not one of Node's. */
  name: string;
  keyBytes: number;
  ivBytes: number;
}

const AES = (bits: number): Cipher => ({ name: `aes-${bits}-cbc`, keyBytes: bits / 8, ivBytes: 16 });
const TRIPLE_DES: Cipher = { name: 'des-ede3-cbc', keyBytes: 24, ivBytes: 8 };
const DOUBLE_DES: Cipher = { name: 'des-ede-cbc', keyBytes: 16, ivBytes: 8 };
const DES: Cipher = { name: 'des-cbc', keyBytes: 8, ivBytes: 8 };
const RC2 = (bits: number): Cipher => ({ name: 'rc2', keyBytes: bits / 8, ivBytes: 8 });

const CIPHERS: Record<string, Cipher> = {
  '2.16.840.1.101.3.4.1.2': AES(128),
  '2.16.840.1.101.3.4.1.22': AES(192),
  '2.16.840.1.101.3.4.1.42': AES(256),
  '1.2.840.113549.3.7': TRIPLE_DES,
};
const PKCS12_CIPHERS: Record<string, Cipher> = {
  '1.2.840.113549.1.12.1.3': TRIPLE_DES,
  '1.2.840.113549.1.12.1.4': DOUBLE_DES,
  '1.2.840.113549.1.12.1.5': RC2(128),
  '1.2.840.113549.1.12.1.6': RC2(40),
};
const PBES1_HASHES: Record<string, string> = {
  '1.2.840.113549.1.5.3': 'md5',
  '1.2.840.113549.1.5.10': 'sha1',
};
const PEM_CIPHERS: Record<string, Cipher> = {
  'DES-CBC': DES,
  'DES-EDE3-CBC': TRIPLE_DES,
  'AES-128-CBC': AES(128),
  'AES-192-CBC': AES(192),
  'AES-256-CBC': AES(256),
};
const PBES2 = '1.2.840.113549.1.5.13';

/** What `decrypt` would claim. Throws BadDer or LockstepError. */
export function workOf(algorithm: Der): number {
  const [first, parameters] = items(algorithm, TAG.sequence);
  if (parameters === undefined) throw unknownAlgorithm(readOid(first));
  if (readOid(first) === PBES2) {
    const { derivation, cipher } = readPbes2(parameters);
    return readDerivation(derivation, cipher.keyBytes).work;
  }
  const rounds = readCount(items(parameters, TAG.sequence)[1]);
  const cipher = PKCS12_CIPHERS[readOid(first)];
  return cipher === undefined
    ? rounds
    : pkcs12Work('sha1', rounds, cipher.keyBytes) + pkcs12Work('sha1', rounds, cipher.ivBytes);
}

/** `algorithm` is the AlgorithmIdentifier that came with `data`. Undefined: the passphrase does not open it. Throws BadDer or LockstepError. */
export async function decrypt(
  algorithm: Der,
  data: Buffer,
  passphrase: Passphrase,
  work: Work,
): Promise<Buffer | undefined> {
  const [first, parameters] = items(algorithm, TAG.sequence);
  const id = readOid(first);
  if (parameters === undefined) throw unknownAlgorithm(id);
  if (id === PBES2) return await decryptPbes2(parameters, data, passphrase, work);
  const [saltDer, roundsDer] = items(parameters, TAG.sequence);
  const [salt, rounds] = [expect(saltDer, TAG.octetString).content, readCount(roundsDer)];
  const cipher = PKCS12_CIPHERS[id];
  if (cipher !== undefined) {
    const part = (purpose: number, bytes: number): Promise<Buffer> =>
      pkcs12Key('sha1', passphrase, { salt, rounds, purpose, bytes }, work);
    return await decipher(cipher, await part(1, cipher.keyBytes), await part(2, cipher.ivBytes), data);
  }
  const hash = PBES1_HASHES[id];
  if (hash === undefined) throw unknownAlgorithm(id);
  const derived = await repeated(rounds, Buffer.concat([passphrase.bytes, salt]), hash, work);
  return await decipher(DES, derived.subarray(0, 8), derived.subarray(8, 16), data);
}

async function decryptPbes2(
  parameters: Der,
  data: Buffer,
  passphrase: Passphrase,
  work: Work,
): Promise<Buffer | undefined> {
  const { derivation, cipher, iv } = readPbes2(parameters);
  const key = await derive(derivation, cipher.keyBytes, passphrase, work);
  return await decipher(cipher, key, iv, data);
}

function readPbes2(parameters: Der): { derivation: Der; cipher: Cipher; iv: Buffer } {
  const [derivation, encryption] = items(parameters, TAG.sequence);
  const [cipherId, iv] = items(expect(encryption, TAG.sequence));
  const cipher = CIPHERS[readOid(cipherId)];
  if (cipher === undefined) throw unknownAlgorithm(readOid(cipherId));
  return { derivation: expect(derivation, TAG.sequence), cipher, iv: expect(iv, TAG.octetString).content };
}

/** `info` is the value of the `DEK-Info` header: a cipher and its IV, which is the salt too. */
export async function decryptPem(
  info: string,
  data: Buffer,
  { bytes }: Passphrase,
): Promise<Buffer | undefined> {
  const [name = '', ivText = ''] = info.split(',');
  const cipher = PEM_CIPHERS[name.trim()];
  if (cipher === undefined) throw unknownAlgorithm(name.trim());
  const iv = Buffer.from(ivText.trim(), 'hex');
  let key = Buffer.alloc(0);
  for (let last = Buffer.alloc(0); key.length < cipher.keyBytes; key = Buffer.concat([key, last]))
    last = createHash('md5').update(last).update(bytes).update(iv.subarray(0, 8)).digest();
  return await decipher(cipher, key.subarray(0, cipher.keyBytes), iv, data);
}

async function decipher(
  { name, ivBytes }: Cipher,
  key: Buffer,
  iv: Buffer,
  data: Buffer,
): Promise<Buffer | undefined> {
  if (iv.length !== ivBytes) throw new BadDer('another length of IV');
  if (name === 'rc2') return await decipherRc2(key, iv, data);
  try {
    const [cipher, used] = forOpenSsl(name, key);
    const opened = createDecipheriv(cipher, used, iv);
    return Buffer.concat([opened.update(data), opened.final()]);
  } catch {
    return undefined;
  }
}

/** Single and double DES are triple DES with a key that repeats. */
function forOpenSsl(name: string, key: Buffer): [cipher: string, key: Buffer] {
  if (name === DES.name) return [TRIPLE_DES.name, Buffer.concat([key, key, key])];
  if (name === DOUBLE_DES.name) return [TRIPLE_DES.name, Buffer.concat([key, key.subarray(0, 8)])];
  return [name, key];
}
