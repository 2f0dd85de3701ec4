/** PKCS#12 (PFX) files: RFC 7292. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { derOfBer } from './ber.ts';
import { BadDer, type Der, expect, field, items, readCount, readDer, readOid, TAG } from './der.ts';
import { decrypt, type Passphrase, passphraseOf, pkcs12Key } from './pbe.ts';

export interface Pkcs12 {
  /** DER. */
  certificates: Buffer[];
  /** DER of PKCS#8, unencrypted. */
  keys: Buffer[];
}

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const BAG = '1.2.840.113549.1.12.10.1';
const MOST_NESTED_BAGS = 8;
const HASHES: Record<string, string> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** What programs do where somebody gave no passphrase: an empty text, or none at all. */
const WITHOUT: Passphrase[] = [passphraseOf(''), { bytes: Buffer.alloc(0), wide: Buffer.alloc(0) }];

/** Undefined: the passphrase does not open it, or it needs one and none is given. Throws BadDer or LockstepError. */
export async function readPkcs12(bytes: Buffer, passphrase: string | undefined): Promise<Pkcs12 | undefined> {
  const [version, content, mac] = items(readDer(derOfBer(bytes), TAG.sequence));
  if (readCount(version) !== 3) throw new BadDer('no PFX');
  const [type, safe] = items(expect(content, TAG.sequence));
  if (readOid(type) !== DATA) throw new BadDer('a PFX that is signed by a key');
  const safes = octetsIn(safe);
  for (const each of passphrase === undefined ? WITHOUT : [passphraseOf(passphrase)]) {
    if (mac !== undefined && !(await isAuthentic(mac, safes, each))) continue;
    const found = await readSafes(safes, each);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The one octet string in an explicit field. */
function octetsIn(der: Der | undefined): Buffer {
  const [string] = items(expect(der, field(0, true)));
  return expect(string, TAG.octetString).content;
}

async function isAuthentic(mac: Der, safes: Buffer, passphrase: Passphrase): Promise<boolean> {
  const [info, salt, rounds] = items(mac, TAG.sequence);
  const [algorithm, digest] = items(expect(info, TAG.sequence));
  const hash = HASHES[readOid(items(expect(algorithm, TAG.sequence))[0])];
  if (hash === undefined) throw new BadDer('an unknown hash');
  const expected = expect(digest, TAG.octetString).content;
  const key = await pkcs12Key(hash, passphrase, {
    salt: expect(salt, TAG.octetString).content,
    rounds: rounds === undefined ? 1 : readCount(rounds),
    purpose: 3,
    bytes: createHmac(hash, '').digest().length,
  });
  const found = createHmac(hash, key).update(safes).digest();
  return found.length === expected.length && timingSafeEqual(found, expected);
}

async function readSafes(safes: Buffer, passphrase: Passphrase): Promise<Pkcs12 | undefined> {
  const found: Pkcs12 = { certificates: [], keys: [] };
  for (const safe of items(readDer(safes, TAG.sequence))) {
    const [type, content] = items(safe, TAG.sequence);
    const id = readOid(type);
    if (id !== DATA && id !== ENCRYPTED_DATA) throw new BadDer('an unknown part');
    const bags = id === DATA ? octetsIn(content) : await openSafe(content, passphrase);
    if (bags === undefined || !(await readBags(bags, passphrase, found, 0))) return undefined;
  }
  return found;
}

async function openSafe(content: Der | undefined, passphrase: Passphrase): Promise<Buffer | undefined> {
  const [, encrypted] = items(items(expect(content, field(0, true)))[0] as Der, TAG.sequence);
  const [, algorithm, data] = items(expect(encrypted, TAG.sequence));
  const opened = await decrypt(expect(algorithm, TAG.sequence), dataOf(data), passphrase);
  return opened === undefined ? undefined : opensAs(TAG.sequence, opened);
}

/** In one piece, or in the several that BER allows. */
function dataOf(data: Der | undefined): Buffer {
  if (data?.tag === field(0, false)) return data.content;
  return Buffer.concat(items(expect(data, field(0, true)), undefined).map(({ content }) => content));
}

/** A wrong passphrase may leave padding that looks right, but nothing that can be read. */
function opensAs(tag: number, opened: Buffer): Buffer | undefined {
  try {
    return readDer(derOfBer(opened), tag).whole;
  } catch {
    return undefined;
  }
}

/** False: a key in it is not opened by the passphrase. */
async function readBags(
  bags: Buffer,
  passphrase: Passphrase,
  found: Pkcs12,
  depth: number,
): Promise<boolean> {
  if (depth > MOST_NESTED_BAGS) throw new BadDer('too many bags in bags');
  for (const bag of items(readDer(derOfBer(bags), TAG.sequence))) {
    const [type, wrapped] = items(bag, TAG.sequence);
    const [value] = items(expect(wrapped, field(0, true)));
    if (value === undefined) throw new BadDer('an empty bag');
    const id = readOid(type);
    if (id === `${BAG}.1`) found.keys.push(value.whole);
    else if (id === `${BAG}.2`) {
      const key = await openKey(value, passphrase);
      if (key === undefined) return false;
      found.keys.push(key);
    } else if (id === `${BAG}.3`) found.certificates.push(...certificateIn(value));
    else if (id === `${BAG}.6` && !(await readBags(value.whole, passphrase, found, depth + 1))) return false;
  }
  return true;
}

function certificateIn(bag: Der): Buffer[] {
  const [type, value] = items(bag, TAG.sequence);
  return readOid(type) === X509_CERTIFICATE ? [octetsIn(value)] : [];
}

/** EncryptedPrivateKeyInfo of PKCS#8, to PrivateKeyInfo; both DER. Undefined: the passphrase does not open it. */
export async function openKey(der: Der, passphrase: Passphrase): Promise<Buffer | undefined> {
  const [algorithm, data] = items(der, TAG.sequence);
  const encrypted = expect(data, TAG.octetString).content;
  const opened = await decrypt(expect(algorithm, TAG.sequence), encrypted, passphrase);
  return opened === undefined ? undefined : opensAs(TAG.sequence, opened);
}
