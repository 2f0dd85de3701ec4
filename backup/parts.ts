import { X509Certificate } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { LockstepError } from '../schema/error.ts';
import { canonicalize, isObject, type JsonObject } from '../schema/json.ts';
import { type Part, schemaAt } from '../schema/kind.ts';
import { valueAt, withValueAt } from '../schema/record.ts';
import type { SpelledRecord } from '../store/snapshot.ts';
import type { KeyLeftOut } from './bundle.ts';
import { isMadeAnew } from './certificate-keys.ts';
import { LIMITS } from './limits.ts';
import { PEM_FILE, pemsOf } from './pem-files.ts';
import { LinePieces } from './pieces.ts';

/** One state of the configuration: a StoreSnapshot, or whatever can list its records in the order of their paths. */
interface RecordSource {
  list(path: string): AsyncIterable<ConfigRecord>;
  /**
   * The same as canonical JSON, in runs, for records that are shared as a whole: spelling them anew would cost more than
   * all the rest.
   */
  spelled?(path: string): AsyncIterable<SpelledRecord[]>;
}

/** What goes into a bundle, the same however often it is read. */
export interface Content {
  source: RecordSource;
  catalog: Catalog;
  withKeys: boolean;
  /** Of the part `certs` what a certificate bundle holds: no kinds of the site, and the keys as PEM too. */
  onlyCertificates?: boolean;
}

/** Kinds of records in a certificate bundle. */
export const CERTIFICATE_KINDS: readonly string[] = ['certificate', 'intermediate'];

/** The records of a part at and below `top`, private keys of certificates taken out unless wanted. */
async function* recordsAt(
  { source, catalog, withKeys, onlyCertificates = false }: Content,
  part: Part,
  top: string,
  leftOut: (key: KeyLeftOut) => void = () => undefined,
): AsyncGenerator<ConfigRecord> {
  const plain = part !== 'certs' && isWhole(catalog, top, part);
  for await (const record of source.list(top)) {
    if (plain) {
      yield record; // finding the kind of each would cost as much as all the rest
      continue;
    }
    const { path, value } = record;
    const kind = catalog.kindOf(path);
    if (kind.part !== part || (onlyCertificates && !CERTIFICATE_KINDS.includes(kind.name))) continue;
    const keys = part === 'certs' && !withKeys ? privateKeys(kind.schema, kind.secrets, value) : [];
    if (keys.length > 0 && !isMadeAnew(kind)) leftOut({ path, ...fingerprintOf(value) });
    yield { path, value: keys.reduce<JsonObject>((less, key) => without(less, key), value) };
  }
}

/** The records of a part in the order of their paths. */
async function* recordsOf(content: Content, part: Part): AsyncGenerator<ConfigRecord> {
  for (const top of topsOf(content.catalog, part)) yield* recordsAt(content, part, top);
}

/** The records of a part at and below `top` as canonical JSON: as they are kept where that is what the bundle wants. */
function spelledAt(
  content: Content,
  part: Part,
  top: string,
  leftOut?: (key: KeyLeftOut) => void,
): AsyncIterable<SpelledRecord[]> {
  const { source, catalog } = content;
  const asKept = part !== 'certs' && isWhole(catalog, top, part) && isShared(catalog, top);
  return (asKept ? source.spelled?.(top) : undefined) ?? spelledAnew(recordsAt(content, part, top, leftOut));
}

async function* spelledAnew(records: AsyncIterable<ConfigRecord>): AsyncGenerator<SpelledRecord[]> {
  for await (const { path, value } of records) yield [{ path, json: Buffer.from(canonicalize(value)) }];
}

/** The file of a part, in pieces. Throws `too-large` for a record that no reader would take. */
export async function* linesOf(
  content: Content,
  part: Part,
  seen: { record?: () => void; leftOut?: (key: KeyLeftOut) => void } = {},
): AsyncGenerator<Buffer> {
  const pieces = new LinePieces();
  for (const top of topsOf(content.catalog, part)) {
    for await (const run of spelledAt(content, part, top, seen.leftOut)) {
      for (const { path, json } of run) {
        if (pieces.add(`{"path":${JSON.stringify(path)},"value":`, json, '}\n') > LIMITS.line)
          throw recordTooLarge(path);
        seen.record?.();
      }
      for (const piece of pieces.full()) {
        yield piece;
        await turn(); // everybody else
      }
    }
  }
  yield* pieces.rest();
}

/** PEM files for people with stock tools: each certificate, and in a certificate bundle its key in a file beside it. */
export async function* pemFilesOf(content: Content): AsyncGenerator<{ name: string; bytes: Buffer }> {
  for await (const record of recordsOf(content, 'certs'))
    for (const { name, pem } of pemsOf(record))
      if (content.onlyCertificates || PEM_FILE.test(name)) yield { name, bytes: Buffer.from(pem) };
}

/** First segments of the paths in a part, sorted. */
function topsOf(catalog: Catalog, part: Part): string[] {
  const tops = [
    ...new Set(catalog.kinds.filter(kind => kind.part === part).map(kind => String(kind.template[0]))),
  ].sort();
  // "-" sorts before "/": read one after the other, such neighbours would not come in the order of their paths.
  return tops.some(top => tops.some(other => other.startsWith(`${top}-`))) ? [''] : tops;
}

/** Whether all that lives at and below `top` belongs to the part. */
function isWhole(catalog: Catalog, top: string, part: Part): boolean {
  return top !== '' && catalog.kinds.every(kind => kind.template[0] !== top || kind.part === part);
}

/** Whether nothing at and below `top` belongs to a unit alone. */
function isShared(catalog: Catalog, top: string): boolean {
  return catalog.kinds.every(kind => kind.template[0] !== top || kind.scope === 'pair');
}

function privateKeys(schema: JsonObject, secrets: string[][], value: JsonObject): string[][] {
  return secrets.filter(
    field =>
      schemaAt(schema, field)?.format === 'pem-private-key' &&
      !field.includes('*') &&
      valueAt(value, field) !== undefined,
  );
}

function without(value: JsonObject, field: string[]): JsonObject {
  const less = withValueAt(value, field, undefined);
  return isObject(less) ? less : value;
}

function fingerprintOf(value: JsonObject): { fingerprint?: string } {
  try {
    return { fingerprint: new X509Certificate(String(value.certificate)).fingerprint256 };
  } catch {
    return {}; // a kind of the site may keep its certificate elsewhere
  }
}

function recordTooLarge(path: string): LockstepError {
  return new LockstepError('too-large', `${path} is larger than a bundle takes (${LIMITS.line} bytes).`, {
    facts: { path, limit: LIMITS.line },
  });
}
