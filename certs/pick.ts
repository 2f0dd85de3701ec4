/** Which of the files that lie together are one certificate with its chain and key: by what is in them, never by their names. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { foreignForm, isCompanion } from './foreign-form.ts';
import { type CertificateFile, readCertificate } from './read.ts';
import { readFile } from './read-file.ts';
import type { Work } from './work.ts';
import type { X509 } from './x509.ts';
import { isSameKey } from './x509-key.ts';

interface LyingFile extends CertificateFile {
  /** A symbolic link: where several versions lie, links say which one counts. */
  linked: boolean;
}

export interface Picked {
  /** PEM: the certificate, those that may lead to its root, and its key where one is there. */
  pem: string;
  /** What is in it. */
  files: string[];
  /** What holds something of a certificate, and is not in it. */
  leftOut: { file: string; why: string }[];
}

interface Content extends LyingFile {
  certificates: X509[];
  keys: KeyObject[];
  fault: LockstepError | undefined;
}

/**
 * Throws LockstepError: what reading throws, `certificates-several` where more than one could be meant, `certificate-missing`,
 * `key-unfit`; and what `work` was ended with.
 */
export async function pickFiles(
  files: LyingFile[],
  passphrase: string | undefined,
  work: Work,
): Promise<Picked> {
  const contents: Content[] = [];
  for (const file of files) contents.push(await contentOf(file, passphrase, work));
  const keys = distinctKeys(contents.flatMap(each => each.keys));
  const all = new Map(contents.flatMap(each => each.certificates).map(x509 => [x509.fingerprint, x509]));
  const certificates = [...all.values()];
  if (certificates.length === 0) throw nothingIn(contents, keys.length > 0);
  const owners = certificates.filter(x509 => keyOf(x509, keys) !== undefined);
  if (owners.length === 0) throwFault(contents, keys.length > 0);
  const leaves = owners.length > 0 ? owners : certificates.filter(({ ca }) => !ca);
  const { leaf, byLink } = only(leaves, contents);
  const key = leaf === undefined ? undefined : keyOf(leaf, keys);
  const used = new Set<X509 | KeyObject>([
    ...certificates.filter(x509 => x509.ca || x509 === leaf),
    ...(key === undefined ? [] : [key]),
  ]);
  const inUse = contents.filter(each => holdsOne(each, used));
  const order =
    leaf === undefined ? certificates : [leaf, ...certificates.filter(x509 => x509 !== leaf && x509.ca)];
  const keyPem = key?.export({ type: 'pkcs8', format: 'pem' }).toString() ?? '';
  return {
    pem: order.map(({ pem }) => pem).join('') + keyPem,
    files: inUse.map(({ name }) => name),
    leftOut: contents.flatMap(each => (inUse.includes(each) ? [] : reasonFor(each, byLink))),
  };
}

async function contentOf(file: LyingFile, passphrase: string | undefined, work: Work): Promise<Content> {
  try {
    const { certificates, keys } = await readFile(file, passphrase, work);
    return { ...file, certificates: certificates.map(readCertificate), keys, fault: undefined };
  } catch (error) {
    work.goOn();
    if (!(error instanceof LockstepError)) throw error;
    return { ...file, certificates: [], keys: [], fault: error };
  }
}

function keyOf(x509: X509, keys: KeyObject[]): KeyObject | undefined {
  return keys.find(key => isSameKey(createPublicKey(key), x509.publicKey));
}

function distinctKeys(keys: KeyObject[]): KeyObject[] {
  return keys.filter((key, index) => keys.findIndex(each => isSameKey(each, key)) === index);
}

/** Of several, the one that a link leads to. Undefined: there are CA certificates only. */
function only(leaves: X509[], contents: Content[]): { leaf: X509 | undefined; byLink: boolean } {
  if (leaves.length <= 1) return { leaf: leaves[0], byLink: false };
  const holding = (leaf: X509): Content[] =>
    contents.filter(each => each.certificates.some(({ fingerprint }) => fingerprint === leaf.fingerprint));
  const linked = leaves.filter(leaf => holding(leaf).some(each => each.linked));
  if (linked.length === 1) return { leaf: linked[0], byLink: true };
  const places = leaves
    .slice(0, 3)
    .map(
      leaf =>
        `"${leaf.subject}" until ${leaf.notAfter.toISOString().slice(0, 10)} in ${holding(leaf)[0]?.name}`,
    );
  throw new LockstepError(
    'certificates-several',
    `${leaves.length} certificates lie there, and one is taken: ${places.join(', ')}.`,
    { hint: 'Leave one, or give each a folder of its own.' },
  );
}

/** Without an owner of a key, what could not be opened is the reason, and then a key that fits nothing. */
function throwFault(contents: Content[], hasKeys: boolean): void {
  const closed = contents.find(
    ({ fault }) => fault !== undefined && /passphrase|^key|^too-large/.test(fault.code),
  );
  if (closed?.fault !== undefined) throw closed.fault;
  if (!hasKeys) return;
  const holder = contents.find(({ keys }) => keys.length > 0);
  throw new LockstepError(
    'key-unfit',
    `The private key in ${holder?.name} belongs to none of the certificates.`,
    {
      hint: 'Drop the key that the certificate was requested with.',
    },
  );
}

function nothingIn(contents: Content[], hasKeys: boolean): LockstepError {
  const broken = contents.find(({ fault, bytes }) => fault !== undefined && !isCompanion(bytes));
  if (broken?.fault !== undefined) return broken.fault;
  const what = contents
    .slice(0, 3)
    .map(({ name, keys, bytes }) =>
      keys.length > 0
        ? `${name}: a private key`
        : `${name}: ${foreignForm(bytes) ?? 'it holds no certificate'}`,
    );
  const message = hasKeys ? 'There is a key, and no certificate yet' : 'No file holds a certificate';
  return new LockstepError('certificate-missing', `${message} (${what.join('; ').replace(/\.$/, '')}).`, {
    hint: 'Drop the certificate as PEM, DER or PFX.',
  });
}

function holdsOne({ certificates, keys }: Content, used: Set<X509 | KeyObject>): boolean {
  const prints = new Set([...used].flatMap(each => ('fingerprint' in each ? [each.fingerprint] : [])));
  const ownKeys = [...used].filter(each => !('fingerprint' in each)) as KeyObject[];
  return (
    certificates.some(({ fingerprint }) => prints.has(fingerprint)) ||
    keys.some(key => ownKeys.some(each => isSameKey(each, key)))
  );
}

/** Older versions beside the linked one are meant to lie there; so are notes and settings. */
function reasonFor({ name, bytes, certificates, keys, fault }: Content, byLink: boolean): Picked['leftOut'] {
  if (fault !== undefined) return isCompanion(bytes) ? [] : [{ file: name, why: withHint(fault) }];
  if (byLink || certificates.length + keys.length === 0) return [];
  const [first] = certificates;
  const why =
    first === undefined ? 'it holds another private key' : `it holds another certificate, "${first.subject}"`;
  return [{ file: name, why }];
}

/** A message and what to do about it, in one: where a list has room for no more. */
export function withHint({ message, hint }: LockstepError): string {
  return hint === undefined ? message : `${message.replace(/\.$/, '')}. ${hint}`;
}
