/** What a certificate says: RFC 5280, read whole and strictly; what is not as it says there is refused. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { BadDer, type Der, expect, field, items, readBits, readDer, readTime, TAG } from './der.ts';
import { pem, pemBlocks } from './pem.ts';
import { type Extensions, readExtensions } from './x509-extensions.ts';
import { type PublicKeyFacts, readKeyFacts } from './x509-key.ts';
import { addressText, type DistinguishedName, isSameName, readName } from './x509-name.ts';
import { readSignature, type SignatureAlgorithm } from './x509-signature.ts';

/** Larger than any certificate that servers use; what is read is bounded by it. */
const MAX_BYTES = 128 * 1024;

export class X509 {
  readonly der: Buffer;
  readonly subjectName: DistinguishedName;
  readonly issuerName: DistinguishedName;
  /** Lower-case hex. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: PublicKeyFacts;
  readonly extensions: Extensions;
  /** The subject is its own issuer, by name. */
  readonly selfIssued: boolean;
  /** What the issuer signed, how, and the signature itself. */
  readonly signed: Buffer;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Buffer;
  private readonly keyDer: Buffer;
  private keyObject: KeyObject | undefined;

  /** Throws BadDer. */
  constructor(bytes: Buffer) {
    const [tbs, algorithm, signature, ...more] = items(readDer(bytes, TAG.sequence));
    const fields = items(expect(tbs, TAG.sequence));
    const version = fields[0]?.tag === field(0, true) ? readVersion(fields.shift() as Der) : 1;
    const [serial, inner, issuer, validity, subject, key, ...rest] = fields;
    if (tbs === undefined || algorithm === undefined || more.length > 0) throw new BadDer('no certificate');
    if (inner === undefined || !inner.whole.equals(algorithm.whole))
      throw new BadDer('two signature algorithms');
    const [from, to, ...times] = items(expect(validity, TAG.sequence));
    if (times.length > 0) throw new BadDer('more than two times');

    this.der = bytes;
    this.signed = tbs.whole;
    this.algorithm = readSignature(algorithm);
    this.signature = readBits(signature);
    this.serial = expect(serial, TAG.integer).content.toString('hex');
    this.issuerName = readName(issuer);
    this.subjectName = readName(subject);
    this.selfIssued = isSameName(this.subjectName, this.issuerName);
    this.notBefore = readTime(from);
    this.notAfter = readTime(to);
    this.keyDer = expect(key, TAG.sequence).whole;
    this.key = readKeyFacts(key as Der);
    this.extensions = readExtensions(rest, version);
  }

  get subject(): string {
    return this.subjectName.text;
  }

  get issuer(): string {
    return this.issuerName.text;
  }

  get commonName(): string | undefined {
    return this.subjectName.commonName;
  }

  /** DNS names, as they are written; a wildcard is `*.` and the rest. */
  get names(): string[] {
    return this.extensions.alternativeNames.filter(({ type }) => type === 2).map(({ text }) => text);
  }

  /** IP addresses, in their shortest form. */
  get addresses(): string[] {
    return this.extensions.alternativeNames.flatMap(({ type, content }) =>
      type === 7 ? (addressText(content) ?? []) : [],
    );
  }

  /** `md5`, `sha1`, `sha256`, …; undefined for Ed25519, which brings its own, and for what is unknown. */
  get signatureHash(): string | undefined {
    return this.algorithm.hash;
  }

  get ca(): boolean {
    return this.extensions.ca;
  }

  get pathLength(): number | undefined {
    return this.extensions.pathLength;
  }

  /** Names as in RFC 5280: `digitalSignature`, `keyCertSign`, …; undefined: not said, so everything is allowed. */
  get keyUsage(): string[] | undefined {
    return this.extensions.keyUsage;
  }

  /** Names such as `serverAuth`, or object identifiers; undefined: not said, so everything is allowed. */
  get extendedKeyUsage(): string[] | undefined {
    return this.extensions.extendedKeyUsage;
  }

  get nameConstraints(): Extensions['nameConstraints'] {
    return this.extensions.nameConstraints;
  }

  /** Object identifiers of extensions that must be understood, and are not. */
  get unknownCritical(): string[] {
    return this.extensions.unknownCritical;
  }

  /** SHA-256 of the DER, lower-case hex. */
  get fingerprint(): string {
    return createHash('sha256').update(this.der).digest('hex');
  }

  get pem(): string {
    return pem('CERTIFICATE', this.der);
  }

  /** Throws LockstepError `certificate-unreadable` for a key that no library here knows. */
  get publicKey(): KeyObject {
    this.keyObject ??= reading(() => createPublicKey({ key: this.keyDer, format: 'der', type: 'spki' }));
    return this.keyObject;
  }
}

/** The certificate that `source` holds; of a PEM text with several, the first. Throws LockstepError `certificate-unreadable`. */
export function readX509(source: string | Buffer): X509 {
  return reading(() => new X509(typeof source === 'string' ? firstOf(source) : sized(source)));
}

/** Every certificate of a PEM text, in its order. Throws LockstepError `certificate-unreadable`. */
export function readX509s(text: string): X509[] {
  return certificateBlocks(text).map(block => reading(() => new X509(block)));
}

function firstOf(text: string): Buffer {
  const [first] = certificateBlocks(text);
  if (first === undefined) throw new BadDer('no certificate');
  return first;
}

function certificateBlocks(text: string): Buffer[] {
  const blocks = pemBlocks(text)?.filter(({ label }) => CERTIFICATE_LABELS.has(label));
  if (blocks === undefined || blocks.some(({ bytes }) => bytes === undefined)) throw unreadable();
  return blocks.map(({ bytes }) => sized(bytes as Buffer));
}

export const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

function sized(bytes: Buffer): Buffer {
  if (bytes.length > MAX_BYTES) throw unreadable();
  return bytes;
}

function readVersion(der: Der): number {
  const [version] = items(der, field(0, true));
  const { content } = expect(version, TAG.integer);
  if (content.length !== 1 || (content[0] as number) > 2) throw new BadDer('no version');
  return (content[0] as number) + 1;
}

/** What a reader throws goes nowhere: it may quote what it read. */
function reading<Value>(read: () => Value): Value {
  try {
    return read();
  } catch {
    throw unreadable();
  }
}

function unreadable(): LockstepError {
  return new LockstepError('certificate-unreadable', 'The certificate cannot be read.', {
    hint: 'Give an X.509 certificate as PEM or DER; export it again where it came from.',
  });
}
