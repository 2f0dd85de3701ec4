import { createHash } from 'node:crypto';
import type { BundleRecord, Manifest } from './bundle.ts';
import { pemsOf } from './pem-files.ts';
import { damagedBundle } from './refusals.ts';

/** What a certificate bundle may hold beyond what every bundle may (backup/FORMAT.md, Certificate bundles). */

/** Throws `damaged-bundle` for one that is a configuration bundle in all but its name. */
export function assertCertificateManifest({ parts, withKeys, keysLeftOut = [] }: Manifest): void {
  const [only, ...more] = parts;
  if (only?.part !== 'certs' || more.length > 0)
    throw damagedBundle('it says that it holds certificates alone, but its parts are others');
  if (!withKeys || keysLeftOut.length > 0)
    throw damagedBundle('it says that it holds certificates with their keys, but also that it does not');
}

const PATH = /^(certificates|intermediates)\/[A-Za-z0-9._-]{1,251}$/;

/** Its records and PEM files as they come in one reading: nothing else than certificates, and both say the same. */
export class CertificateContent {
  /** Hashes by the name of the file. */
  private readonly files = new Map<string, string>();
  private readonly records = new Map<string, string>();

  /** Throws `damaged-bundle`. */
  takeRecord(record: BundleRecord): void {
    const { path, value } = record;
    if (!PATH.test(path)) throw damagedBundle('a record of it is no certificate, or its name is not allowed');
    const isIntermediate = path.startsWith('intermediates/');
    if (typeof value.certificate !== 'string') throw damagedBundle(`${path} holds no certificate`);
    if (value.key !== undefined && (isIntermediate || typeof value.key !== 'string'))
      throw damagedBundle(`${path} has a key that cannot be one`);
    for (const { name, pem } of pemsOf(record)) this.records.set(name, hashOf(pem));
  }

  takeFile(name: string, bytes: Buffer): void {
    this.files.set(name, hashOf(bytes.toString()));
  }

  /** Throws `damaged-bundle` when a PEM file is not what the record of its name says. */
  assertAgrees(): void {
    for (const [name, hash] of this.files)
      if (this.records.get(name) !== hash)
        throw damagedBundle('a PEM file in it is not what its records say', { entry: name });
  }
}

/** Line ends and spaces at the end do not count: an editor or `jq -r` adds them. */
function hashOf(pem: string): string {
  return createHash('sha256').update(pem.trimEnd()).digest('hex');
}
