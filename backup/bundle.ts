import type { JsonObject } from '../schema/json.ts';
import type { Part } from '../schema/kind.ts';

/** What a bundle is, whatever made it: backup/FORMAT.md describes its bytes. */
export const FORMAT = 1;

export type BundleKind = 'configuration' | 'certificates';

/** First entry of the archive: what the rest must be. */
export interface Manifest {
  format: number;
  kind: BundleKind;
  /** ISO 8601. */
  createdAt: string;
  unit: { id: string; name: string; mode: 'single' | 'first' | 'second'; model: string; release: string };
  /** Digest of all schemas, and of each kind by its name, at the unit that made the bundle. */
  schemaDigest: string;
  kinds: Record<string, string>;
  /** The one state that the bundle holds: its revision, epoch, and the digest of its shared part. */
  revision: number;
  epoch: number;
  digest: string;
  parts: PartEntry[];
  /** Whether private keys of certificates are in it. */
  withKeys: boolean;
  /** The private keys that are not; absent when there are none. */
  keysLeftOut?: KeyLeftOut[];
}

export interface KeyLeftOut {
  /** Of the record. */
  path: string;
  /** SHA-256 of its certificate, as `AB:CD:…`; absent when it cannot be read. */
  fingerprint?: string;
}

/** One file of records, in the order of their paths. */
export interface PartEntry {
  part: Part;
  /** Name in the archive: `parts/base.ndjson`. */
  file: string;
  records: number;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** One line of a part: a whole record, what the pair shares and what belongs to the unit. */
export interface BundleRecord {
  path: string;
  value: JsonObject;
}

/** A bundle that was read to its end and found whole: decrypted, unpacked, every hash compared. */
export interface Bundle {
  manifest: Manifest;
  /** Reads the records again from the encrypted file; rejects when it is not the same any more. */
  records(parts?: readonly Part[]): AsyncIterable<BundleRecord>;
}
