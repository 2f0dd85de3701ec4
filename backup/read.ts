import { createHash } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { isObject, parseDocument } from '../schema/json.ts';
import { PARTS, type Part } from '../schema/kind.ts';
import type { Bundle, BundleRecord, Manifest, PartEntry } from './bundle.ts';
import { CertificateContent } from './certificate-bundle.ts';
import { gunzip } from './gunzip.ts';
import { LIMITS } from './limits.ts';
import { MANIFEST_FILE, readManifest } from './manifest.ts';
import { type SessionKey, unlock, unseal } from './openpgp.ts';
import { HEAD_BYTES, type Head, type Profile, readHead } from './packets.ts';
import { assertTypeable } from './passphrase.ts';
import { KEY_FILE, PEM_FILE } from './pem-files.ts';
import { damagedBundle } from './refusals.ts';
import type { BundleSource } from './source.ts';
import { readTar, type TarEntry } from './untar.ts';

export interface OpenOptions {
  /** Sees each record of the first pass; what it throws refuses the bundle. */
  look?: (record: BundleRecord, part: Part) => void;
  /** Encrypted bytes that were read, for a progress bar. */
  onBytes?: (bytes: number) => void;
  /** Up to so many bytes of records stay in memory for records(); of a larger bundle none do. Default: 0. */
  keptBytes?: number;
}

export interface OpenBundle extends Bundle {
  profile: Profile;
  /** Bytes of the encrypted file. */
  size: number;
}

/**
 * Read a bundle to its end, and hand it out only when all of it is good: one pass that decrypts, unpacks and compares
 * everything. Plaintext never touches a disk. `source` stays open: records() reads it again, unless all lines were kept.
 * Throws `not-a-bundle`, `wrong-passphrase`, `damaged-bundle`, `newer-format`, and what `look` throws.
 */
export async function openBundle(
  source: BundleSource,
  passphrase: string,
  { look = () => undefined, onBytes, keptBytes = 0 }: OpenOptions = {},
): Promise<OpenBundle> {
  assertTypeable(passphrase);
  const head = readHead(await source.head(HEAD_BYTES));
  const key = await unlock(head, passphrase);
  const first = new Pass(source, head, key, onBytes);
  const kept: Omit<Run, 'records'>[] = [];
  let bytes = 0;
  for await (const { records, lines, part } of first.runs()) {
    for (const record of records) look(record, part);
    for (const line of lines) bytes += line.length;
    if (bytes <= keptBytes) kept.push({ part, lines });
    else kept.length = 0;
  }
  const manifest = first.manifest as Manifest;
  const records = async function* (parts: readonly Part[] = PARTS): AsyncGenerator<BundleRecord> {
    if (bytes <= keptBytes) return yield* recalled(kept.filter(({ part }) => parts.includes(part)));
    const again = new Pass(source, head, key);
    for await (const run of again.runs(first.hash)) if (parts.includes(run.part)) yield* run.records;
  };
  return { manifest, records, profile: head.profile, size: source.size };
}

interface Run {
  part: Part;
  records: BundleRecord[];
  lines: Buffer[];
}

/** The records of lines that were checked before; parsed anew, so that whoever changes one changes it for himself. */
function* recalled(kept: Pick<Run, 'lines'>[]): Generator<BundleRecord> {
  for (const { lines } of kept) for (const line of lines) yield JSON.parse(line.toString()) as BundleRecord;
}

/** One reading of the file from its beginning to its end. */
class Pass {
  manifest: Manifest | undefined;
  /** SHA-256 of the encrypted bytes; there once all were read. */
  hash = '';
  private readonly source: BundleSource;
  private readonly head: Head;
  private readonly key: SessionKey;
  private readonly onBytes: ((bytes: number) => void) | undefined;
  private readonly seen = new Set<string>();
  /** Of a certificate bundle. */
  private certificates: CertificateContent | undefined;

  constructor(source: BundleSource, head: Head, key: SessionKey, onBytes?: (bytes: number) => void) {
    this.source = source;
    this.head = head;
    this.key = key;
    this.onBytes = onBytes;
  }

  /**
   * Records in runs, since a step of the event loop for each would cost as much as to read it. Good only once the end is
   * reached. With `expected`: rejects when the file has another hash.
   */
  async *runs(expected?: string): AsyncGenerator<Run> {
    for await (const entry of readTar(gunzip(unseal(this.cipher(), this.head, this.key)))) {
      const part = await this.enter(entry);
      if (part === undefined) continue;
      for await (const run of readPart(entry, part)) {
        for (const record of run.records) this.certificates?.takeRecord(record);
        yield { ...run, part: part.part };
      }
    }
    this.certificates?.assertAgrees();
    if (this.manifest === undefined) throw damagedBundle('its archive is empty');
    for (const { file } of this.manifest.parts)
      if (!this.seen.has(file)) throw damagedBundle(`${file} is missing`);
    if (expected !== undefined && this.hash !== expected)
      throw damagedBundle('the file is not the one that was checked before');
  }

