/** Certificates that a unit makes for itself: ECDSA P-256, version 3, for its own host names and addresses. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { canonicalAddress } from '../schema/address.ts';
import { LockstepError } from '../schema/error.ts';
import { bits, boolean, der, field, integer, octets, oid, sequence, TAG, time, utf8 } from './der.ts';
import { pem } from './pem.ts';

interface SelfSignedRequest {
  /** At most 64 characters (RFC 5280, appendix A.1). */
  commonName: string;
  /** DNS names; `*.` may lead one. */
  names: string[];
  /** IPv4 and IPv6 addresses. */
  addresses: string[];
  now: Date;
  days: number;
}

const DAY_MS = 86_400_000;
/** The clocks of those who look may be behind a little. */
const EARLIER_MS = 3_600_000;
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** Both as PEM; the key as PKCS#8, unencrypted. Throws LockstepError `bad-usage` for a name or an address that is none. */
export function makeSelfSigned(request: SelfSignedRequest): { certificate: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const tbs = toBeSigned(request, spki);
  const signature = sign('sha256', tbs, privateKey);
  return {
    certificate: pem('CERTIFICATE', sequence(tbs, ECDSA_SHA256, bits(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function toBeSigned({ commonName, names, addresses, now, days }: SelfSignedRequest, spki: Buffer): Buffer {
  if (commonName === '' || [...commonName].length > 64) throw bad('The common name', commonName);
  const name = sequence(der(TAG.set, sequence(oid('2.5.4.3'), utf8(commonName))));
  const from = now.getTime() - EARLIER_MS;
  return sequence(
    der(field(0, true), integer(2)),
    integer(serial()),
    ECDSA_SHA256,
    name,
    sequence(time(new Date(from)), time(new Date(now.getTime() + days * DAY_MS))),
    name,
    spki,
    der(field(3, true), extensions(names, addresses, spki)),
  );
}

function extensions(names: string[], addresses: string[], spki: Buffer): Buffer {
  const alternatives = [
    ...names.map(each => der(field(2, false), dnsBytes(each))),
    ...addresses.map(each => der(field(7, false), addressBytes(each))),
  ];
  const keyId = createHash('sha1').update(spki).digest();
  return sequence(
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, der(TAG.bitString, Buffer.of(7, 0x80))),
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.14', false, octets(keyId)),
    ...(alternatives.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...alternatives))]),
  );
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

/** 128 random bits, above 0 whatever they are. */
function serial(): Buffer {
  return Buffer.concat([Buffer.of(1), randomBytes(16)]);
}

function dnsBytes(name: string): Buffer {
  if (!/^(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/.test(name) || name.length > 253)
    throw bad('The DNS name', name);
  return Buffer.from(name, 'latin1');
}

function addressBytes(address: string): Buffer {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) throw bad('The address', address);
  if (isIPv4(canonical)) return Buffer.from(canonical.split('.').map(Number));
  const [head = '', tail] = canonical.split('::');
  const groups = (text: string | undefined): string[] =>
    (text ?? '').split(':').filter(group => group !== '');
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  return Buffer.from(all.map(group => group.padStart(4, '0')).join(''), 'hex');
}

function bad(what: string, text: string): LockstepError {
  return new LockstepError('bad-usage', `${what} ${JSON.stringify(text)} cannot stand in a certificate.`);
}
