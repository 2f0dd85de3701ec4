import type { Catalog } from './catalog.ts';
import { LockstepError } from './error.ts';
import { assertPlainJson, isObject, type Json, type JsonObject } from './json.ts';
import { nodeAt, type PathNode } from './path.ts';

export interface ConfigRecord {
  path: string;
  value: JsonObject;
}

/** The nested document that people see, made of the records at and below `path`. */
export function toDocument(records: Iterable<ConfigRecord>, path = ''): JsonObject {
  const root: JsonObject = {};
  const skip = path === '' ? 0 : path.split('/').length;
  for (const record of records) {
    let node = root;
    for (const segment of record.path.split('/').slice(skip)) {
      // an id may be the name of something that every object inherits: toString
      if (!Object.hasOwn(node, segment)) node[segment] = {};
      node = node[segment] as JsonObject;
    }
    Object.assign(node, record.value);
  }
  return root;
}

/**
 * The records of a nested document that stands at `path`. Inverse of toDocument.
 * Throws `unknown-path`, `bad-id`, `invalid-value`.
 */
export function fromDocument(catalog: Catalog, document: Json, path = ''): ConfigRecord[] {
  const target = catalog.resolve(path);
  if (target.type === 'field')
    throw new LockstepError('unknown-path', `"${path}" is a field; a document stands at a record or above.`);
  const records: ConfigRecord[] = [];
  assertPlainJson(document, path === '' ? 'the document' : path);
  collect(catalog, nodeAt(catalog.tree, target.path), document, target.path, records);
  return records;
}

function collect(
  catalog: Catalog,
  node: PathNode,
  document: Json,
  path: string,
  records: ConfigRecord[],
): void {
  if (!isObject(document)) {
    throw new LockstepError('invalid-value', `${path === '' ? 'The document' : path} must be an object.`, {
      facts: { path },
    });
  }
  const at = (name: string): string => (path === '' ? name : `${path}/${name}`);
  const fields: JsonObject = {};
  const below: [string, Json][] = [];
  for (const [name, value] of Object.entries(document)) {
    if (node.kind !== undefined && !node.literals.has(name)) fields[name] = value;
    else below.push([name, value]);
  }
  if (node.kind !== undefined) records.push({ path, value: fields });
  for (const [name, value] of below) {
    assertName(name, path);
    catalog.resolve(at(name));
    collect(catalog, (node.literals.get(name) ?? node.id) as PathNode, value, at(name), records);
  }
}

/** A key is one step of a path: `users/ada` as a key would stand where no record is. */
function assertName(name: string, path: string): void {
  if (name !== '' && !name.includes('/')) return;
  throw new LockstepError('bad-id', `${JSON.stringify(name)} in ${path || 'the document'} is not a name.`, {
    hint: 'What lies below another thing is nested in it: {"users": {"ada": {}}}',
    facts: { id: name, collection: path },
  });
}
