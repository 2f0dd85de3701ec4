import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Catalog } from '../../schema/catalog.ts';
import { type ConfigRecord, fromDocument, toDocument } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import { parseDocument } from '../../schema/json.ts';
import type { PathNode } from '../../schema/path.ts';
import { maskSecrets } from '../../schema/record.ts';

/**
 * What the files of the mirror are called and what they hold. One file for each top-level object, with everything
 * below it; ids percent-encoded, so that a name needs no quoting in a shell:
 *
 *     ha                                               ha.json
 *     virtualServices/tcp:10.0.0.1:443 and below       virtualServices/tcp%3A10.0.0.1%3A443.json
 *     geo/fqdns/shop.example and below                 geo/fqdns/shop.example.json
 */
const SUFFIX = '.json';
/** NAME_MAX of Linux. */
const LONGEST_NAME = 255;
/** Counts up when render() writes the same records differently. */
export const FORM = 1;

/**
 * The top-level object that the record at `path` belongs to: the highest record on the way.
 * Undefined when that lies below an id that is no record itself: its folder could not be known in advance.
 */
export function topOf(catalog: Catalog, path: string): string | undefined {
  const segments = path.split('/');
  let node: PathNode = catalog.tree;
  for (const [index, segment] of segments.entries()) {
    const literal = node.literals.get(segment);
    const next = literal ?? node.id;
    if (next === undefined) return undefined;
    if (next.kind !== undefined) return segments.slice(0, index + 1).join('/');
    if (literal === undefined) return undefined;
    node = next;
  }
  return undefined;
}

/** The folders that files can be in, parents first; `''` is the mirror's own. */
export function foldersOf(catalog: Catalog): string[] {
  const folders = [''];
  const walk = (node: PathNode, path: string): void => {
    for (const [name, child] of node.literals) {
      if (child.kind !== undefined) continue;
      folders.push(`${path}${name}`);
      walk(child, `${path}${name}/`);
    }
  };
  walk(catalog.tree, '');
  return folders;
}

/** The file of the top-level object at `path`, relative to the mirror; undefined when its name would be too long. */
export function fileOf(path: string): string | undefined {
  const file = `${path.split('/').map(encode).join('/')}${SUFFIX}`;
  return basename(file).length > LONGEST_NAME ? undefined : file;
}

/** Inverse of fileOf. Throws `unknown-path`, `bad-id` for a file that belongs to no top-level object. */
export function pathOf(catalog: Catalog, file: string): string {
  if (!file.endsWith(SUFFIX)) throw notOurs(file);
  const path = file.slice(0, -SUFFIX.length).split('/').map(decode).join('/');
  const target = catalog.resolve(path);
  if (target.type !== 'record' || topOf(catalog, path) !== path) throw notOurs(file);
  const proper = fileOf(path);
  if (proper !== file) throw badName(file, `Name it ${proper}.`);
  return path;
}

/** Whether a name in a folder of the mirror is meant as configuration: not a note, a folder of git, an editor's own. */
export function isConfigName(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith('.');
}

/** The content of the file of the top-level object at `path`; undefined when there are no records. Secrets are masked. */
export function render(catalog: Catalog, path: string, records: ConfigRecord[]): string | undefined {
  if (records.length === 0) return undefined;
  const masked = records.map(record => ({
    path: record.path,
    value: maskSecrets(catalog.kindOf(record.path), record.value),
  }));
  return `${JSON.stringify(toDocument(masked, path), null, 2)}\n`;
}

/** The records that a file holds. Throws what parseDocument and fromDocument throw. */
export function parseFile(catalog: Catalog, path: string, file: string, bytes: Buffer): ConfigRecord[] {
  return fromDocument(catalog, parseDocument(decodeText(bytes, file), file), path);
}

export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url');
}

/** Nothing, or bytes of zero, which no editor writes: what a power cut leaves of a file. */
export function isBlank(bytes: Buffer): boolean {
  return bytes.length === 0 || bytes.includes(0);
}

function decodeText(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new LockstepError('bad-json', `${file} is not UTF-8.`, { hint: 'Save it as UTF-8.' });
  }
}

function encode(segment: string): string {
  return segment.replaceAll(/[^A-Za-z0-9._-]|^\./g, percent);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function decode(name: string): string {
  try {
    const segment = decodeURIComponent(name);
    if (segment !== '' && !segment.includes('/')) return segment;
  } catch {
    // a lone % is as bad as an encoded slash
  }
  throw badName(name);
}

function notOurs(file: string): LockstepError {
  return new LockstepError('unknown-path', `${file} is not a file of the configuration.`, {
    hint: 'Each file holds one top-level object, with everything below it.',
    facts: { file },
  });
}

function badName(
  file: string,
  hint = 'Characters outside A-Z a-z 0-9 . _ - are written as %XX.',
): LockstepError {
  return new LockstepError('bad-id', `${file} is not how the mirror names a file.`, { hint });
}
