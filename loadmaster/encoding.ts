import { badCapture } from './capture.ts';

/** How a text begins in each encoding that says so by its first bytes. */
const BEGINNINGS: [bytes: number[], encoding: string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
  [[0x3c, 0x00], 'utf-16le'],
  [[0x00, 0x3c], 'utf-16be'],
  [[0x7b, 0x00], 'utf-16le'],
  [[0x00, 0x7b], 'utf-16be'],
];

/** An XML declaration is short, and its letters are ASCII in every encoding that has no byte order mark. */
const DECLARATION = /^\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']/;

/**
 * The text of a capture: in the encoding that its first bytes show, or that its XML declares (the appliance declares
 * ISO-8859-1), else in UTF-8. What is UTF-8 is read as such whatever it declares: tools that save a reply anew leave the declaration
 * as it was. Throws `bad-capture`.
 */
export function decodeCapture(name: string, bytes: Uint8Array): string {
  const shown = BEGINNINGS.find(([start]) => start.every((byte, index) => bytes[index] === byte))?.[1];
  if (shown !== undefined) return decoded(name, bytes, shown);
  const head = Buffer.from(bytes.subarray(0, 400)).toString('latin1');
  const declared = DECLARATION.exec(head)?.[1] ?? 'utf-8';
  return tryDecode(bytes, 'utf-8') ?? decoded(name, bytes, declared);
}

function decoded(name: string, bytes: Uint8Array, encoding: string): string {
  const text = tryDecode(bytes, encoding);
  if (text !== undefined) return text;
  throw badCapture(
    name,
    `it is not text in the encoding ${encoding}`,
    'Save it as UTF-8, or with the encoding that its first line declares.',
  );
}

function tryDecode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
