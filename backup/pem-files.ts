import { createHash } from 'node:crypto';
import type { BundleRecord } from './bundle.ts';

/** The files of a bundle that are for people with stock tools: a certificate, or the key of one, as PEM. */
export const PEM_FILE = /^(certificates|intermediates)\/[A-Za-z0-9._~-]{1,88}\.pem$/;
/** In certificate bundles only. */
export const KEY_FILE = /^certificates\/[A-Za-z0-9._~-]{1,88}\.key$/;

/** With a folder and `.pem` it fits into a tar header. */
const LONGEST_NAME = 80;
const KEPT_OF_LONGER = 70;

/** The files of a record, and what is in them. */
export function pemsOf({ path, value }: BundleRecord): { name: string; pem: string }[] {
  const [folder, id = '', ...below] = path.split('/');
  if ((folder !== 'certificates' && folder !== 'intermediates') || below.length > 0) return [];
  const name = `${folder}/${shortened(id)}`;
  const { certificate, key } = value;
  return [
    ...(typeof certificate === 'string' ? [{ name: `${name}.pem`, pem: certificate }] : []),
    ...(folder === 'certificates' && typeof key === 'string' ? [{ name: `${name}.key`, pem: key }] : []),
  ];
}

function shortened(id: string): string {
  if (id.length <= LONGEST_NAME) return id;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 12);
  return `${id.slice(0, KEPT_OF_LONGER)}~${hash}`;
}