  private async *cipher(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of this.source.read(this.head.dataStart, this.onBytes)) {
      hash.update(chunk);
      yield chunk;
    }
    this.hash = hash.digest('hex');
  }

  /** Only what a bundle may hold gets in, each once; the entry of a part is handed back. */
  private async enter(entry: TarEntry): Promise<PartEntry | undefined> {
    const { name, type, size } = entry;
    if (this.seen.has(name)) throw damagedBundle('a name is twice in its archive', { entry: name });
    this.seen.add(name);
    if (type === 'folder') {
      if (FOLDERS.has(name)) return undefined;
      throw stranger(name);
    }
    if (this.manifest === undefined) {
      if (name !== MANIFEST_FILE) throw damagedBundle(`its archive does not begin with ${MANIFEST_FILE}`);
      if (size > LIMITS.manifest) throw damagedBundle('its manifest is too large');
      this.manifest = readManifest(await bytesOf(entry));
      if (this.manifest.kind === 'certificates') this.certificates = new CertificateContent();
      return undefined;
    }
    const part = this.manifest.parts.find(({ file }) => file === name);
    if (part !== undefined) {
      if (part.bytes !== size) throw disagrees(part.file);
      return part;
    }
    if (!PEM_FILE.test(name) && !(this.certificates && KEY_FILE.test(name))) throw stranger(name);
    if (size > LIMITS.pem) throw damagedBundle('a certificate is too large', { entry: name });
    if (this.seen.size > this.mostEntries()) throw damagedBundle('its archive has too many entries');
    this.certificates?.takeFile(name, await bytesOf(entry));
    return undefined;
  }

  /** Manifest, parts, folders, and one PEM file a certificate, or two with its key. */
  private mostEntries(): number {
    const { parts = [] } = this.manifest ?? {};
    const certificates = parts.find(({ part }) => part === 'certs')?.records ?? 0;
    return 1 + parts.length + FOLDERS.size + certificates * (this.certificates === undefined ? 1 : 2);
  }
}

const FOLDERS: ReadonlySet<string> = new Set(['parts/', 'certificates/', 'intermediates/']);

function stranger(name: string): LockstepError {
  return damagedBundle('something is in its archive that does not belong there', { entry: name });
}

function disagrees(file: string): LockstepError {
  return damagedBundle(`${file} is not what the manifest says`);
}

async function bytesOf({ content }: TarEntry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The records of a part, compared with what the manifest says of it at their end. */
async function* readPart({ content }: TarEntry, said: PartEntry): AsyncGenerator<Omit<Run, 'part'>> {
  const hash = createHash('sha256');
  const lines = new Lines(said.file);
  let count = 0;
  let before = '';
  const readNext = (line: Buffer): BundleRecord => {
    count++;
    const record = readRecord(line, `${said.file}, line ${count}`);
    if (count > said.records) throw disagrees(said.file);
    if (record.path <= before)
      throw damagedBundle(`${said.file}, line ${count}: the paths are not in order, or one is there twice`);
    before = record.path;
    return record;
  };
  for await (const piece of content) {
    hash.update(piece);
    const whole = lines.take(piece);
    yield { records: whole.map(readNext), lines: whole };
  }
  lines.end();
  if (count !== said.records || hash.digest('hex') !== said.sha256) throw disagrees(said.file);
}

const LINE_END = 10;

/** Cuts pieces into lines. */
class Lines {
  private readonly file: string;
  private open: Buffer[] = [];
  private size = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** The lines that end in `piece`, without their ends. */
  take(piece: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = piece.indexOf(LINE_END); end !== -1; end = piece.indexOf(LINE_END, from)) {
      const rest = piece.subarray(from, end);
      lines.push(this.size === 0 ? rest : Buffer.concat([...this.open, rest]));
      [this.open, this.size, from] = [[], 0, end + 1];
    }
    if (from < piece.length) this.open.push(piece.subarray(from));
    this.size += piece.length - from;
    if (this.size > LIMITS.line) throw damagedBundle(`${this.file} has a line that is too long`);
    return lines;
  }

  end(): void {
    if (this.size > 0) throw damagedBundle(`the last line of ${this.file} has no end`);
  }
}

function brackets(line: Buffer): number {
  let count = 0;
  for (const byte of line) if (byte === 0x5b || byte === 0x7b) count++;
  return count;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readRecord(line: Buffer, place: string): BundleRecord {
  if (line.length > LIMITS.brackets && brackets(line) > LIMITS.brackets)
    throw damagedBundle(`${place}: it has too many lists and objects`);
  try {
    const record = parseDocument(utf8.decode(line), 'the record');
    if (isObject(record) && typeof record.path === 'string' && isObject(record.value)) {
      const { path, value, ...more } = record;
      if (path !== '' && Object.keys(more).length === 0) return { path, value };
    }
  } catch (error) {
    throw damagedBundle(
      `${place}: ${error instanceof LockstepError ? error.message.replace(/\.$/, '') : 'it is not UTF-8'}`,
    );
  }
  throw damagedBundle(`${place}: it is not a record`);
}
