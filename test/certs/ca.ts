/** A tiny CA: certificates with whatever is right or wrong, made in a fraction of a millisecond. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  bits,
  boolean,
  der,
  field,
  integer,
  octets,
  oid,
  sequence,
  TAG,
  time,
  utf8,
} from '../../certs/der.ts';
import { pem } from '../../certs/pem.ts';
import { readX509, type X509 } from '../../certs/x509.ts';

export interface Keys {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export interface Made extends Keys {
  name: Buffer;
  der: Buffer;
  pem: string;
  x509: X509;
  keyPem: string;
}

export type KeyKind = 'p256' | 'p384' | 'p521' | 'p224' | 'ed25519' | 'rsa2048' | 'rsa1024';

export interface Wish {
  commonName?: string;
  /** Instead of a common name: the DER of a Name. */
  name?: Buffer;
  /** Undefined: it signs itself. */
  issuer?: Made | undefined;
  keys?: Keys;
  kind?: KeyKind;
  from?: Date;
  to?: Date;
  hash?: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
  version?: 1 | 3;
  /** Basic constraints; undefined: a leaf has none. */
  ca?: boolean;
  pathLength?: number;
  /** Bits of the key usage, from 0 (digitalSignature) on; keyCertSign is 5. */
  usage?: number[];
  purposes?: string[];
  names?: string[];
  addresses?: Buffer[];
  /** General names, DER. */
  alternatives?: Buffer[];
  permitted?: Buffer[];
  excluded?: Buffer[];
  /** False: neither key id. */
  keyIds?: boolean;
  extra?: Buffer[];
  /** The signature is that of somebody else. */
  forged?: boolean;
  serial?: number;
}

export const NOW = new Date('2030-06-01T12:00:00Z');
/** Of this process: what a machine with other work to do does not change. */
export const cpuMs = (): number => process.cpuUsage().user / 1_000;
const DAY_MS = 86_400_000;
export const daysFromNow = (days: number): Date => new Date(NOW.getTime() + days * DAY_MS);

const kept = new Map<string, Keys>();

export function newKeys(kind: KeyKind): Keys {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'rsa2048' || kind === 'rsa1024')
    return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa2048' ? 2048 : 1024 });
  return generateKeyPairSync('ec', {
    namedCurve: { p256: 'P-256', p384: 'P-384', p521: 'P-521', p224: 'secp224r1' }[kind],
  });
}

/** RSA keys take long to make: members of a chain may share them, as long as `slot` differs. */
export function keysOf(kind: KeyKind, slot: number): Keys {
  const id = `${kind} ${slot}`;
  const keys = kept.get(id) ?? newKeys(kind);
  kept.set(id, keys);
  return keys;
}

const MAIL = '1.2.840.113549.1.9.1';
/** RFC 5280, 4.1.2.6: mail addresses are IA5; where they are not, OpenSSL refuses every name constraint above. */
const text = (id: string, value: string): Buffer =>
  id === MAIL ? der(0x16, Buffer.from(value)) : utf8(value);

export const nameOf = (...parts: [id: string, text: string][]): Buffer =>
  sequence(...parts.map(([id, value]) => der(TAG.set, sequence(oid(id), text(id, value)))));

export const dns = (name: string): Buffer => der(field(2, false), Buffer.from(name));
export const mail = (name: string): Buffer => der(field(1, false), Buffer.from(name));
export const uri = (name: string): Buffer => der(field(6, false), Buffer.from(name));
export const directory = (name: Buffer): Buffer => der(field(4, true), name);
/** An address; in a constraint, the address and its mask. */
export const address = (...bytes: number[]): Buffer => der(field(7, false), Buffer.from(bytes));

export function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

