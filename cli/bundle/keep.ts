import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BundleKind, Manifest } from '../../backup/bundle.ts';
import { type OpenOptions, openBundle } from '../../backup/read.ts';
import { saveBundle } from '../../backup/save.ts';
import { BundleSource } from '../../backup/source.ts';

/** Write the bytes of a bundle to `file`, in the place of what is there, and read them back. Throws what saveBundle throws. */
export async function keepBundle(bytes: Readable, file: string, passphrase: string): Promise<void> {
  await rm(file, { force: true });
  try {
    await saveBundle(bytes, file, { passphrase });
  } finally {
    bytes.destroy();
  }
}

/** What a bundle says of itself, after all of it was read. Throws what openBundle throws. */
export async function tellBundle(
  file: string,
  passphrase: string,
  look?: NonNullable<OpenOptions['look']>,
): Promise<Pick<Manifest, 'kind' | 'unit' | 'createdAt' | 'revision' | 'digest'> & { kind: BundleKind }> {
  const source = await BundleSource.open(file);
  try {
    const { manifest } = await openBundle(source, passphrase, look === undefined ? {} : { look });
    const { kind, unit, createdAt, revision, digest } = manifest;
    return { kind, unit, createdAt, revision, digest };
  } finally {
    await source.close();
  }
}

/** SHA-256 of a file, hexadecimal. */
export async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
