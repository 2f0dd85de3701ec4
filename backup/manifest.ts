import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, parseDocument } from '../schema/json.ts';
import { PARTS, type Part } from '../schema/kind.ts';
import { FORMAT, type KeyLeftOut, type Manifest, type PartEntry } from './bundle.ts';
import { assertCertificateManifest } from './certificate-bundle.ts';
import { damagedBundle } from './refusals.ts';

export const MANIFEST_FILE = 'manifest.json';

export function partFile(part: Part): string {
  return `parts/${part}.ndjson`;
}

export function writeManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** What the manifest says, members that this version does not know left out. Throws `damaged-bundle`, `newer-format`. */
export function readManifest(bytes: Buffer): Manifest {
  const said = parsed(bytes);
  if (!isObject(said)) throw wrong('it is not an object');
  const format = integer(said, 'format');
  if (format > FORMAT) throw newer(format);
  const unit = object(said, 'unit');
  const parts = list(said, 'parts').map(readPart);
  if (new Set(parts.map(({ part }) => part)).size < parts.length) throw wrong('"parts" names a part twice');
  const manifest: Manifest = {
    format,
    kind: oneOf(said, 'kind', ['configuration', 'certificates'] as const),
    createdAt: moment(said, 'createdAt'),
    unit: {
      id: text(unit, 'id'),
      name: text(unit, 'name'),
      mode: oneOf(unit, 'mode', ['single', 'first', 'second'] as const),
      model: text(unit, 'model'),
      release: text(unit, 'release'),
    },
    schemaDigest: text(said, 'schemaDigest'),
    kinds: texts(object(said, 'kinds')),
    revision: integer(said, 'revision'),
    epoch: integer(said, 'epoch'),
    digest: text(said, 'digest'),
    parts,
    withKeys: flag(said, 'withKeys'),
    ...(said.keysLeftOut === undefined ? {} : { keysLeftOut: list(said, 'keysLeftOut').map(readKeyLeftOut) }),
  };
  if (manifest.kind === 'certificates') assertCertificateManifest(manifest);
  return manifest;
}

function parsed(bytes: Buffer): Json {
  try {
    return parseDocument(new TextDecoder('utf-8', { fatal: true }).decode(bytes), MANIFEST_FILE);
  } catch (error) {
    throw wrong(error instanceof LockstepError ? error.message.replace(/\.$/, '') : 'it is not UTF-8');
  }
}

function readPart(said: Json): PartEntry {
  if (!isObject(said)) throw wrong('a part is not an object');
  const part = oneOf(said, 'part', PARTS);
  const sha256 = text(said, 'sha256');
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw wrong(`the hash of ${part} is no SHA-256 in lower-case hex`);
  if (text(said, 'file') !== partFile(part)) throw wrong(`the file of ${part} is not ${partFile(part)}`);
  return {
    part,
    file: partFile(part),
    records: integer(said, 'records'),
    bytes: integer(said, 'bytes'),
    sha256,
  };
}

function readKeyLeftOut(said: Json): KeyLeftOut {
  if (!isObject(said)) throw wrong('an item of "keysLeftOut" is not an object');
  const fingerprint = said.fingerprint === undefined ? {} : { fingerprint: text(said, 'fingerprint') };
  return { path: text(said, 'path'), ...fingerprint };
}

function wrong(reason: string): LockstepError {
  return damagedBundle(`its manifest is wrong: ${reason}`);
}

function newer(format: number): LockstepError {
  return new LockstepError(
    'newer-format',
    `The bundle has format ${format}; this version reads up to ${FORMAT}.`,
    {
      hint: 'Install the release of Lockstep that made it, or a later one.',
      facts: { format, reads: FORMAT },
    },
  );
}

function member(said: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(said, name) ? said[name] : undefined;
}

function text(said: JsonObject, name: string): string {
  const value = member(said, name);
  if (typeof value !== 'string' || value.length > 4096) throw wrong(`"${name}" is not a text`);
  return value;
}

function flag(said: JsonObject, name: string): boolean {
  const value = member(said, name);
  if (typeof value !== 'boolean') throw wrong(`"${name}" is not true or false`);
  return value;
}

function integer(said: JsonObject, name: string): number {
  const value = member(said, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw wrong(`"${name}" is not a number that counts`);
  return value;
}

function moment(said: JsonObject, name: string): string {
  const value = text(said, name);
  if (Number.isNaN(Date.parse(value))) throw wrong(`"${name}" is not a time`);
  return value;
}

function oneOf<Word extends string>(said: JsonObject, name: string, words: readonly Word[]): Word {
  const value = member(said, name);
  const found = words.find(word => word === value);
  if (found === undefined) throw wrong(`"${name}" is not one of ${words.join(', ')}`);
  return found;
}

function object(said: JsonObject, name: string): JsonObject {
  const value = member(said, name);
  if (!isObject(value)) throw wrong(`"${name}" is not an object`);
  return value;
}

function texts(said: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.keys(said).map(name => [name, text(said, name)]));
}

function list(said: JsonObject, name: string): Json[] {
  const value = member(said, name);
  if (!Array.isArray(value)) throw wrong(`"${name}" is not a list`);
  return value;
}
