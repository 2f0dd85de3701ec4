/** The file known_hosts of OpenSSH (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), as far as Ed25519 keys go. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const TYPE = 'ssh-ed25519';
const SSH_PORT = 22;

export interface KnownHostsFile {
  file: string;
  text: string;
}

/** What the files say about a key that a host shows. */
export type Verdict =
  | { is: 'known' }
  | { is: 'unknown' }
  /** Somebody wrote that this key must not be trusted, or another key is known for the host. */
  | { is: 'revoked' | 'changed'; file: string; line: number };

interface Entry {
  file: string;
  line: number;
  revoked: boolean;
  hosts: string;
  key: string;
}

/** How a host is named there. */
function knownName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === SSH_PORT ? name : `[${name}]:${port}`;
}

/** The line to add for a host. */
export function knownHostsLine(host: string, port: number, keyBlob: Buffer): string {
  return `${knownName(host, port)} ${TYPE} ${keyBlob.toString('base64')}`;
}

/** What is appended to a file that may end in the middle of a line. */
export function addition(text: string, line: string): string {
  return text === '' || text.endsWith('\n') ? `${line}\n` : `\n${line}\n`;
}

export function judgeHostKey(files: KnownHostsFile[], host: string, port: number, keyBlob: Buffer): Verdict {
  const name = knownName(host, port);
  const entries = files.flatMap(entriesOf).filter(({ hosts }) => matches(hosts, name));
  const shown = keyBlob.toString('base64');
  const revoked = entries.find(entry => entry.revoked && entry.key === shown);
  if (revoked !== undefined) return { is: 'revoked', file: revoked.file, line: revoked.line };
  const good = entries.filter(entry => !entry.revoked);
  if (good.some(({ key }) => key === shown)) return { is: 'known' };
  const [other] = good;
  return other === undefined ? { is: 'unknown' } : { is: 'changed', file: other.file, line: other.line };
}

/** Lines of other key types and of certificate authorities say nothing about the keys that units have. */
function entriesOf({ file, text }: KnownHostsFile): Entry[] {
  return text.split('\n').flatMap((content, index): Entry[] => {
    const words = content.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts = '', type, key = ''] = words;
    if (hosts.startsWith('#') || type !== TYPE) return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    return [{ file, line: index + 1, revoked: marker === '@revoked', hosts, key }];
  });
}

function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return matchesHash(hosts, name);
  const patterns = hosts.toLowerCase().split(',');
  const hit = (pattern: string): boolean => asPattern(pattern).test(name);
  if (patterns.some(pattern => pattern.startsWith('!') && hit(pattern.slice(1)))) return false;
  return patterns.some(pattern => !pattern.startsWith('!') && hit(pattern));
}

/** `|1|SALT|HASH`, both base64: HMAC-SHA1 of the name. */
function matchesHash(hosts: string, name: string): boolean {
  const [, , salt = '', hash = ''] = hosts.split('|');
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` is any run of characters, `?` any one. */
function asPattern(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
