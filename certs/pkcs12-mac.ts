/** The code by which a PFX shows that nothing in it was changed: RFC 7292, 4, and PBMAC1 of RFC 9579. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BadDer, type Der, expect, items, readCount, readOid, TAG } from './der.ts';
import {
  derive,
  HMACS,
  type Passphrase,
  pkcs12Key,
  pkcs12Work,
  readDerivation,
  unknownAlgorithm,
} from './derive.ts';
import type { Work } from './work.ts';

const HASHES: Record<string, string> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const PBMAC1 = '1.2.840.113549.1.5.14';
/** RFC 9579, 4: a shorter key protects nothing. */
const LEAST_KEY_BYTES = 20;

interface Pkcs12Mac {
  /** Of one try. */
  work: number;
  fits(content: Buffer, passphrase: Passphrase, work: Work): Promise<boolean>;
}

/** `mac` is the MacData of a PFX. Throws BadDer or LockstepError. */
export function readMac(mac: Der): Pkcs12Mac {
  const [info, salt, rounds] = items(mac, TAG.sequence);
  const [algorithm, digest] = items(expect(info, TAG.sequence));
  const [id, parameters] = items(expect(algorithm, TAG.sequence));
  const expected = expect(digest, TAG.octetString).content;
  if (readOid(id) === PBMAC1) return pbmac1(expect(parameters, TAG.sequence), expected);
  const hash = HASHES[readOid(id)];
  if (hash === undefined) throw new BadDer('an unknown hash');
  const bytes = createHmac(hash, '').digest().length;
  const given = { salt: expect(salt, TAG.octetString).content, purpose: 3, bytes };
  const count = rounds === undefined ? 1 : readCount(rounds);
  return {
    work: pkcs12Work(hash, count, bytes),
    fits: async (content, passphrase, work) => {
      const key = await pkcs12Key(hash, passphrase, { ...given, rounds: count }, work);
      return isCode(hash, key, content, expected);
    },
  };
}

/** Salt and rounds stand in its parameters; those beside it mean nothing. */
function pbmac1(parameters: Der, expected: Buffer): Pkcs12Mac {
  const [derivationDer, scheme] = items(parameters);
  const derivation = expect(derivationDer, TAG.sequence);
  const schemeId = readOid(items(expect(scheme, TAG.sequence))[0]);
  const hash = HMACS[schemeId];
  if (hash === undefined) throw unknownAlgorithm(schemeId);
  const { bytes } = readDerivation(derivation, LEAST_KEY_BYTES);
  if (bytes === undefined || bytes < LEAST_KEY_BYTES || bytes > 64) throw unknownAlgorithm(PBMAC1);
  return {
    work: readDerivation(derivation, bytes).work,
    fits: async (content, passphrase, work) =>
      isCode(hash, await derive(derivation, bytes, passphrase, work), content, expected),
  };
}

function isCode(hash: string, key: Buffer, content: Buffer, expected: Buffer): boolean {
  const found = createHmac(hash, key).update(content).digest();
  return found.length === expected.length && timingSafeEqual(found, expected);
}
