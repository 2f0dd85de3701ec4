/** Certificates and keys in the files that people have: PEM, DER, PKCS#8, PKCS#12. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { orderChain } from './chain.ts';
import { type FoundInFile, readFile } from './read-file.ts';
import { Work } from './work.ts';
import { readX509, type X509 } from './x509.ts';
import { isSameKey } from './x509-key.ts';
import { isSameName } from './x509-name.ts';

export interface CertificateFile {
  /** For messages. */
  name: string;
  bytes: Buffer;
}

export interface ReadCertificate {
  /** PEM: the certificate, then those that lead to its root, in order. */
  certificate: string;
  /** PEM, PKCS#8, unencrypted. */
  key?: string;
}

/** More than any chain has. */
const MAX_CERTIFICATES = 100;

export interface ReadOptions {
  passphrase?: string | undefined;
  now: Date;
  /** Default: work that nothing ends. */
  work?: Work;
}

/**
 * One certificate with its chain, and its key where one is there, from one or more files of any form. CA certificates that lead
 * nowhere from it are left out, and an expired one whose twin (the same name and key) is valid. Throws LockstepError `certificate-unreadable`, `certificate-missing`, `certificates-several`,
 * `key-unreadable`, `key-unfit`, `keys-several`, `passphrase-needed`, `wrong-passphrase` or `too-large`; none of them quotes
 * what was read.
 */
export async function readCertificateFiles(
  files: CertificateFile[],
  { passphrase, now, work = new Work() }: ReadOptions,
): Promise<ReadCertificate> {
  const found: FoundInFile = { certificates: [], keys: [] };
  for (const file of files) {
    const { certificates, keys } = await readFile(file, passphrase, work);
    found.certificates.push(...certificates);
    found.keys.push(...keys);
  }
  if (found.certificates.length > MAX_CERTIFICATES) throw tooMany();
  const certificates = distinct(found.certificates.map(readCertificate));
  const key = onlyKey(found.keys);
  const leaf = key === undefined ? leafOf(certificates) : ownerOf(key, certificates);
  const others = certificates.filter(each => each !== leaf);
  const chain = withoutExpiredTwins(leaf, others, now);
  const stray = others.find(each => !each.ca && !chain.includes(each));
  if (stray !== undefined) throw several([leaf, stray]);
  return {
    certificate: chain.map(({ pem }) => pem).join(''),
    ...(key === undefined ? {} : { key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }),
  };
}

/** What OpenSSL cannot load, no server could show. */
export function readCertificate(bytes: Buffer): X509 {
  const x509 = readX509(bytes);
  try {
    new X509Certificate(bytes);
    x509.publicKey;
  } catch {
    throw new LockstepError('certificate-unreadable', `The certificate "${x509.subject}" cannot be read.`, {
      hint: 'Export it again where it came from.',
    });
  }
  return x509;
}

function onlyKey(keys: KeyObject[]): KeyObject | undefined {
  const [key, ...others] = keys;
  if (key !== undefined && others.some(other => !isSameKey(other, key))) {
    throw new LockstepError('keys-several', 'The files hold more than one private key.', {
      hint: 'Give the key that belongs to the certificate, and no other.',
    });
  }
  return key;
}

function ownerOf(key: KeyObject, certificates: X509[]): X509 {
  const owned = createPublicKey(key);
  const [leaf, other] = certificates.filter(({ publicKey }) => isSameKey(owned, publicKey));
  if (leaf !== undefined && other !== undefined) throw several([leaf, other]);
  if (leaf !== undefined) return leaf;
  if (certificates.length === 0) throw missing();
  throw new LockstepError('key-unfit', 'The private key belongs to none of the certificates.', {
    hint: 'Give the key that the certificate was requested with.',
    facts: { certificates: certificates.map(({ subject }) => subject) },
  });
}

/** The one that issued no other; a CA only where there is nothing else. */
function leafOf(certificates: X509[]): X509 {
  const issuers = new Set(certificates.flatMap(each => orderChain(each, certificates).slice(1)));
  const last = certificates.filter(each => !issuers.has(each));
  const served = last.filter(({ ca }) => !ca);
  const [leaf, ...others] = served.length > 0 ? served : last;
  if (leaf === undefined) throw missing();
  if (others.length > 0) throw several([leaf, ...others]);
  return leaf;
}

/** Clients that follow the expired one of two ways, as older OpenSSL does, find no end; what only it leads to goes with it. */
function withoutExpiredTwins(leaf: X509, others: X509[], now: Date): X509[] {
  const chain = orderChain(leaf, others);
  const isOver = ({ notAfter }: X509): boolean => notAfter <= now;
  const hasTwin = (x509: X509): boolean =>
    chain.some(
      each => !isOver(each) && isSameName(each.subjectName, x509.subjectName) && isSameKeyOf(each, x509),
    );
  const isDropped = (x509: X509): boolean => x509 !== leaf && isOver(x509) && hasTwin(x509);
  if (!chain.some(isDropped)) return chain;
  return orderChain(
    leaf,
    chain.filter(each => each !== leaf && !isDropped(each)),
  );
}

function isSameKeyOf(one: X509, other: X509): boolean {
  try {
    return isSameKey(one.publicKey, other.publicKey);
  } catch {
    return false;
  }
}

function distinct(certificates: X509[]): X509[] {
  return [...new Map(certificates.map(each => [each.fingerprint, each])).values()];
}

function several(certificates: X509[]): LockstepError {
  const alike = certificates[0]?.subject === certificates[1]?.subject;
  const [one, other] = certificates.map(
    ({ subject, serial }) => `"${subject}"${alike ? ` (serial ${serial})` : ''}`,
  );
  return new LockstepError(
    'certificates-several',
    `The files hold more than one certificate: ${one} and ${other}, neither of which issued the other.`,
    {
      hint: 'Give one certificate and those that lead to its root; add the other by a name of its own.',
      facts: {
        certificates: certificates.slice(0, 10).map(({ subject, serial }) => `${subject} (${serial})`),
      },
    },
  );
}

function missing(): LockstepError {
  return new LockstepError('certificate-missing', 'The files hold no certificate.', {
    hint: 'Give the certificate as PEM, DER or PFX.',
  });
}

function tooMany(): LockstepError {
  return new LockstepError('too-large', `The files hold more than ${MAX_CERTIFICATES} certificates.`);
}
