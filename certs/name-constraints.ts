/** Which names a CA may speak for: RFC 5280, 4.2.1.10, read as OpenSSL reads it. */
import type { X509 } from './x509.ts';
import type { NameConstraints } from './x509-extensions.ts';
import { addressText, type DistinguishedName, type GeneralName, startsWith } from './x509-name.ts';

/** More comparisons than this are refused: nobody has so many names and so many constraints. */
const MAX_COMPARISONS = 2 ** 20;

/** The first name of `x509` that `constraints` do not allow. `leaf`: its common name counts where no DNS name stands. */
export function forbiddenName(x509: X509, constraints: NameConstraints, leaf: boolean): string | undefined {
  const names = namesUnder(x509, leaf);
  if (names.length * (constraints.permitted.length + constraints.excluded.length) > MAX_COMPARISONS)
    return 'more names than can be compared';
  const found = names.find(name => !isAllowed(name, constraints));
  return found === undefined ? undefined : told(found);
}

function namesUnder({ subjectName, extensions }: X509, leaf: boolean): GeneralName[] {
  const { alternativeNames } = extensions;
  const mails = subjectName.emails.map(text => named(1, text));
  const subject =
    subjectName.parts.length === 0 ? [] : [{ ...named(4, subjectName.text), directory: subjectName }];
  const { commonName = '' } = subjectName;
  const byCommonName = leaf && isDnsName(commonName) && !alternativeNames.some(({ type }) => type === 2);
  return [...subject, ...mails, ...alternativeNames, ...(byCommonName ? [named(2, commonName)] : [])];
}

function named(type: number, text: string): GeneralName {
  return { type, text, content: Buffer.from(text) };
}

function isDnsName(text: string): boolean {
  return /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+$/i.test(text);
}

function isAllowed(name: GeneralName, { permitted, excluded }: NameConstraints): boolean {
  const ofType = (subtrees: GeneralName[]): GeneralName[] =>
    subtrees.filter(({ type }) => type === name.type);
  const [may, mayNot] = [ofType(permitted), ofType(excluded)];
  if (may.length === 0 && mayNot.length === 0) return true;
  const lies = LIES_IN[name.type];
  if (lies === undefined || !isWellFormed(name)) return false;
  return (may.length === 0 || may.some(base => lies(name, base))) && !mayNot.some(base => lies(name, base));
}

const LIES_IN: Record<number, (name: GeneralName, base: GeneralName) => boolean> = {
  1: (name, base) => mailLiesIn(name.text, base.text),
  2: (name, base) => dnsLiesIn(name.text.toLowerCase(), base.text.toLowerCase()),
  4: ({ directory }, base) => startsWith(directory as DistinguishedName, base.directory as DistinguishedName),
  6: (name, base) => hostLiesIn(hostOf(name.text) as string, base.text.toLowerCase()),
  7: (name, base) => addressLiesIn(name.content, base.content),
};

function isWellFormed({ type, text, content }: GeneralName): boolean {
  if (type === 1) return text.includes('@');
  if (type === 6) return hostOf(text) !== undefined;
  return type !== 7 || content.length === 4 || content.length === 16;
}

function dnsLiesIn(name: string, base: string): boolean {
  if (base === '' || name === base) return true;
  return name.endsWith(base.startsWith('.') ? base : `.${base}`);
}

/** A leading dot means what lies below, and only that; without it a host means itself. */
function hostLiesIn(host: string, base: string): boolean {
  return base.startsWith('.') ? host.length > base.length && host.endsWith(base) : host === base;
}

/** `a@b` is one mailbox, `b` all of one host, `.b` all of the hosts below it. */
function mailLiesIn(mail: string, base: string): boolean {
  const at = mail.lastIndexOf('@');
  const [box, host] = [mail.slice(0, at), mail.slice(at + 1).toLowerCase()];
  const baseAt = base.lastIndexOf('@');
  if (baseAt > 0 && base.slice(0, baseAt) !== box) return false;
  const rest = base.slice(baseAt + 1).toLowerCase();
  return baseAt === -1 ? hostLiesIn(host, rest) : host === rest;
}

function hostOf(uri: string): string | undefined {
  return /^[^:]*:\/\/([^/:]+)/.exec(uri)?.[1]?.toLowerCase();
}

/** `base` is an address and its mask. */
function addressLiesIn(address: Buffer, base: Buffer): boolean {
  const { length } = address;
  if (base.length !== 2 * length) return false;
  return address.every((byte, at) => ((byte ^ (base[at] as number)) & (base[length + at] as number)) === 0);
}

function told({ type, text, content }: GeneralName): string {
  return type === 7 ? (addressText(content) ?? 'an address') : text || `a name of type ${type}`;
}
