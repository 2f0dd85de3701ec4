/** What one file holds, whichever form it has. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { type Der, items, readDer, TAG } from './der.ts';
import { passphraseOf } from './derive.ts';
import { foreignForm } from './foreign-form.ts';
import { decryptPem, workOf } from './pbe.ts';
import { type PemBlock, pemBlocks } from './pem.ts';
import { openKey, readPkcs12 } from './pkcs12.ts';
import type { CertificateFile } from './read.ts';
import type { Work } from './work.ts';
import { CERTIFICATE_LABELS } from './x509.ts';

export interface FoundInFile {
  /** DER. */
  certificates: Buffer[];
  keys: KeyObject[];
}

const MAX_BYTES = 1024 * 1024;
const MAX_KEYS = 100;
const KEY_TYPES: Record<string, 'pkcs8' | 'pkcs1' | 'sec1'> = {
  'PRIVATE KEY': 'pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
};

/** Throws LockstepError; no message holds anything of the file but its name. And what `work` was ended with. */
export async function readFile(
  { name, bytes }: CertificateFile,
  passphrase: string | undefined,
  work: Work,
): Promise<FoundInFile> {
  if (bytes.length > MAX_BYTES)
    throw new LockstepError('too-large', `${name} has more than ${MAX_BYTES} bytes.`, {
      facts: { file: name },
    });
  const text = bytes.toString('latin1');
  if (text.trim() === '') return { certificates: [], keys: [] };
  try {
    return text.includes('-----BEGIN ')
      ? await readPem(text, { name, passphrase, work })
      : await readBinary(bytes, { name, passphrase, work });
  } catch (error) {
    work.goOn();
    throw error instanceof LockstepError ? error : unreadable(name, foreignForm(bytes));
  }
}

/** The file that is read, and how. */
interface Reading {
  name: string;
  passphrase: string | undefined;
  work: Work;
}

async function readPem(text: string, reading: Reading): Promise<FoundInFile> {
  const { name } = reading;
  const blocks = pemBlocks(text);
  if (blocks === undefined) throw unreadable(name, 'A PEM block of it is cut off.');
  assertFewKeys(blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).length);
  reading.work.assertRoom(blocks.reduce((sum, block) => sum + workOfBlock(block), 0));
  const found: FoundInFile = { certificates: [], keys: [] };
  for (const block of blocks) {
    const { label, bytes } = block;
    if (CERTIFICATE_LABELS.has(label)) {
      if (bytes === undefined) throw unreadable(name);
      found.certificates.push(bytes);
    } else if (label.endsWith('PRIVATE KEY')) found.keys.push(await readKeyBlock(block, reading));
  }
  if (blocks.some(({ label }) => label === 'PKCS7')) throw isPkcs7(name, '');
  if (blocks.some(({ label }) => label === 'TRUSTED CERTIFICATE')) throw isTrusted(name);
  if (blocks.some(({ label }) => label.endsWith('CERTIFICATE REQUEST')) && found.certificates.length === 0)
    throw missing(name, 'It holds a request for a certificate: give what the CA made of it.');
  return found;
}

/** What cannot be read costs nothing. */
function workOfBlock({ label, bytes }: PemBlock): number {
  if (label !== 'ENCRYPTED PRIVATE KEY' || bytes === undefined) return 0;
  try {
    return workOf(items(readDer(bytes, TAG.sequence))[0] as Der);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'too-large') throw error;
    return 0;
  }
}

async function readKeyBlock({ label, headers, bytes }: PemBlock, reading: Reading): Promise<KeyObject> {
  const { name, passphrase } = reading;
  if (bytes === undefined) throw badKey(name);
  if (label === 'ENCRYPTED PRIVATE KEY') return await readEncryptedKey(readBytes(bytes, name), reading);
  const type = KEY_TYPES[label];
  if (type === undefined) throw badKey(name, `It is a key of the form "${label}".`);
  const info = headers.get('DEK-Info');
  if (info === undefined) return keyOf(bytes, type, name);
  const opened = await opening(name, () => decryptPem(info, bytes, passphraseOf(needed(passphrase, name))));
  if (opened === undefined || !isSequence(opened)) throw wrongPassphrase(name);
  return keyOf(opened, type, name);
}

async function readBinary(bytes: Buffer, reading: Reading): Promise<FoundInFile> {
  const { name, passphrase, work } = reading;
  const form = formOf(bytes);
  if (form === 'certificate') return { certificates: [bytes], keys: [] };
  if (form === 'encrypted-key')
    return { certificates: [], keys: [await readEncryptedKey(readDer(bytes), reading)] };
  if (form === 'pkcs7') throw isPkcs7(name, ' -inform DER');
  if (form !== 'pfx') return { certificates: [], keys: [keyOf(bytes, form, name)] };
  const opened = await readPkcs12(bytes, passphrase, work);
  if (opened === undefined) throw passphrase === undefined ? passphraseNeeded(name) : wrongPassphrase(name);
  assertFewKeys(opened.keys.length);
  return { certificates: opened.certificates, keys: opened.keys.map(key => keyOf(key, 'pkcs8', name)) };
}

