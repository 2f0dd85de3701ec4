/**
 * Decrypts what a passphrase protects in key files: PKCS#5 (RFC 8018), scrypt (RFC 7914), PKCS#12 (RFC 7292, appendix B) and the
 * PEM encryption of old. A file says itself how much work it wants, so that is capped.
 */
import { createDecipheriv, createHash, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { LockstepError } from '../schema/error.ts';
import { pauses } from '../store/event-loop.ts';
import { BadDer, type Der, expect, items, readCount, readOid, TAG } from './der.ts';
import { decipherRc2 } from './rc2.ts';

/** About a second of work; Firefox, which asks for the most, wants 600,000. */
const MOST_ROUNDS = 1_000_000;
/** Of scrypt, in bytes: 128 · N · r, once for each of `p`. */
const MOST_SCRYPT = 64 * 1024 * 1024;
const MOST_SCRYPT_LANES = 16;

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
const PRFS: Record<string, string> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';

/** `algorithm` is the AlgorithmIdentifier that came with `data`. Undefined: the passphrase does not open it. Throws BadDer or LockstepError. */
export async function decrypt(
  algorithm: Der,
  data: Buffer,
  passphrase: Passphrase,
): Promise<Buffer | undefined> {
  const [first, parameters] = items(algorithm, TAG.sequence);
  const id = readOid(first);
  if (parameters === undefined) throw unknownCipher(id);
  if (id === PBES2) return await decryptPbes2(parameters, data, passphrase);
  const [salt, rounds] = items(parameters, TAG.sequence);
  const given = { salt: expect(salt, TAG.octetString).content, rounds: capped(readCount(rounds)) };
  const cipher = PKCS12_CIPHERS[id];
  if (cipher !== undefined) {
    const key = await pkcs12Key('sha1', passphrase, { ...given, purpose: 1, bytes: cipher.keyBytes });
    const iv = await pkcs12Key('sha1', passphrase, { ...given, purpose: 2, bytes: cipher.ivBytes });
    return await decipher(cipher, key, iv, data);
  }
  const hash = PBES1_HASHES[id];
  if (hash === undefined) throw unknownCipher(id);
  const derived = await repeated(given.rounds, Buffer.concat([passphrase.bytes, given.salt]), hash);
  return await decipher(DES, derived.subarray(0, 8), derived.subarray(8, 16), data);
}

/** The forms in which a passphrase is hashed. */
export interface Passphrase {
  /** UTF-8. */
  bytes: Buffer;
  /** UTF-16, big-endian, two zero bytes at the end; empty for a file that was made without any. */
  wide: Buffer;
}

export function passphraseOf(text: string): Passphrase {
  return { bytes: Buffer.from(text), wide: Buffer.from(`${text}\0`, 'utf16le').swap16() };
}

/** RFC 7292, B.2. `purpose`: 1 a key, 2 an IV, 3 an authentication code. */
export async function pkcs12Key(
  hash: string,
  { wide }: Passphrase,
  { salt, rounds, purpose, bytes }: { salt: Buffer; rounds: number; purpose: number; bytes: number },
): Promise<Buffer> {
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const filled = (source: Buffer): Buffer => {
    const length = block * Math.ceil(source.length / block);
    return length === 0 ? source : Buffer.alloc(length, source);
  };
  const input = Buffer.concat([filled(salt), filled(wide)]);
  const blocks: Buffer[] = [];
  for (let have = 0; have < bytes; ) {
    const digest = await repeated(capped(rounds), Buffer.concat([Buffer.alloc(block, purpose), input]), hash);
    blocks.push(digest);
    have += digest.length;
    const addend = Buffer.alloc(block, digest);
    for (let at = 0; at < input.length; at += block) addPlusOne(input.subarray(at, at + block), addend);
  }
  return Buffer.concat(blocks).subarray(0, bytes);
}

/** `target` becomes itself + `addend` + 1; what does not fit is dropped. */
function addPlusOne(target: Buffer, addend: Buffer): void {
  let carry = 1;
  for (let at = target.length - 1; at >= 0; at -= 1) {
    carry += (target[at] as number) + (addend[at] as number);
    target[at] = carry & 0xff;
    carry >>= 8;
  }
}

/** The hash of the hash of … `source`; others get their turn meanwhile. */
async function repeated(rounds: number, source: Buffer, hash: string): Promise<Buffer> {
  const rest = pauses();
  let digest = source;
  for (let round = 0; round < rounds; round += 1) {
    digest = createHash(hash).update(digest).digest();
    if (round % 256 === 255) await rest();
  }
  return digest;
}

async function decryptPbes2(
  parameters: Der,
  data: Buffer,
  passphrase: Passphrase,
): Promise<Buffer | undefined> {
  const [derivation, encryption] = items(parameters, TAG.sequence);
  const [cipherId, iv] = items(expect(encryption, TAG.sequence));
  const cipher = CIPHERS[readOid(cipherId)];
  if (cipher === undefined) throw unknownCipher(readOid(cipherId));
  const key = await derive(expect(derivation, TAG.sequence), cipher.keyBytes, passphrase);
  return await decipher(cipher, key, expect(iv, TAG.octetString).content, data);
}

async function derive(derivation: Der, bytes: number, passphrase: Passphrase): Promise<Buffer> {
  const [first, parameters] = items(derivation);
  const id = readOid(first);
  const [saltDer, ...fields] = items(expect(parameters, TAG.sequence));
  const salt = expect(saltDer, TAG.octetString).content;
  if (id === PBKDF2) {
    const prf = fields.find(({ tag }) => tag === TAG.sequence);
    const prfId = prf === undefined ? '1.2.840.113549.2.7' : readOid(items(prf)[0]);
    const hash = PRFS[prfId];
    if (hash === undefined) throw unknownCipher(prfId);
    return await promisify(pbkdf2)(passphrase.bytes, salt, capped(readCount(fields[0])), bytes, hash);
  }
  if (id !== SCRYPT) throw unknownCipher(id);
  const [N = 0, r = 0, p = 0] = fields.slice(0, 3).map(readCount);
  if (128 * N * r > MOST_SCRYPT || p > MOST_SCRYPT_LANES) throw tooMuch();
  const options = { N, r, p, maxmem: 2 * MOST_SCRYPT };
  return await new Promise((resolve, reject) =>
    scrypt(passphrase.bytes, salt, bytes, options, (error, key) =>
      error === null ? resolve(key) : reject(new BadDer('no scrypt')),
    ),
  );
}

/** `info` is the value of the `DEK-Info` header: a cipher and its IV, which is the salt too. */
export async function decryptPem(
  info: string,
  data: Buffer,
  { bytes }: Passphrase,
): Promise<Buffer | undefined> {
  const [name = '', ivText = ''] = info.split(',');
  const cipher = PEM_CIPHERS[name.trim()];
  if (cipher === undefined) throw unknownCipher(name.trim());
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

function capped(rounds: number): number {
  if (rounds < 1 || rounds > MOST_ROUNDS) throw tooMuch();
  return rounds;
}

function tooMuch(): LockstepError {
  return new LockstepError('too-large', 'The file asks for more work to derive its key than is done here.', {
    hint: `Encrypt it again with ${MOST_ROUNDS} rounds or fewer.`,
  });
}

function unknownCipher(id: string): LockstepError {
  return new LockstepError('key-unreadable', 'The file is encrypted in a way that is not known here.', {
    hint: 'Encrypt it again with AES, or give it unencrypted.',
    facts: { algorithm: id.slice(0, 40) },
  });
}
