/** Ed25519 keys in the formats of OpenSSH (PROTOCOL.key, RFC 8709), and the file that a unit keeps one in. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { writeDurable } from '../../host/durable-file.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';

export interface KeyPair {
  /** `-----BEGIN OPENSSH PRIVATE KEY-----`, without a passphrase, ending in a newline. */
  private: string;
  /** `ssh-ed25519 AAAA… comment` */
  public: string;
}

const TYPE = 'ssh-ed25519';
const KEY_BYTES = 32;
/** Every Ed25519 public key begins with these 19 bytes and has 51 in all. */
const BLOB_PREFIX = Buffer.concat([sshString(Buffer.from(TYPE)), uint32(KEY_BYTES)]);
const BLOB_BYTES = BLOB_PREFIX.length + KEY_BYTES;
const MAGIC = Buffer.from('openssh-key-v1\0');
const PEM =
  /^-----BEGIN OPENSSH PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END OPENSSH PRIVATE KEY-----\s*$/;
const MAX_KEY_FILE_BYTES = 16 * 1024;

/**
 * A new key pair. Made here and not by ssh2, whose generator strips leading zero bytes: one key in 256 is unreadable
 * (mscdex/ssh2 issue 1390).
 */
export function generateKeyPair(comment = 'lockstep'): KeyPair {
  const { publicKey, seed, blob } = partsOf(generateKeyPairSync('ed25519').privateKey);
  return { private: privatePem(blob, publicKey, seed, comment), public: publicLine(blob, comment) };
}

/** Whether the bytes are an Ed25519 public key in its one and only encoding. */
export function isEd25519Blob(blob: Buffer): boolean {
  return blob.length === BLOB_BYTES && blob.subarray(0, BLOB_PREFIX.length).equals(BLOB_PREFIX);
}

/** The key inside a public key line. Throws `bad-usage` when it is not exactly one Ed25519 key. */
export function publicBlob(line: string): Buffer {
  const [type, encoded] = line.trim().split(/[ \t]+/);
  const blob = Buffer.from(encoded ?? '', 'base64');
  if (type === TYPE && isEd25519Blob(blob) && blob.toString('base64') === encoded) return blob;
  throw new LockstepError('bad-usage', 'This is not an Ed25519 public key.', {
    hint: 'A key is one line: ssh-ed25519 AAAA… comment.',
  });
}

/** `ssh-ed25519 AAAA… comment` for a key of the wire. */
export function publicLine(blob: Buffer, comment = ''): string {
  return `${TYPE} ${blob.toString('base64')} ${comment}`.trim();
}

/** `SHA256:…` as `ssh-keygen -l` prints it, of a blob or a public key line. Throws `bad-usage` for a bad line. */
export function fingerprint(key: Buffer | string): string {
  const blob = typeof key === 'string' ? publicBlob(key) : key;
  return fingerprintOfHash(createHash('sha256').update(blob).digest());
}

/** The fingerprint of a key of which only the SHA-256 is known. */
export function fingerprintOfHash(hash: Buffer): string {
  return `SHA256:${hash.toString('base64').replace(/=+$/, '')}`;
}

/** The pair of a private key file's text. Throws `damaged-store` naming `source` and what is wrong, never the content. */
export function parsePrivateKey(text: string, source: string): KeyPair {
  const body = PEM.exec(text)?.[1];
  if (body === undefined) throw badKey(source, 'it has no OpenSSH private key in it');
  const { blob, comment } = readContainer(Buffer.from(body, 'base64'), source);
  return { private: text, public: publicLine(blob, comment) };
}

/**
 * A private key of PKCS #8, PKCS #1, SEC 1 (PEM) or OpenSSH as ssh2 reads it, which knows no PKCS #8. Throws `bad-usage` for text that is no
 * such key, without quoting it.
 */
