import { extname } from 'node:path';
import type { Drop, DropFault, DroppedFile } from './drops.ts';

const CERTIFICATE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,250}$/;
const NAME_RULE = 'it takes 1 to 251 letters, digits, dots, underscores and hyphens';
/** What may follow the name of a certificate; what a file is, its content alone says. */
const ENDINGS = new Set(
  'pem crt cer cert key der pfx p12 p7b p7c pass passphrase password issuer fullchain chain privkey bundle ca-bundle csr conf json ocsp'.split(
    ' ',
  ),
);
/** What editors and copying programs leave or are still at. */
const PASSING = /(~|\.(tmp|temp|part|partial|swp|swx|bak|old|orig|new|dpkg-[a-z]+))$/i;
const PASSPHRASE = /(^|\.)(pass|passphrase|password)(\.txt)?$/i;

/** Which files are about which certificate, sorted by name: those of one folder, and those at the top that share a name. */
export function findDrops(files: DroppedFile[]): Drop[] {
  const groups = new Map<string, DroppedFile[]>();
  for (const file of files) {
    const name = nameOf(file.path);
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return [...groups]
    .map(([name, group]) => dropOf(name, group))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The certificate that a file is about; undefined: nothing is to be read. */
export function nameOf(path: string): string | undefined {
  const parts = path.split('/');
  const own = parts.at(-1) as string;
  if (parts.some(part => part.startsWith('.')) || PASSING.test(own)) return undefined;
  return parts.length > 1 ? parts[0] : stemOf(own);
}

function stemOf(file: string): string {
  let name = file;
  for (let ending = extname(name); ending.length < name.length; ending = extname(name)) {
    if (!ENDINGS.has(ending.slice(1).toLowerCase())) break;
    name = name.slice(0, -ending.length);
  }
  return name;
}

function dropOf(name: string, group: DroppedFile[]): Drop {
  const isPassphrase = ({ path }: DroppedFile): boolean => PASSPHRASE.test(path.split('/').at(-1) as string);
  const byPath = (one: string, other: string): number => (one < other ? -1 : 1);
  return {
    name,
    files: group
      .filter(file => !isPassphrase(file) && file.fault === undefined)
      .map(({ path }) => path)
      .sort(byPath),
    links: group.filter(({ linked }) => linked).map(({ path }) => path),
    passphrase: group.find(isPassphrase)?.path,
    stamp: stampOfAll(group),
    fault: faultOf(name, group),
    blocked: group.flatMap(({ path, fault }) => (fault === undefined ? [] : [{ file: path, why: fault }])),
  };
}

function faultOf(name: string, group: DroppedFile[]): DropFault | undefined {
  if (!CERTIFICATE_NAME.test(name))
    return { code: 'bad-id', message: `no certificate can have this name: ${NAME_RULE}` };
  const blocked = group.find(({ fault }) => fault !== undefined);
  if (blocked === undefined || group.some(({ fault }) => fault === undefined)) return undefined;
  return { code: 'certificate-unreadable', message: `${blocked.path}: ${blocked.fault}` };
}

/** Changes when any of the files may have, or when there are others. */
export function stampOfAll(files: Pick<DroppedFile, 'path' | 'stamp'>[]): string {
  return files
    .map(({ path, stamp }) => `${path} ${stamp}`)
    .sort()
    .join('\n');
}
