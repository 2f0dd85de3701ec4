import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Manifest } from '../../backup/bundle.ts';
import { type OpenOptions, openBundle } from '../../backup/read.ts';
import { saveBundle } from '../../backup/save.ts';
import { BundleSource } from '../../backup/source.ts';

/** What a bundle says of itself. */
export type BundleSummary = Pick<Manifest, 'kind' | 'unit' | 'createdAt' | 'revision' | 'digest'>;

/**
 * Write the bytes of a bundle to `file`, in the place of what is there, and read them back; resolves to what it says of itself.
 * Throws what saveBundle throws.
 */
export async function keepBundle(bytes: Readable, file: string, passphrase: string): Promise<BundleSummary> {
  await rm(file, { force: true });
  try {
    return summaryOf((await saveBundle(bytes, file, { passphrase })).manifest);
  } finally {
    bytes.destroy();
  }
}

/** What a bundle says of itself, after all of it was read. Throws what openBundle throws. */
export async function summarizeBundle(
  file: string,
  passphrase: string,
  look?: NonNullable<OpenOptions['look']>,
): Promise<BundleSummary> {
  const source = await BundleSource.open(file);
  try {
    return summaryOf((await openBundle(source, passphrase, look === undefined ? {} : { look })).manifest);
  } finally {
    await source.close();
  }
}

function summaryOf({ kind, unit, createdAt, revision, digest }: Manifest): BundleSummary {
  return { kind, unit, createdAt, revision, digest };
}

/** SHA-256 of a file, hexadecimal. */
export async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
