import type { Description } from '../../api/contract/configuration.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { type ConfigRecord, toDocument } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import { schemaAt } from '../../schema/kind.ts';
import { nodeAt, type Target } from '../../schema/path.ts';
import { maskSecrets, valueAt, withDefaults } from '../../schema/record.ts';
import type { Store } from '../../store/store.ts';
import type { Page } from '../pages.ts';

const MAX_NEXT = 200;

/** What stands at `target`, masked; a page of it has so many records. Throws `no-such-record`. */
export async function showTarget(
  store: Store,
  catalog: Catalog,
  target: Target,
  defaults: boolean,
  { limit = Number.POSITIVE_INFINITY, after }: Page = {},
): Promise<{ value: Json; next?: string }> {
  const shown = (path: string, value: JsonObject): JsonObject => {
    const kind = catalog.kindOf(path);
    return maskSecrets(kind, defaults ? withDefaults(kind, value) : value);
  };
  if (target.type === 'field') {
    const record = await store.read(target.path);
    const value = record === undefined ? undefined : valueAt(shown(target.path, record), target.field);
    if (value === undefined) throw nothingAt([target.path, ...target.field].join('/'));
    return { value };
  }
  const records = [];
  const from = after === undefined ? store.list(target.path) : listAfter(store, target.path, after);
  for await (const { path, value } of from) {
    const last = records.at(-1);
    if (last !== undefined && records.length === limit)
      return { value: toDocument(records, target.path), next: last.path };
    records.push({ path, value: shown(path, value) });
  }
  if (records.length === 0 && target.type === 'record' && after === undefined) throw nothingAt(target.path);
  return { value: toDocument(records, target.path) };
}

/** What stands before `after` is passed over without being read. */
async function* listAfter(store: Store, below: string, after: string): AsyncIterable<ConfigRecord> {
  const last = Buffer.from(after);
  for await (const path of store.paths(below)) {
    if (Buffer.compare(Buffer.from(path), last) <= 0) continue;
    const value = await store.read(path);
    if (value !== undefined) yield { path, value };
  }
}

function nothingAt(path: string): LockstepError {
  return new LockstepError('no-such-record', `There is nothing at ${path}.`, {
    hint: 'lockstep show lists what there is.',
    facts: { path },
  });
}

/** What lives at `path`, and what could come next. */
export async function describeTarget(
  store: Store,
  catalog: Catalog,
  target: Target,
  startsWith: string,
): Promise<Description> {
  if (target.type === 'field') {
    const { kind, path, field } = target;
    const schema = schemaAt(kind.schema, field) ?? {};
    const secret = kind.secrets.some(known =>
      known.every((name, index) => name === '*' || name === field[index]),
    );
    return {
      path: [path, ...field].join('/'),
      record: path,
      field,
      type: 'field',
      kind: kind.name,
      ...texts(schema),
      schema,
      secret,
      next: fieldsOf(schema).map(name => [path, ...field, name].join('/')),
    };
  }
  const next = new Set<string>();
  const at = (name: string): string => (target.path === '' ? name : `${target.path}/${name}`);
  const node = nodeAt(catalog.tree, target.path);
  for (const name of node.literals.keys()) next.add(at(name));
  if (node.id !== undefined) await addIds(store, target.path, startsWith, next);
  if (target.type === 'group') return { path: target.path, type: 'group', secret: false, next: [...next] };
  const { kind, path } = target;
  return {
    path,
    record: path,
    type: 'record',
    kind: kind.name,
    ...texts(kind.schema),
    schema: kind.schema,
    secret: false,
    next: [...fieldsOf(kind.schema).map(at), ...next],
  };
}

/** Ids that exist in a collection and begin with `startsWith`; stops at the first 200. */
async function addIds(
  store: Store,
  collection: string,
  startsWith: string,
  next: Set<string>,
): Promise<void> {
  const depth = collection.split('/').length + 1;
  for await (const path of store.pathsWith(`${collection}/${startsWith}`)) {
    next.add(path.split('/').slice(0, depth).join('/'));
    if (next.size >= MAX_NEXT) return;
  }
}

function fieldsOf(schema: JsonObject): string[] {
  return isObject(schema.properties) ? Object.keys(schema.properties) : [];
}

function texts(schema: JsonObject): { title?: string; description?: string } {
  return {
    ...(typeof schema.title === 'string' ? { title: schema.title } : {}),
    ...(typeof schema.description === 'string' ? { description: schema.description } : {}),
  };
}