/** One is needed; each takes time to read. */
function assertFewKeys(count: number): void {
  if (count > MAX_KEYS)
    throw new LockstepError('keys-several', `The files hold ${count} private keys.`, {
      hint: 'Give the key that belongs to the certificate, and no other.',
    });
}

/** By the first elements; what is none of the others is taken for a PFX, which may be BER. */
function formOf(
  bytes: Buffer,
): 'certificate' | 'encrypted-key' | 'pkcs8' | 'pkcs1' | 'sec1' | 'pkcs7' | 'pfx' {
  let elements: Der[];
  try {
    elements = items(readDer(bytes, TAG.sequence));
  } catch {
    return 'pfx';
  }
  const [first, second] = elements.map(({ tag }) => tag);
  if (first === TAG.oid) return 'pkcs7';
  if (first === TAG.sequence) return second === TAG.octetString ? 'encrypted-key' : 'certificate';
  if (first === TAG.integer && second === TAG.integer) return 'pkcs1';
  if (first === TAG.integer && second === TAG.octetString) return 'sec1';
  const isKey = first === TAG.integer && second === TAG.sequence && elements[2]?.tag === TAG.octetString;
  return isKey ? 'pkcs8' : 'pfx';
}

async function readEncryptedKey(der: Der, { name, passphrase, work }: Reading): Promise<KeyObject> {
  const secret = passphraseOf(needed(passphrase, name));
  const opened = await opening(name, () => openKey(der, secret, work));
  if (opened === undefined) throw wrongPassphrase(name);
  return keyOf(opened, 'pkcs8', name);
}

/** What is not ours says nothing, since it may quote the key. */
async function opening<Value>(name: string, open: () => Promise<Value>): Promise<Value> {
  try {
    return await open();
  } catch (error) {
    throw error instanceof LockstepError ? error : badKey(name);
  }
}

function readBytes(bytes: Buffer, name: string): Der {
  try {
    return readDer(bytes);
  } catch {
    throw badKey(name);
  }
}

function isSequence(bytes: Buffer): boolean {
  try {
    return readDer(bytes).tag === TAG.sequence;
  } catch {
    return false;
  }
}

function keyOf(key: Buffer, type: 'pkcs8' | 'pkcs1' | 'sec1', name: string): KeyObject {
  try {
    return createPrivateKey({ key, format: 'der', type });
  } catch {
    throw badKey(name);
  }
}

function needed(passphrase: string | undefined, name: string): string {
  if (passphrase === undefined) throw passphraseNeeded(name);
  return passphrase;
}

function passphraseNeeded(file: string): LockstepError {
  return new LockstepError('passphrase-needed', `${file} is encrypted.`, {
    hint: 'Give its passphrase in a file: --passphrase-file FILE.',
    facts: { file },
  });
}

function wrongPassphrase(file: string): LockstepError {
  return new LockstepError('wrong-passphrase', `The passphrase does not open ${file}.`, {
    hint: 'Give the passphrase that the file was made with.',
    facts: { file },
  });
}

function badKey(file: string, why = 'It is damaged, or of a kind that is not known here.'): LockstepError {
  return new LockstepError('key-unreadable', `The private key in ${file} cannot be read.`, {
    hint: `${why} Give an RSA, ECDSA or Ed25519 key as PKCS#8, PKCS#1 or SEC1.`,
    facts: { file },
  });
}

function missing(file: string, hint: string): LockstepError {
  return new LockstepError('certificate-missing', `${file} holds no certificate.`, { hint, facts: { file } });
}

/** What CAs of Windows hand out: certificates without a key. */
function isPkcs7(file: string, form: string): LockstepError {
  return unreadable(file, `It is PKCS#7: openssl pkcs7${form} -print_certs makes PEM of it.`);
}

/** The certificate with what one machine trusts it for behind it; `-trustout` makes it. */
function isTrusted(file: string): LockstepError {
  return unreadable(
    file,
    'It is a TRUSTED CERTIFICATE, with settings of OpenSSL behind the certificate: openssl x509 -in FILE -out NEW.pem makes a plain one.',
  );
}

function unreadable(file: string, why = 'It is damaged, or of another form.'): LockstepError {
  return new LockstepError('certificate-unreadable', `${file} holds nothing that can be read.`, {
    hint: `${why} Give PEM, DER or PFX.`,
    facts: { file },
  });
}
