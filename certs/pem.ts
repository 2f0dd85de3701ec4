/** PEM: RFC 7468, and the headers of the format before it (RFC 1421). */

export interface PemBlock {
  label: string;
  /** Of the legacy format, such as `DEK-Info`. */
  headers: Map<string, string>;
  /** Undefined: not base64. */
  bytes: Buffer | undefined;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';

/** The blocks of a text, in order; undefined: one of them is cut off. What stands between them is not looked at. */
export function pemBlocks(text: string): PemBlock[] | undefined {
  const blocks: PemBlock[] = [];
  for (let at = text.indexOf(BEGIN); at !== -1; at = text.indexOf(BEGIN, at)) {
    const labelEnd = text.indexOf(DASHES, at + BEGIN.length);
    const label = text.slice(at + BEGIN.length, labelEnd);
    if (labelEnd === -1 || !/^[A-Z0-9 ]{1,40}$/.test(label)) return undefined;
    const start = labelEnd + DASHES.length;
    const end = text.indexOf(DASHES, start);
    const mark = `-----END ${label}-----`;
    if (end === -1 || !text.startsWith(mark, end)) return undefined;
    blocks.push({ label, ...readBody(text.slice(start, end)) });
    at = end + mark.length;
  }
  return blocks;
}

function readBody(body: string): Pick<PemBlock, 'headers' | 'bytes'> {
  const lines = body.split(/\r\n|\r|\n/).map(line => line.trim());
  const isHeader = (line: string): boolean => line.includes(':');
  const headers = lines.filter(isHeader).map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const base64 = lines.filter(line => !isHeader(line)).join('');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && base64.length % 4 === 0;
  return { headers: new Map(headers), bytes: isBase64 ? Buffer.from(base64, 'base64') : undefined };
}

export function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
