import { LockstepError } from '../schema/error.ts';
import { isObject, type Json } from '../schema/json.ts';
import type { Description } from '../unit/face.ts';

type Describe = (path: string) => Promise<Description>;

/**
 * What `before` names at `path` and `after` no longer does, said so that it goes: `after` with each such group of
 * records as an empty one. Applying a document leaves alone what it does not name, but who takes a group out of a
 * text that he edits wants it gone. Records of a collection go by not being named in it.
 * Throws `bad-usage` for a record outside any collection (`ha`), which a document cannot take away.
 */
export async function withLeftOut(
  before: Json,
  after: Json,
  path: string,
  describe: Describe,
): Promise<Json> {
  const result = structuredClone(after);
  const collections = new Set<string>();
  for (const way of missingNames(before, after, [])) {
    const place = join(path, way);
    const parent = join(path, way.slice(0, -1));
    if (collections.has(parent)) continue;
    const { type, schema } = await describe(place);
    if (type === 'group') nameEmpty(result, way);
    else if (type === 'record' && isOfCollection(schema)) collections.add(parent);
    else if (type === 'record') throw useUnset(place);
  }
  return result;
}

/** The highest names that went: objects only, since a field that went is said by the record that held it. */
function missingNames(before: Json, after: Json, way: string[]): string[][] {
  if (!isObject(before) || !isObject(after)) return [];
  return Object.entries(before).flatMap(([name, value]) => {
    if (!isObject(value)) return [];
    const below = Object.hasOwn(after, name) ? after[name] : undefined;
    return below === undefined ? [[...way, name]] : missingNames(value, below, [...way, name]);
  });
}

function nameEmpty(document: Json, way: string[]): void {
  let node = document;
  for (const name of way) {
    if (!isObject(node)) return;
    node[name] ??= {};
    node = node[name];
  }
}

function isOfCollection(schema: Description['schema']): boolean {
  return typeof schema?.recordPath !== 'string' || schema.recordPath.endsWith('{id}');
}

function join(path: string, way: string[]): string {
  return [path, ...way].filter(name => name !== '').join('/');
}

function useUnset(path: string): LockstepError {
  return new LockstepError(
    'bad-usage',
    `${path} is missing from the text, but it is not part of a list that could go without it.`,
    {
      hint: `Put it back; to remove it, type lockstep unset ${path}.`,
    },
  );
}
