/**
 * DER: the one spelling of ASN.1 that certificates and keys have (X.690, clause 10). Lengths are in their shortest form, and
 * no element reads beyond the one that holds it. An element is opened only when somebody asks for its items, so that nesting
 * costs neither stack nor time.
 */

export interface Der {
  /** The first byte: class, form and number. Numbers above 30 are not used by certificates, and refused. */
  tag: number;
  content: Buffer;
  /** With tag and length. */
  whole: Buffer;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag of the nth field of a choice or an optional field. */
export const field = (number: number, constructed: boolean): number =>
  0x80 | (constructed ? 0x20 : 0) | number;

/** Bytes are not the DER that somebody expects. Says nothing about them, since they may be a key. */
export class BadDer extends Error {}

/** Exactly one element. Throws BadDer. */
export function readDer(bytes: Buffer, tag?: number): Der {
  const der = elementAt(bytes, 0);
  if (der.whole.length !== bytes.length) throw new BadDer('more than one element');
  return tag === undefined ? der : expect(der, tag);
}

/** The elements that `der` holds. Throws BadDer. */
export function items(der: Der, tag?: number): Der[] {
  if (tag !== undefined) expect(der, tag);
  const found: Der[] = [];
  for (let at = 0; at < der.content.length; ) {
    const item = elementAt(der.content, at);
    found.push(item);
    at += item.whole.length;
  }
  return found;
}

export function expect(der: Der | undefined, tag: number): Der {
  if (der?.tag !== tag) throw new BadDer('another element is expected');
  return der;
}

function elementAt(bytes: Buffer, at: number): Der {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new BadDer('no element');
  const many = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || many > 4) throw new BadDer('no length');
  const start = at + 2 + many;
  if (start > bytes.length) throw new BadDer('cut off');
  const length = many === 0 ? first : bytes.readUIntBE(at + 2, many);
  if (many > 0 && length < (many === 1 ? 0x80 : 2 ** (8 * (many - 1))))
    throw new BadDer('a longer length than need be');
  if (start + length > bytes.length) throw new BadDer('cut off');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

export function readOid(der: Der | undefined): string {
  const { content } = expect(der, TAG.oid);
  if (content.length === 0 || content.length > 64) throw new BadDer('no object identifier');
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    if (part === 0 && byte === 0x80) throw new BadDer('no object identifier');
    part = part * 128 + (byte & 0x7f);
    if (part > Number.MAX_SAFE_INTEGER) throw new BadDer('no object identifier');
    if (byte < 0x80) {
      parts.push(part);
      part = 0;
    }
  }
  if (((content.at(-1) as number) & 0x80) !== 0) throw new BadDer('no object identifier');
  const [head = 0, ...rest] = parts;
  const top = Math.min(2, Math.floor(head / 40));
  return [top, head - top * 40, ...rest].join('.');
}

/** A number from 0 on that is small: a version, a path length, a count of rounds. */
export function readCount(der: Der | undefined): number {
  const { content } = expect(der, TAG.integer);
  if (content.length === 0 || content.length > 5 || (content[0] as number) >= 0x80)
    throw new BadDer('no count');
  return content.readUIntBE(0, content.length);
}

export function readBoolean(der: Der | undefined): boolean {
  const { content } = expect(der, TAG.boolean);
  if (content.length !== 1) throw new BadDer('no boolean');
  return content[0] !== 0;
}

/** The bytes of a bit string that has no unused bits, such as a key or a signature. */
export function readBits(der: Der | undefined): Buffer {
  const { content } = expect(der, TAG.bitString);
  if (content[0] !== 0) throw new BadDer('no whole bytes');
  return content.subarray(1);
}

/** `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, as certificates write them. */
export function readTime(der: Der | undefined): Date {
  const text = der?.content.toString('latin1') ?? '';
  const short = der?.tag === TAG.utcTime;
  if (!short) expect(der, TAG.generalizedTime);
  const match = (
    short ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text);
  if (match === null) throw new BadDer('no time');
  const [year = 0, month = 0, day = 0, ...clock] = match.slice(1).map(Number);
  const [hour = 0, minute = 0, second = 0] = clock;
  const time = new Date(0);
  time.setUTCFullYear(short ? year + (year < 50 ? 2000 : 1900) : year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  if (
    time.getUTCMonth() !== month - 1 ||
    time.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    throw new BadDer('no time');
  return time;
}

export function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes = Buffer.from(
    length.toString(16).padStart(length > 0xffffff ? 8 : length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0'),
    'hex',
  );
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes, content]);
}

export const sequence = (...contents: Buffer[]): Buffer => der(TAG.sequence, ...contents);
export const octets = (...contents: Buffer[]): Buffer => der(TAG.octetString, ...contents);
export const bits = (content: Buffer, unused = 0): Buffer => der(TAG.bitString, Buffer.of(unused), content);
export const utf8 = (text: string): Buffer => der(TAG.utf8, Buffer.from(text));
export const boolean = (value: boolean): Buffer => der(TAG.boolean, Buffer.of(value ? 0xff : 0));

/** An unsigned number of any size. */
export function integer(value: number | Buffer): Buffer {
  let bytes = typeof value === 'number' ? Buffer.from(value.toString(16).padStart(12, '0'), 'hex') : value;
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  return der(TAG.integer, (bytes[0] as number) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function oid(text: string): Buffer {
  const [top = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(
    TAG.oid,
    Buffer.from(
      [top * 40 + second, ...rest].flatMap(part => {
        const bytes = [part % 128];
        for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
          bytes.unshift(0x80 | (left % 128));
        return bytes;
      }),
    ),
  );
}

/** Years up to 2049 are written short, later ones long: RFC 5280, 4.1.2.5. */
export function time(value: Date): Buffer {
  const text = value.toISOString().replace(/\.\d+|[-:T]/g, '');
  return value.getUTCFullYear() < 2050
    ? der(TAG.utcTime, Buffer.from(text.slice(2)))
    : der(TAG.generalizedTime, Buffer.from(text));
}
