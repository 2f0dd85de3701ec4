/** Names inside a certificate: of a subject or issuer, and the general names of RFC 5280, 4.2.1.6. */
import { isUtf8 } from 'node:buffer';
import { BadDer, type Der, expect, field, items, readOid, TAG } from './der.ts';

export interface DistinguishedName {
  /** `CN=www.site.example, O=Site`, in the order of the certificate; `, + = \` and control characters are escaped. */
  text: string;
  /** One string for each part, equal where RFC 5280, 7.1 calls the parts equal. */
  parts: string[];
  commonName: string | undefined;
  emails: string[];
}

/** Type is the tag number: 1 mail, 2 DNS, 4 directory, 6 URI, 7 address; the others are not looked into. */
export interface GeneralName {
  type: number;
  content: Buffer;
  /** Of types 1, 2 and 6. */
  text: string;
  /** Of type 4. */
  directory?: DistinguishedName;
}

const ATTRIBUTES: Record<string, string> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

export function readName(der: Der | undefined): DistinguishedName {
  const name: DistinguishedName = { text: '', parts: [], commonName: undefined, emails: [] };
  const texts: string[] = [];
  for (const part of items(expect(der, TAG.sequence))) {
    const attributes = items(part, TAG.set).map(readAttribute);
    if (attributes.length === 0) throw new BadDer('an empty part of a name');
    texts.push(attributes.map(({ type, text }) => `${type}=${escaped(text)}`).join('+'));
    name.parts.push(
      attributes
        .map(({ key }) => key)
        .sort()
        .join('+'),
    );
    for (const { type, text } of attributes) {
      if (type === 'CN') name.commonName = text;
      if (type === 'emailAddress') name.emails.push(text);
    }
  }
  return { ...name, text: texts.join(', ') };
}

export function isSameName(one: DistinguishedName, other: DistinguishedName): boolean {
  return one.parts.length === other.parts.length && startsWith(one, other);
}

/** Whether `name` lies at or below `base`. */
export function startsWith(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.parts.every((part, index) => name.parts[index] === part);
}

function readAttribute(der: Der): { type: string; text: string; key: string } {
  const [type, value, ...rest] = items(der, TAG.sequence);
  if (value === undefined || rest.length > 0) throw new BadDer('no attribute of a name');
  const id = readOid(type);
  const text = textOf(value);
  const canonical = text
    ?.trim()
    .replace(/[ \t\n\v\f\r]+/g, ' ')
    .replace(/[A-Z]+/g, letters => letters.toLowerCase());
  return {
    type: ATTRIBUTES[id] ?? id,
    text: text ?? `#${value.whole.toString('hex')}`,
    key: JSON.stringify([id, canonical ?? value.whole.toString('hex')]),
  };
}

function textOf({ tag, content }: Der): string | undefined {
  if ((tag & 0xc0) !== 0 || (tag === TAG.utf8 && !isUtf8(content))) throw new BadDer('no text');
  if (tag === TAG.utf8) return content.toString('utf8');
  if ([0x12, TAG.printable, 0x14, 0x16, 0x1a].includes(tag)) return content.toString('latin1');
  if (tag === 0x1e && content.length % 2 === 0) return Buffer.from(content).swap16().toString('utf16le');
  return undefined;
}

function escaped(text: string): string {
  return text
    .replace(/[,+=\\]/g, sign => `\\${sign}`)
    .replace(/\p{C}/gu, sign => `\\${Buffer.from(sign).toString('hex')}`);
}

export function readGeneralNames(der: Der): GeneralName[] {
  const names = items(der, TAG.sequence).map(readGeneralName);
  if (names.length === 0) throw new BadDer('no names');
  return names;
}

export function readGeneralName(der: Der): GeneralName {
  if ((der.tag & 0xc0) !== 0x80) throw new BadDer('no general name');
  const type = der.tag & 0x1f;
  const name: GeneralName = { type, content: der.content, text: '' };
  if (der.tag === field(4, true)) return { ...name, directory: readName(items(der)[0]) };
  if (type !== 1 && type !== 2 && type !== 6) return name;
  const text = der.content.toString('latin1');
  if (!/^[\x20-\x7e]*$/.test(text)) throw new BadDer('a name that is no ASCII');
  return { ...name, text };
}

/** The text of an IPv4 or IPv6 address, in its shortest form; undefined when it is neither. */
export function addressText(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
