/** The looser spelling that PFX files may have: lengths that are told at the end, and strings in pieces (X.690, clause 8). */
import { BadDer, der, TAG } from './der.ts';

const MAX_DEPTH = 32;
const CONSTRUCTED = 0x20;

/** `bytes` in DER, as far as lengths and octet strings go. Throws BadDer. */
export function derOfBer(bytes: Buffer): Buffer {
  const { whole, end } = rewrite(bytes, 0, 0);
  if (end !== bytes.length) throw new BadDer('more than one element');
  return whole;
}

function rewrite(bytes: Buffer, at: number, depth: number): { whole: Buffer; end: number } {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined || depth > MAX_DEPTH) throw new BadDer('no element');
  const many = first > 0x80 ? first & 0x7f : 0;
  if (many > 4 || at + 2 + many > bytes.length) throw new BadDer('no length');
  const start = at + 2 + many;
  const end = first === 0x80 ? undefined : start + (many === 0 ? first : bytes.readUIntBE(at + 2, many));
  if (end !== undefined && end > bytes.length) throw new BadDer('cut off');
  if ((tag & CONSTRUCTED) === 0) {
    if (end === undefined) throw new BadDer('no length');
    return { whole: der(tag, bytes.subarray(start, end)), end };
  }
  const inner = rewriteAll(bytes, start, end, depth + 1);
  return { whole: assembled(tag, inner.items), end: inner.end };
}

/** Up to `end`, or to the two zero bytes that stand for it. */
function rewriteAll(
  bytes: Buffer,
  start: number,
  end: number | undefined,
  depth: number,
): { items: Buffer[]; end: number } {
  const items: Buffer[] = [];
  let at = start;
  while (end === undefined ? bytes[at] !== 0 || bytes[at + 1] !== 0 : at < end) {
    const item = rewrite(bytes, at, depth);
    items.push(item.whole);
    at = item.end;
  }
  if (end !== undefined && at !== end) throw new BadDer('cut off');
  return { items, end: end ?? at + 2 };
}

function assembled(tag: number, items: Buffer[]): Buffer {
  const pieces = tag === (TAG.octetString | CONSTRUCTED);
  return pieces ? der(TAG.octetString, ...items.map(contentOf)) : der(tag, ...items);
}

function contentOf(item: Buffer): Buffer {
  const first = item[1] as number;
  return item.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}