export function openSshKey(pem: string): string {
  if (/^-----BEGIN OPENSSH PRIVATE KEY-----/.test(pem)) return pem; // ssh2 says what is wrong with it, if anything is
  const key = readKey(pem);
  if (key?.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  if (key?.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  if (key?.asymmetricKeyType === 'ed25519') {
    const { publicKey, seed, blob } = partsOf(key);
    return privatePem(blob, publicKey, seed, '');
  }
  throw new LockstepError('bad-usage', 'The private key is not an Ed25519, ECDSA or RSA key in PEM.');
}

/** Ed25519 signature with the private key of a pair. Whoever calls this sees to it that the bytes cannot be anything else that the key signs. */
export function signBytes(pair: KeyPair, bytes: Buffer): Buffer {
  const body = PEM.exec(pair.private)?.[1] ?? '';
  const { blob, seed } = readContainer(Buffer.from(body, 'base64'), 'the key');
  const x = blob.subarray(BLOB_PREFIX.length).toString('base64url');
  const jwk = { kty: 'OKP', crv: 'Ed25519', x, d: seed.toString('base64url') };
  return sign(null, bytes, createPrivateKey({ key: jwk, format: 'jwk' }));
}

/** Whether `signature` was made over `bytes` by the owner of a public key line. Throws `bad-usage` for a bad line. */
export function isSignature(line: string, bytes: Buffer, signature: Buffer): boolean {
  const x = publicBlob(line).subarray(BLOB_PREFIX.length).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return signature.length === 64 && verify(null, bytes, key, signature);
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function partsOf(key: KeyObject): { publicKey: Buffer; seed: Buffer; blob: Buffer } {
  const jwk = key.export({ format: 'jwk' });
  const publicKey = Buffer.from(String(jwk.x), 'base64url');
  const seed = Buffer.from(String(jwk.d), 'base64url');
  return { publicKey, seed, blob: Buffer.concat([BLOB_PREFIX, publicKey]) };
}

/**
 * The key pair of `file`; made when there is none: mode 0600 whatever the umask, and on disk when this resolves.
 * The folder must exist. Throws `lax-permissions` when others may read it, `damaged-store` when it holds no usable
 * key, `disk` when it cannot be written.
 */
export async function loadOrCreateKey(file: string, comment?: string): Promise<KeyPair> {
  const text = await readPrivate(file);
  if (text !== undefined) return parsePrivateKey(text, file);
  const pair = generateKeyPair(comment);
  try {
    await writeDurable(file, pair.private);
  } catch (error) {
    throw cannotWrite(file, error);
  }
  return pair;
}

async function readPrivate(file: string): Promise<string | undefined> {
  const handle = await openExisting(file);
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    const { mode, size } = stats;
    if ((mode & 0o077) !== 0) throw laxPermissions(file, mode);
    if (!stats.isFile()) throw badKey(file, 'it is not a file');
    if (size > MAX_KEY_FILE_BYTES) throw badKey(file, `it has ${size} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Asks the open file about its mode, not the name, so that nobody can swap it in between. */
async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw badKey(file, (error as Error).message);
  }
}

function privatePem(blob: Buffer, publicKey: Buffer, seed: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    blob,
    sshString(Buffer.concat([seed, publicKey])),
    sshString(Buffer.from(comment)),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const none = sshString(Buffer.from('none'));
  const container = Buffer.concat([
    MAGIC,
    none,
    none,
    sshString(Buffer.alloc(0)),
    uint32(1),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = container.toString('base64').replace(/.{70}(?=.)/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function readContainer(data: Buffer, source: string): { blob: Buffer; seed: Buffer; comment: string } {
  if (!data.subarray(0, MAGIC.length).equals(MAGIC))
    throw badKey(source, 'its content is not an OpenSSH key');
  const outer = new Reader(data.subarray(MAGIC.length), source);
  const cipher = outer.string().toString('latin1');
  if (cipher !== 'none') throw badKey(source, 'it is protected by a passphrase, which a service cannot type');
  outer.string();
  outer.string();
  if (outer.uint32() !== 1) throw badKey(source, 'it does not hold exactly one key');
  const blob = outer.string();
  if (!isEd25519Blob(blob)) throw badKey(source, 'it is not an Ed25519 key');
  return { blob, ...readSecret(new Reader(outer.string(), source), blob, source) };
}

/** Checks that the secret part belongs to the public one. */
function readSecret(secret: Reader, blob: Buffer, source: string): { seed: Buffer; comment: string } {
  const check = secret.uint32();
  if (secret.uint32() !== check) throw badKey(source, 'its check numbers differ');
  secret.string();
  const publicKey = secret.string();
  const both = secret.string();
  const expected = blob.subarray(BLOB_PREFIX.length);
  if (
    both.length !== 2 * KEY_BYTES ||
    !publicKey.equals(expected) ||
    !both.subarray(KEY_BYTES).equals(expected)
  ) {
    throw badKey(source, 'its private and public parts do not belong together');
  }
  return { seed: both.subarray(0, KEY_BYTES), comment: secret.string().toString('utf8') };
}

/** Reads RFC 4251 fields; a field that runs past the end is a damaged key. */
class Reader {
  #at = 0;
  readonly #data: Buffer;
  readonly #source: string;

  constructor(data: Buffer, source: string) {
    this.#data = data;
    this.#source = source;
  }

  uint32(): number {
    if (this.#at + 4 > this.#data.length) throw badKey(this.#source, 'it is cut short');
    this.#at += 4;
    return this.#data.readUInt32BE(this.#at - 4);
  }

  string(): Buffer {
    const length = this.uint32();
    if (this.#at + length > this.#data.length) throw badKey(this.#source, 'it is cut short');
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}

function sshString(data: Buffer): Buffer {
  return Buffer.concat([uint32(data.length), data]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function laxPermissions(file: string, mode: number): LockstepError {
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return new LockstepError(
    'lax-permissions',
    `Other users can read the private key ${file} (mode ${shown}).`,
    {
      hint: `chmod 600 ${file}`,
      facts: { file, mode: shown },
    },
  );
}

function badKey(source: string, why: string): LockstepError {
  return new LockstepError('damaged-store', `${source} cannot be used as a private key: ${why}.`, {
    hint: 'Bring the file back from a copy. With a new key the units have to be paired again.',
    facts: { file: source },
  });
}

function cannotWrite(file: string, error: unknown): LockstepError {
  const cause = asLockstepError(error);
  if (cause.code === 'disk') return cause;
  const errno = (error as NodeJS.ErrnoException).code;
  return new LockstepError('disk', `The key ${file} cannot be written: ${cause.message}.`, {
    facts: { file, errno },
  });
}
