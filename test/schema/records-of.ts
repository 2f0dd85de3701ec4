import fc from 'fast-check';
import { loadCatalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';

export const catalog = loadCatalog();

/** Values of the right type, not always in range: the laws of records and documents do not ask for more. */
function anyOf(schema: JsonObject): fc.Arbitrary<Json> {
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (isObject(schema.properties)) return fieldsOf(schema);
  if (isObject(schema.items)) return fc.array(anyOf(schema.items), { maxLength: 3 });
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'integer' || schema.type === 'number') return fc.nat(1000);
  return fc.string({ minLength: 1, maxLength: 12 });
}

/** Any subset of the fields. */
function fieldsOf(schema: JsonObject): fc.Arbitrary<JsonObject> {
  const fields = Object.entries(schema.properties as Record<string, JsonObject>);
  const values = Object.fromEntries(fields.map(([name, property]) => [name, anyOf(property)]));
  return fc.record(values, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
}

const kinds = fc.constantFrom(...catalog.kinds);
export const kindWithValue: fc.Arbitrary<[Kind, JsonObject]> = kinds.chain(kind =>
  fc.tuple(fc.constant(kind), fieldsOf(kind.schema)),
);

/** A path of the kind, with ids out of the examples of the kinds on the way. */
export function pathOf(kind: Kind, pick: number): string {
  return kind.template
    .map((segment, index) => {
      const above = catalog.kinds.find(
        ({ template }) => template.join('/') === kind.template.slice(0, index + 1).join('/'),
      );
      const ids = above?.id?.examples ?? ['a'];
      return segment === '{id}' ? ids[pick % ids.length] : segment;
    })
    .join('/');
}

/** Records of distinct paths, of any kinds, in any order. */
export const recordSets: fc.Arbitrary<ConfigRecord[]> = fc.uniqueArray(
  fc.tuple(kindWithValue, fc.nat(5)).map(([[kind, value], pick]) => ({ path: pathOf(kind, pick), value })),
  { selector: ({ path }) => path, maxLength: 12 },
);

export function kindNamed(name: string): Kind {
  const kind = catalog.kindNamed(name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
}

export function exampleOf(kind: Kind): JsonObject {
  return (kind.schema.examples as JsonObject[])[0] ?? {};
}
