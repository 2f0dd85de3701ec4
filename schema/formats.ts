import { isIPv4 } from 'node:net';
import { canonicalAddress } from './address.ts';
import { isSshPublicKey } from './ssh-key.ts';

/** Formats that JSON Schema does not know. Each takes one spelling only, so that equal things are equal bytes. */
export const FORMATS: Record<string, (text: string) => boolean> = {
  'ip-address': text => canonicalAddress(text) === text,
  'ip-network': isNetwork,
  'dns-name': isDnsName,
  host: text => canonicalAddress(text) === text || isDnsName(text),
  'mac-address': text => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text),
  'time-zone': isTimeZone,
  'pem-certificate': text => isPem(text, /^CERTIFICATE$/),
  'pem-private-key': text => isPem(text, /^((RSA|EC) )?PRIVATE KEY$/),
  'ssh-private-key': text => isPem(text, /^((RSA|EC|OPENSSH) )?PRIVATE KEY$/),
  'ssh-public-key': isSshPublicKey,
  'scrypt-hash': text =>
    /^\$scrypt\$ln=\d{1,2},r=\d{1,2},p=\d{1,2}\$[A-Za-z0-9+/]{16,}\$[A-Za-z0-9+/]{32,}$/.test(text),
};

/** What a person is told when a format does not fit. */
export const FORMAT_HINTS: Record<string, string> = {
  'ip-address': 'an IPv4 address, or an IPv6 address in its shortest lower-case form',
  'ip-network': 'a network such as 10.0.0.0/16',
  'dns-name': 'a DNS name',
  host: 'an address or a DNS name',
  'mac-address': 'a MAC address such as 00:00:5e:00:01:33',
  'time-zone': 'a time zone such as Europe/Vienna',
  'pem-certificate': 'one or more certificates in PEM',
  'pem-private-key': 'an unencrypted private key in PEM',
  'ssh-private-key': 'a private SSH key without a passphrase, as ssh-keygen writes it',
  'ssh-public-key':
    'one line "ssh-ed25519 AAAA…" without a comment (or ecdsa-sha2-nistp256, or ssh-rsa of 2048 to 8192 bits)',
  'scrypt-hash': 'a scrypt hash ($scrypt$ln=…); the password itself is never kept',
};

export function isNetwork(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  if (address === undefined || prefix === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix))
    return false;
  if (canonicalAddress(address) !== address) return false;
  return Number(prefix) <= (isIPv4(address) ? 32 : 128);
}

/** A name that ends in a number is a misspelled address: `010.0.0.1`, `10.0.0`. */
export function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    !/(^|\.)(\d+|0[xX][0-9A-Fa-f]*)\.?$/.test(text) &&
    /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/.test(text)
  );
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function isPem(text: string, label: RegExp): boolean {
  const blocks = [
    ...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----/g),
  ];
  const rest = text.replaceAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g, '');
  return blocks.length > 0 && rest.trim() === '' && blocks.every(block => label.test(block[1] ?? ''));
}
