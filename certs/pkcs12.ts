/** PKCS#12 (PFX) files: RFC 7292. */
import { derOfBer } from './ber.ts';
import { BadDer, type Der, expect, field, items, readCount, readDer, readOid, TAG } from './der.ts';
import { type Passphrase, passphraseOf } from './derive.ts';
import { decrypt, workOf } from './pbe.ts';
import { readMac } from './pkcs12-mac.ts';
import type { Work } from './work.ts';

interface Pkcs12 {
  /** DER. */
  certificates: Buffer[];
  /** DER of PKCS#8, unencrypted. */
  keys: Buffer[];
}

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const BAG = '1.2.840.113549.1.12.10.1';
const MAX_NESTED_BAGS = 8;
/** What programs do where somebody gave no passphrase: an empty text, or none at all. */
const WITHOUT: Passphrase[] = [passphraseOf(''), { bytes: Buffer.alloc(0), wide: Buffer.alloc(0) }];

/**
 * Undefined: the passphrase does not open it, or it needs one and none is given. What it would cost is added up before anything is derived.
 * Throws BadDer or LockstepError.
 */
export async function readPkcs12(
  bytes: Buffer,
  passphrase: string | undefined,
  work: Work,
): Promise<Pkcs12 | undefined> {
  const [version, content, macData] = items(readDer(derOfBer(bytes), TAG.sequence));
  if (readCount(version) !== 3) throw new BadDer('no PFX');
  const [type, safe] = items(expect(content, TAG.sequence));
  if (readOid(type) !== DATA) throw new BadDer('a PFX that is signed by a key');
  const safes = octetsIn(safe);
  const mac = macData === undefined ? undefined : readMac(macData);
  const parts = readParts(safes);
  work.assertRoom((mac?.work ?? 0) + workOfParts(parts));
  for (const each of passphrase === undefined ? WITHOUT : [passphraseOf(passphrase)]) {
    if (mac !== undefined && !(await mac.fits(safes, each, work))) continue;
    const found = await openParts(parts, each, work);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The one octet string in an explicit field. */
function octetsIn(der: Der | undefined): Buffer {
  const [string] = items(expect(der, field(0, true)));
  return expect(string, TAG.octetString).content;
}

/** What is encrypted, and how; certificates and keys that are not, as DER. */
type Encrypted = { algorithm: Der; data: Buffer };
type Part = { bags: Buffer } | Encrypted;

/** NSS writes the parts in BER too, where others write DER. */
function readParts(safes: Buffer): Part[] {
  return items(readDer(derOfBer(safes), TAG.sequence)).map(safe => {
    const [type, content] = items(safe, TAG.sequence);
    const id = readOid(type);
    if (id === DATA) return { bags: octetsIn(content) };
    if (id !== ENCRYPTED_DATA) throw new BadDer('an unknown part');
    const [, encrypted] = items(items(expect(content, field(0, true)))[0] as Der, TAG.sequence);
    const [, algorithm, data] = items(expect(encrypted, TAG.sequence));
    return { algorithm: expect(algorithm, TAG.sequence), data: dataOf(data) };
  });
}

/** What opening everything that can be seen from outside would cost. */
function workOfParts(parts: Part[]): number {
  let sum = 0;
  for (const part of parts) {
    if ('bags' in part) for (const { algorithm } of readBags(part.bags).encrypted) sum += workOf(algorithm);
    else sum += workOf(part.algorithm);
  }
  return sum;
}

async function openParts(parts: Part[], passphrase: Passphrase, work: Work): Promise<Pkcs12 | undefined> {
  const found: Pkcs12 = { certificates: [], keys: [] };
  for (const part of parts) {
    const opened = 'bags' in part ? part.bags : await open(part, passphrase, work);
    if (opened === undefined) return undefined;
    const { certificates, keys, encrypted } = readBags(opened);
    found.certificates.push(...certificates);
    found.keys.push(...keys);
    work.assertRoom(encrypted.reduce((sum, { algorithm }) => sum + workOf(algorithm), 0));
    for (const each of encrypted) {
      const key = await open(each, passphrase, work);
      if (key === undefined) return undefined;
      found.keys.push(key);
    }
  }
  return found;
}

/** In one piece, or in the several that BER allows. */
function dataOf(data: Der | undefined): Buffer {
  if (data?.tag === field(0, false)) return data.content;
  return Buffer.concat(items(expect(data, field(0, true)), undefined).map(({ content }) => content));
}

/** A wrong passphrase may leave padding that looks right, but nothing that can be read. */
async function open(
  { algorithm, data }: Encrypted,
  passphrase: Passphrase,
  work: Work,
): Promise<Buffer | undefined> {
  const opened = await decrypt(algorithm, data, passphrase, work);
  if (opened === undefined) return undefined;
  try {
    return readDer(derOfBer(opened), TAG.sequence).whole;
  } catch {
    return undefined;
  }
}

interface Bags extends Pkcs12 {
  /** Keys that are not open yet. */
  encrypted: Encrypted[];
}

function readBags(
  bags: Buffer,
  found: Bags = { certificates: [], keys: [], encrypted: [] },
  depth = 0,
): Bags {
  if (depth > MAX_NESTED_BAGS) throw new BadDer('too many bags in bags');
  for (const bag of items(readDer(derOfBer(bags), TAG.sequence))) {
    const [type, wrapped] = items(bag, TAG.sequence);
    const [value] = items(expect(wrapped, field(0, true)));
    if (value === undefined) throw new BadDer('an empty bag');
    const id = readOid(type);
    if (id === `${BAG}.1`) found.keys.push(value.whole);
    else if (id === `${BAG}.2`) found.encrypted.push(encryptedKey(value));
    else if (id === `${BAG}.3`) found.certificates.push(...certificateIn(value));
    else if (id === `${BAG}.6`) readBags(value.whole, found, depth + 1);
  }
  return found;
}

function certificateIn(bag: Der): Buffer[] {
  const [type, value] = items(bag, TAG.sequence);
  return readOid(type) === X509_CERTIFICATE ? [octetsIn(value)] : [];
}

function encryptedKey(der: Der): Encrypted {
  const [algorithm, data] = items(der, TAG.sequence);
  return { algorithm: expect(algorithm, TAG.sequence), data: expect(data, TAG.octetString).content };
}

/** EncryptedPrivateKeyInfo of PKCS#8, to PrivateKeyInfo; both DER. Undefined: the passphrase does not open it. */
export async function openKey(der: Der, passphrase: Passphrase, work: Work): Promise<Buffer | undefined> {
  return await open(encryptedKey(der), passphrase, work);
}
