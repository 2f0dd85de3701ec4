import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { deflateRawSync } from 'node:zlib';
import type { Catalog } from '../schema/catalog.ts';
import { PARTS, type Part } from '../schema/kind.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import { type BundleKind, FORMAT, type KeyLeftOut, type Manifest, type PartEntry } from './bundle.ts';
import { MANIFEST_FILE, partFile, writeManifest } from './manifest.ts';
import { seal } from './openpgp.ts';
import { pack } from './pack.ts';
import type { Profile } from './packets.ts';
import { type Content, linesOf, pemFilesOf } from './parts.ts';
import { assertGoodPassphrase } from './passphrase.ts';
import type { ArchiveEntry } from './tar.ts';

export interface CreateOptions {
  /** Closed by createBundle and its result, however they end. */
  snapshot: Pick<StoreSnapshot, 'head' | 'list' | 'close'> & Partial<Pick<StoreSnapshot, 'spelled'>>;
  catalog: Catalog;
  unit: Manifest['unit'];
  createdAt: Date;
  passphrase: string;
  /** Default: `classic`. */
  profile?: Profile;
  /** With the private keys of certificates; default: without. */
  withKeys?: boolean;
  /** Default: `configuration`. One of `certificates` holds these alone, always with their keys. */
  kind?: BundleKind;
  /** The passphrase is one that the appliance takes, however short. */
  applianceRules?: boolean;
  /** Default: all. */
  parts?: readonly Part[];
}

interface CreatedBundle {
  manifest: Manifest;
  /** The encrypted file. Fails when the snapshot does; destroying it ends everything behind it. */
  bytes: Readable;
  /** About how many bytes there will be, for a progress bar. */
  estimatedBytes: number;
}

/** A configuration whose parts are no larger than this is kept as it is written, and not spelled a second time. */
const KEPT_BYTES = 24 * 1024 * 1024;
/** Every so many bytes of content, as many as this are packed to learn how well they pack. */
const SAMPLE_EVERY = 16;
const OVERHEAD_BYTES = 4096;

/**
 * A bundle of one state of the configuration. Reads it for the counts and hashes of the manifest before this resolves,
 * and a large one again while `bytes` is read: never more than KEPT_BYTES of it are in memory.
 * Throws `weak-passphrase`, `bad-usage`, `too-large`, `damaged-store`.
 */
export async function createBundle(options: CreateOptions): Promise<CreatedBundle> {
  const { snapshot, catalog, createdAt, passphrase, profile = 'classic', kind = 'configuration' } = options;
  const isOfCertificates = kind === 'certificates';
  const withKeys = isOfCertificates || options.withKeys === true;
  try {
    assertGoodPassphrase(passphrase, options.applianceRules);
    const content: Content = { source: snapshot, catalog, withKeys, onlyCertificates: isOfCertificates };
    const wanted = isOfCertificates ? (['certs'] as const) : (options.parts ?? PARTS);
    const { parts, keysLeftOut, packedBytes, kept } = await measure(content, wanted);
    const { revision, epoch, digest } = snapshot.head;
    const manifest: Manifest = {
      format: FORMAT,
      kind,
      createdAt: createdAt.toISOString(),
      unit: options.unit,
      schemaDigest: catalog.digest,
      kinds: { ...catalog.kindDigests },
      revision,
      epoch,
      digest,
      parts,
      withKeys,
      ...(keysLeftOut.length === 0 ? {} : { keysLeftOut }),
    };
    const packed = pack(entries(content, manifest, kept), createdAt, () => snapshot.close());
    const bytes = await seal(packed, passphrase, profile);
    bytes.once('close', () => packed.destroy());
    return { manifest, bytes, estimatedBytes: packedBytes + OVERHEAD_BYTES };
  } catch (error) {
    snapshot.close();
    throw error;
  }
}

/** Pieces of each part: all of them, or, past KEPT_BYTES, none of any. */
type Kept = Map<Part, Buffer[]>;

async function measure(
  content: Content,
  wanted: readonly Part[],
): Promise<{ parts: PartEntry[]; keysLeftOut: KeyLeftOut[]; packedBytes: number; kept: Kept }> {
  const kept: Kept = new Map();
  const parts: PartEntry[] = [];
  const keysLeftOut: KeyLeftOut[] = [];
  const sampled = { all: 0, taken: 0, packed: 0, pieces: 0 };
  for (const part of PARTS.filter(each => wanted.includes(each))) {
    const hash = createHash('sha256');
    const entry = { part, file: partFile(part), records: 0, bytes: 0 };
    const seen = { record: () => entry.records++, leftOut: (key: KeyLeftOut) => keysLeftOut.push(key) };
    for await (const piece of linesOf(content, part, seen)) {
      hash.update(piece);
      entry.bytes += piece.length;
      sampled.all += piece.length;
      if (sampled.all > KEPT_BYTES) kept.clear();
      else keep(kept, part, piece);
      if (sampled.pieces++ % SAMPLE_EVERY !== 0) continue;
      sampled.taken += piece.length;
      sampled.packed += deflateRawSync(piece).length;
    }
    parts.push({ ...entry, sha256: hash.digest('hex') });
  }
  const packedBytes = Math.round((sampled.all * sampled.packed) / Math.max(1, sampled.taken));
  return { parts, keysLeftOut, packedBytes, kept };
}

function keep(kept: Kept, part: Part, piece: Buffer): void {
  const pieces = kept.get(part);
  if (pieces === undefined) kept.set(part, [piece]);
  else pieces.push(piece);
}

async function* entries(content: Content, manifest: Manifest, kept: Kept): AsyncGenerator<ArchiveEntry> {
  const said = writeManifest(manifest);
  yield { name: MANIFEST_FILE, size: said.length, content: [said] };
  for (const { part, file, bytes } of manifest.parts)
    yield { name: file, size: bytes, content: kept.get(part) ?? linesOf(content, part) };
  if (!manifest.parts.some(({ part }) => part === 'certs')) return;
  for await (const { name, bytes } of pemFilesOf(content))
    yield { name, size: bytes.length, content: [bytes] };
}
