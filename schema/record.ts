import { LockstepError } from './error.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import type { Kind } from './kind.ts';
import { idOf } from './path.ts';

/** What every output shows in place of a secret; coming back in a document it means "keep the one you have". */
export const MASK = '********';

/** The two halves of a record: what both units hold, and what stays on this one. */
export interface SplitRecord {
  pair: JsonObject | undefined;
  unit: JsonObject | undefined;
}

/** Cut a record by scope. A half that the kind does not have is undefined. */
export function splitRecord(kind: Kind, value: JsonObject): SplitRecord {
  const of = (inUnit: boolean): JsonObject =>
    Object.fromEntries(Object.entries(value).filter(([field]) => kind.unitFields.has(field) === inUnit));
  if (kind.scope === 'unit') return { pair: undefined, unit: value };
  if (kind.scope === 'pair') return { pair: value, unit: undefined };
  const unit = kind.scope === 'mixed' ? of(true) : {};
  return { pair: of(false), unit: Object.keys(unit).length > 0 ? unit : undefined };
}

/** The inverse of splitRecord. A mixed record exists where its pair half does. */
export function joinRecord(kind: Kind, { pair, unit }: SplitRecord): JsonObject | undefined {
  if (kind.scope === 'unit') return unit;
  return pair === undefined || unit === undefined ? pair : { ...pair, ...unit };
}

/** Names of fields in `value` that must not cross to the partner. */
export function unitScopedFields(kind: Kind, value: JsonObject): string[] {
  if (kind.scope === 'unit') return ['(the whole record)'];
  return kind.unitFields.size === 0 ? [] : Object.keys(value).filter(field => kind.unitFields.has(field));
}

/**
 * Fill in the fields that the id of the record spells out (`tcp:10.0.0.1:443` → protocol, address, port).
 * Throws `id-mismatch` when a field is there and says something else.
 */
export function withIdentity(kind: Kind, path: string, value: JsonObject): JsonObject {
  const rule = kind.id;
  if (rule?.from === undefined) return value;
  const parts = rule.cut.exec(idOf(path)) ?? [];
  const result = { ...value };
  for (const [index, { name: field, isText }] of rule.fields.entries()) {
    const said = typed((parts[index + 1] ?? '').replace(/^\[(.*)\]$/, '$1'), isText);
    if (result[field] === undefined) result[field] = said;
    else if (result[field] !== said) {
      throw new LockstepError(
        'id-mismatch',
        `${path}: "${field}" is ${JSON.stringify(result[field])}, but the id says ${JSON.stringify(said)}.`,
        {
          hint: 'Leave the field out, or add the record under the id that fits and remove this one.',
          facts: { path, field },
        },
      );
    }
  }
  return result;
}

/** What the schema wants as a number becomes one. */
function typed(text: string, isText: boolean): Json {
  return !isText && /^\d+$/.test(text) ? Number(text) : text;
}

/** The id that the fields of `value` spell out; undefined when the kind's ids are free names. */
export function idFrom(kind: Kind, value: JsonObject): string | undefined {
  return kind.id?.from?.replaceAll(/\{(\w+)\}/g, (_all, field: string) => {
    const text = String(value[field] ?? '');
    return text.includes(':') ? `[${text}]` : text;
  });
}

/** `value` with every secret replaced by the mask. */
export function maskSecrets(kind: Kind, value: JsonObject): JsonObject {
  return mapSecrets(kind, value, () => MASK);
}

/** Apply `replace` to each secret in `value`; returns `value` itself when its kind has no secrets. */
export function mapSecrets(
  kind: Kind,
  value: JsonObject,
  replace: (secret: Json, field: string[]) => Json,
): JsonObject {
  return kind.secrets.reduce((result, field) => mapAt(result, field, [], replace) as JsonObject, value);
}

function mapAt(
  node: Json,
  field: string[],
  done: string[],
  replace: (secret: Json, field: string[]) => Json,
): Json {
  const [name, ...rest] = field;
  if (name === undefined) return replace(node, done);
  if (Array.isArray(node))
    return node.map((item, index) => mapAt(item, rest, [...done, String(index)], replace));
  if (!isObject(node)) return node;
  const names = name === '*' ? Object.keys(node) : Object.hasOwn(node, name) ? [name] : [];
  const changed = names.map(key => [key, mapAt(node[key] as Json, rest, [...done, key], replace)] as const);
  return { ...node, ...Object.fromEntries(changed) };
}

/** Put back the secrets that came as a mask. Throws `secret-unknown` when `current` has none at that place. */
export function unmaskSecrets(
  kind: Kind,
  path: string,
  value: JsonObject,
  current: JsonObject | undefined,
): JsonObject {
  return mapSecrets(kind, value, (secret, field) => {
    if (secret !== MASK) return secret;
    const known = current === undefined ? undefined : valueAt(current, field);
    if (known !== undefined) return known;
    throw new LockstepError(
      'secret-unknown',
      `${path}/${field.join('/')} is masked, but there is no secret here to keep.`,
      {
        hint: 'Leave the field out, or give the secret itself.',
        facts: { path, field: field.join('/') },
      },
    );
  });
}

export function valueAt(value: Json, field: string[]): Json | undefined {
  let node: Json | undefined = value;
  for (const name of field) {
    if (Array.isArray(node)) node = node[Number(name)];
    else node = isObject(node) && Object.hasOwn(node, name) ? node[name] : undefined;
  }
  return node;
}

/** A copy of `value` in which the field holds `replacement`; undefined removes it. Missing objects on the way are made. */
export function withValueAt(value: Json | undefined, field: string[], replacement: Json | undefined): Json {
  const [name, ...rest] = field;
  if (name === undefined) return replacement as Json;
  if (Array.isArray(value)) {
    assertItem(value, name);
    const items = [...value];
    if (rest.length === 0 && replacement === undefined) items.splice(Number(name), 1);
    else items[Number(name)] = withValueAt(items[Number(name)], rest, replacement);
    return items;
  }
  const object = isObject(value) ? { ...value } : {};
  if (rest.length === 0 && replacement === undefined) delete object[name];
  else object[name] = withValueAt(Object.hasOwn(object, name) ? object[name] : undefined, rest, replacement);
  return object;
}

/** A list grows by one item at its end; a number further away would leave a gap. */
function assertItem(items: Json[], name: string): void {
  if (/^(0|[1-9][0-9]*)$/.test(name) && Number(name) <= items.length) return;
  throw new LockstepError('unknown-path', `A list of ${items.length} has no item ${JSON.stringify(name)}.`, {
    hint: `Items are numbered from 0; a new one is ${items.length}.`,
  });
}

/** `value` laid over `current`, deep to the field: what it does not name stays. Lists are taken whole. */
export function mergeRecord(current: JsonObject, value: JsonObject): JsonObject {
  const merged = { ...current };
  for (const [name, said] of Object.entries(value)) {
    const known = Object.hasOwn(current, name) ? current[name] : undefined;
    merged[name] = isObject(said) && isObject(known) ? mergeRecord(known, said) : said;
  }
  return merged;
}

/** `value` with the defaults of its kind filled in, for display. */
export function withDefaults(kind: Kind, value: JsonObject): JsonObject {
  const defaults = Object.entries(kind.schema.properties as JsonObject)
    .filter(
      ([field, property]) =>
        value[field] === undefined && isObject(property) && property.default !== undefined,
    )
    .map(([field, property]) => [field, (property as JsonObject).default]);
  return { ...Object.fromEntries(defaults), ...value };
}
