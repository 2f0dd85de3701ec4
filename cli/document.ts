import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, parseDocument } from '../schema/json.ts';
import { type Budget, fullBudget, nameOf, readText, unreadable } from './read.ts';

/**
 * A nested document from a file, from stdin (`-`), or from a folder in the form of config/: a folder a group, a JSON
 * file an object, names percent-encoded. Other files and dot files in it are not read. `topNames`: what a document has at its
 * top; a file of the folder that is called otherwise and holds such names is a whole document (site.json).
 * Throws `bad-usage`, `too-large`, and what parseDocument throws, with file, line and column.
 */
export async function readDocument(source: string, topNames: readonly string[] = []): Promise<Json> {
  if (source === '-' || !(await isFolder(source)))
    return parseDocument(await readText(source), nameOf(source));
  const document = unfolded(await readFolder(source, fullBudget()), topNames, source);
  if (Object.keys(document).length > 0) return document;
  throw new LockstepError('bad-usage', `${source} holds no .json files.`);
}

function unfolded(document: JsonObject, topNames: readonly string[], source: string): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(document)) {
    const isWhole =
      !topNames.includes(name) && isObject(value) && Object.keys(value).some(each => topNames.includes(each));
    if (!isWhole) add(result, name, value, join(source, name));
    else
      for (const [key, below] of Object.entries(value)) add(result, key, below, join(source, `${name}.json`));
  }
  return result;
}

async function isFolder(source: string): Promise<boolean> {
  try {
    return (await stat(source)).isDirectory();
  } catch (error) {
    throw unreadable(source, error as NodeJS.ErrnoException);
  }
}

async function readFolder(folder: string, budget: Budget): Promise<JsonObject> {
  const document: JsonObject = {};
  const entries = await readdir(folder, { withFileTypes: true });
  // Files before folders: `users/bal.json` may stand beside a folder that adds to the same object.
  for (const entry of entries.sort((a, b) => Number(a.isDirectory()) - Number(b.isDirectory()))) {
    const place = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory())
      add(document, decodeName(entry.name, place), await readFolder(place, budget), place);
    else if (entry.name.endsWith('.json')) {
      add(
        document,
        decodeName(entry.name.slice(0, -'.json'.length), place),
        parseDocument(await readText(place, budget), place),
        place,
      );
    }
  }
  return document;
}

/** A folder joins the object of a file of the same name; two that say the same thing twice are refused. */
function add(document: JsonObject, name: string, value: Json, place: string): void {
  const there = Object.hasOwn(document, name) ? document[name] : undefined;
  if (there === undefined) document[name] = value;
  else if (isObject(there) && isObject(value)) {
    for (const [key, below] of Object.entries(value)) add(there, key, below, place);
  } else {
    throw new LockstepError('duplicate-key', `${place}: "${name}" is there twice.`, {
      hint: 'Keep one of the two.',
      facts: { key: name },
    });
  }
}

function decodeName(name: string, place: string): string {
  const id = decode(name, place);
  if (id !== '' && !id.includes('/') && !RESERVED.has(id)) return id;
  throw new LockstepError('bad-id', `${place}: ${JSON.stringify(id)} cannot be the name of a record.`);
}

const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

function decode(name: string, place: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new LockstepError(
      'bad-id',
      `${place}: the name is not percent-encoded as a name of this folder must be.`,
      {
        hint: 'For example tcp%3A10.20.0.100%3A443.json.',
      },
    );
  }
}