export function issue(wish: Wish): Made {
  const keys = wish.keys ?? newKeys(wish.kind ?? 'p256');
  const name = wish.name ?? nameOf(['2.5.4.3', wish.commonName ?? 'someone']);
  const signer = wish.issuer ?? keys;
  const { algorithm, hash } = algorithmOf(signer.privateKey, wish.hash ?? 'sha256');
  const version = wish.version ?? 3;
  const tbs = sequence(
    ...(version === 3 ? [der(field(0, true), integer(2))] : []),
    integer(wish.serial ?? 4711),
    algorithm,
    wish.issuer?.name ?? name,
    sequence(time(wish.from ?? daysFromNow(-100)), time(wish.to ?? daysFromNow(265))),
    name,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...(version === 3 ? [der(field(3, true), sequence(...extensionsOf(wish, keys)))] : []),
  );
  const signature = sign(hash, wish.forged ? Buffer.concat([tbs, Buffer.of(0)]) : tbs, signer.privateKey);
  const whole = sequence(tbs, algorithm, bits(signature));
  const made = { ...keys, name, der: whole, pem: pem('CERTIFICATE', whole) };
  return {
    ...made,
    get x509() {
      return readX509(whole);
    },
    get keyPem() {
      return keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    },
  };
}

function extensionsOf(wish: Wish, keys: Keys): Buffer[] {
  const alternatives = [
    ...(wish.names ?? []).map(dns),
    ...(wish.addresses ?? []).map(bytes => address(...bytes)),
    ...(wish.alternatives ?? []),
  ];
  const subtrees = (number: number, bases: Buffer[] = []): Buffer[] =>
    bases.length === 0 ? [] : [der(field(number, true), ...bases.map(base => sequence(base)))];
  const constraints = [...subtrees(0, wish.permitted), ...subtrees(1, wish.excluded)];
  const { keyIds = true, ca, pathLength, usage, purposes } = wish;
  const basic = [...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return [
    ...(ca === undefined ? [] : [extension('2.5.29.19', sequence(...basic), true)]),
    ...(usage === undefined ? [] : [extension('2.5.29.15', usageOf(usage), true)]),
    ...(purposes === undefined ? [] : [extension('2.5.29.37', sequence(...purposes.map(oid)))]),
    ...(keyIds ? [extension('2.5.29.14', octets(keyId(keys)))] : []),
    ...(keyIds ? [extension('2.5.29.35', sequence(der(field(0, false), keyId(wish.issuer ?? keys))))] : []),
    ...(alternatives.length === 0 ? [] : [extension('2.5.29.17', sequence(...alternatives))]),
    ...(constraints.length === 0 ? [] : [extension('2.5.29.30', sequence(...constraints), true)]),
    ...(wish.extra ?? []),
  ];
}

function usageOf(usage: number[]): Buffer {
  let value = 0;
  for (const bit of usage) value |= 0x8000 >> bit;
  const bytes = (value & 0xff) === 0 ? Buffer.of(value >> 8) : Buffer.of(value >> 8, value & 0xff);
  let unused = 0;
  while (((bytes.at(-1) as number) & (1 << unused)) === 0 && unused < 7) unused += 1;
  return bits(bytes, unused);
}

function keyId({ publicKey }: Keys): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

const RSA = { md5: '4', sha1: '5', sha256: '11', sha384: '12', sha512: '13' };
const EC = { md5: '', sha1: '1', sha256: '3.2', sha384: '3.3', sha512: '3.4' };

function algorithmOf(
  key: KeyObject,
  hash: keyof typeof RSA,
): { algorithm: Buffer; hash: string | undefined } {
  if (key.asymmetricKeyType === 'ed25519')
    return { algorithm: sequence(oid('1.3.101.112')), hash: undefined };
  if (key.asymmetricKeyType === 'rsa')
    return { algorithm: sequence(oid(`1.2.840.113549.1.1.${RSA[hash]}`), der(TAG.null)), hash };
  return { algorithm: sequence(oid(`1.2.840.10045.4.${EC[hash]}`)), hash };
}
