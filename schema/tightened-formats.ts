import { canonicalAddress, plainAddress } from './address.ts';
import { FORMAT_HINTS, isDnsName, isNetwork } from './formats.ts';

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A proxy holds a whole error page in one buffer, so larger ones cannot be told to any. */
const MAX_PAGE_BYTES = 16 * 1024;

/** Formats that what is written now must keep, and what was stored before need not (schema/tightened.ts). */
export const TIGHTENED_FORMATS: Record<string, (text: string) => boolean> = {
  // Those three as they are written now: an IPv4-mapped address is an IPv4 address.
  'plain-ip-address': isPlainAddress,
  'plain-ip-network': text => isNetwork(text) && isPlainAddress(text.split('/')[0] as string),
  'plain-host': text => isPlainAddress(text) || isDnsName(text),
  'one-line': text => !hasControlCharacters(text),
  token: text => new RegExp(`^${TOKEN}$`).test(text),
  'header-lines': text => new RegExp(`^${TOKEN}:`).test(text) && !hasControlCharacters(text),
  'status-list': text => /^[2-5][0-9]{2}([ ,]+[2-5][0-9]{2})*$/.test(text),
  'port-range': isPortRange,
  'error-page': text => Buffer.byteLength(text) <= MAX_PAGE_BYTES,
};

/** What a person is told when one does not fit. */
export const TIGHTENED_HINTS: Record<string, string> = {
  'plain-ip-address': FORMAT_HINTS['ip-address'] ?? '',
  'plain-ip-network': FORMAT_HINTS['ip-network'] ?? '',
  'plain-host': FORMAT_HINTS.host ?? '',
  'one-line': 'one line without control characters (a line break or a tab, for example)',
  token: "a name of letters, digits and !#$%&'*+.^_`|~- only: no space, no colon",
  'header-lines': 'NAME:VALUE, in one line without control characters',
  'status-list': 'HTTP statuses from 200 to 599 with spaces between them',
  'port-range': 'a port, or a range of ports that begins with the lower one, from 1 to 65535',
  'error-page': 'no larger than 16 KiB (16384 bytes)',
};

function isPlainAddress(text: string): boolean {
  return canonicalAddress(text) === text && plainAddress(text) === text;
}

function hasControlCharacters(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}

function isPortRange(text: string): boolean {
  const [first = 0, last = 65_536, ...rest] = text.split('-').map(Number);
  if (!text.includes('-')) return first >= 1 && first <= 65_535;
  return rest.length === 0 && first >= 1 && first < last && last <= 65_535;
}
