import { createHash } from 'node:crypto';
import { extname } from 'node:path';

interface Lying {
  name: string;
  bytes: Buffer;
}

export function hashOf(files: Lying[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex');
}

const PEM = new Set(['.pem', '.crt', '.cer', '.key']);
const PKCS12 = new Set(['.pfx', '.p12']);
const FULL_CHAINS = ['fullchain.pem', 'fullchain.cer', 'fullchain.crt'];
const PARTS = ['cert.pem', 'chain.pem'];
const KEYS = ['privkey.pem', 'privkey.key', 'key.pem'];

/** What release 0.1.0 remembered of these files. */
export function hashOfBefore(name: string, files: Lying[]): string {
  const found = (path: string): Lying[] => files.filter(each => each.name === path);
  const first = (names: string[]): Lying[] => names.flatMap(each => found(`${name}/${each}`)).slice(0, 1);
  const whole = first(FULL_CHAINS);
  const parts = PARTS.flatMap(each => found(`${name}/${each}`));
  const inFolder = [...(whole.length > 0 ? whole : parts), ...first([...KEYS, `${name}.key`])];
  const top = files.filter(each => !each.name.includes('/') && each.name === `${name}${extname(each.name)}`);
  const ofForm = (form: Set<string>): Lying[] => top.filter(each => form.has(extname(each.name)));
  return hashOf([...inFolder, ...ofForm(PEM), ...ofForm(PKCS12)]);
}
