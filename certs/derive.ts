/** Keys from passphrases: PBKDF2 (RFC 8018), scrypt (RFC 7914), and what PKCS#12 (RFC 7292, appendix B) and PKCS#5 had before. */
import { hash as hashOnce, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { pauses } from '../host/event-loop.ts';
import { LockstepError } from '../schema/error.ts';
import { BadDer, type Der, expect, items, readCount, readOid, TAG } from './der.ts';
import { MAX_ROUNDS, tooMuch, type Work } from './work.ts';

/** Of scrypt, in bytes: 128 · N · r, once for each of `p`. */
const MAX_SCRYPT = 64 * 1024 * 1024;
const MAX_SCRYPT_LANES = 16;
/** A round in JavaScript takes three times as long as one of PBKDF2 in OpenSSL. */
const OWN_ROUND = 3;
const HASH_BYTES: Record<string, number> = {
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

export const HMACS: Record<string, string> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';

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

export function pkcs12Work(hash: string, rounds: number, bytes: number): number {
  return OWN_ROUND * rounds * Math.ceil(bytes / (HASH_BYTES[hash] ?? 1));
}

/** RFC 7292, B.2. `purpose`: 1 a key, 2 an IV, 3 an authentication code. */
export async function pkcs12Key(
  hash: string,
  { wide }: Passphrase,
  { salt, rounds, purpose, bytes }: { salt: Buffer; rounds: number; purpose: number; bytes: number },
  work: Work,
): Promise<Buffer> {
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const filled = (source: Buffer): Buffer => {
    const length = block * Math.ceil(source.length / block);
    return length === 0 ? source : Buffer.alloc(length, source);
  };
  const input = Buffer.concat([filled(salt), filled(wide)]);
  const blocks: Buffer[] = [];
  for (let have = 0; have < bytes; ) {
    const digest = await repeated(rounds, Buffer.concat([Buffer.alloc(block, purpose), input]), hash, work);
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
export async function repeated(rounds: number, source: Buffer, hash: string, work: Work): Promise<Buffer> {
  work.claim(OWN_ROUND * capped(rounds));
  const rest = pauses();
  let digest = source;
  for (let round = 0; round < rounds; round += 1) {
    digest = hashOnce(hash, digest, 'buffer');
    if (round % 256 !== 255) continue;
    await rest();
    work.goOn();
  }
  return digest;
}

/** What a file says of a derivation; `bytes` are wanted. */
interface Derivation {
  work: number;
  /** Of PBKDF2: how many bytes the file wants. */
  bytes?: number;
  run(passphrase: Passphrase): Promise<Buffer>;
}

/** `derivation` is an AlgorithmIdentifier. Throws BadDer or LockstepError. */
export async function derive(
  derivation: Der,
  bytes: number,
  passphrase: Passphrase,
  work: Work,
): Promise<Buffer> {
  const read = readDerivation(derivation, bytes);
  work.claim(read.work);
  const key = await read.run(passphrase);
  work.goOn();
  return key;
}

export function readDerivation(derivation: Der, bytes: number): Derivation {
  const [first, parameters] = items(derivation);
  const id = readOid(first);
  const [saltDer, ...fields] = items(expect(parameters, TAG.sequence));
  const salt = expect(saltDer, TAG.octetString).content;
  if (id === PBKDF2) return readPbkdf2(salt, fields, bytes);
  if (id !== SCRYPT) throw unknownAlgorithm(id);
  const [N = 0, r = 0, p = 0] = fields.slice(0, 3).map(readCount);
  if (128 * N * r > MAX_SCRYPT || p > MAX_SCRYPT_LANES) throw tooMuch();
  const options = { N, r, p, maxmem: 2 * MAX_SCRYPT };
  const run = ({ bytes: secret }: Passphrase): Promise<Buffer> =>
    new Promise((resolve, reject) =>
      scrypt(secret, salt, bytes, options, (error, key) =>
        error === null ? resolve(key) : reject(new BadDer('no scrypt')),
      ),
    );
  return { work: N * r * p, run };
}

function readPbkdf2(salt: Buffer, fields: Der[], bytes: number): Derivation {
  const rounds = capped(readCount(fields[0]));
  const length = fields[1]?.tag === TAG.integer ? readCount(fields[1]) : undefined;
  const prf = fields.find(({ tag }) => tag === TAG.sequence);
  const prfId = prf === undefined ? '1.2.840.113549.2.7' : readOid(items(prf)[0]);
  const hash = HMACS[prfId];
  if (hash === undefined) throw unknownAlgorithm(prfId);
  return {
    work: rounds * Math.ceil(bytes / (HASH_BYTES[hash] ?? 1)),
    ...(length === undefined ? {} : { bytes: length }),
    run: passphrase => promisify(pbkdf2)(passphrase.bytes, salt, rounds, bytes, hash),
  };
}

function capped(rounds: number): number {
  if (rounds < 1 || rounds > MAX_ROUNDS) throw tooMuch();
  return rounds;
}

export function unknownAlgorithm(id: string): LockstepError {
  return new LockstepError('key-unreadable', 'The file is encrypted in a way that is not known here.', {
    hint: 'Encrypt it again with AES, or give it unencrypted.',
    facts: { algorithm: id.slice(0, 40) },
  });
}
