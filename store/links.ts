import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { placeNames } from '../schema/places.ts';

/** A field of a record that names another record; any one of `targets` satisfies it. */
export interface Link {
  field: string;
  value: string;
  targets: string[];
}

/** All references of a record, from the `refersTo` annotations of its kind. */
export function linksOf(kind: Kind, value: JsonObject): Link[] {
  const present = kind.references.filter(
    ({ field: [first = ''] }) => first === '*' || Object.hasOwn(value, first),
  );
  return present.flatMap(({ field, targets }) =>
    [...namesAt(value, field)]
      .filter(name => name !== '')
      .map(name => ({
        field: field.filter(part => part !== '*').join('/'),
        value: name,
        targets: targets.map(target => `${target}/${name}`),
      })),
  );
}

/** Everything that a record is found by in the index of references: what it refers to, and its place names. */
export function indexedTargets(kind: Kind, value: JsonObject): string[] {
  const targets = linksOf(kind, value).flatMap(link => link.targets);
  return kind.name === PLACED && !kind.site ? [...targets, ...placeNames(value)] : targets;
}

/** The kind whose records stand on an address and port. */
export const PLACED = 'virtualService';

function* namesAt(node: Json | undefined, field: string[]): Iterable<string> {
  const [name, ...rest] = field;
  if (name === undefined) {
    if (typeof node === 'string') yield node;
    else if (Array.isArray(node)) for (const item of node) if (typeof item === 'string') yield item;
    return;
  }
  if (Array.isArray(node)) for (const item of node) yield* namesAt(item, name === '*' ? rest : field);
  else if (isObject(node)) {
    for (const key of name === '*' ? Object.keys(node) : [name])
      if (Object.hasOwn(node, key)) yield* namesAt(node[key], rest);
  }
}
