import { LockstepError } from './error.ts';
import { isObject, type Json, type JsonObject, RESERVED_KEYS } from './json.ts';

/** Which part of a backup a record belongs to (docs/DOMAIN.md, Backup and restore). */
export const PARTS = ['base', 'vs', 'geo', 'sso', 'certs'] as const;
export type Part = (typeof PARTS)[number];
/** `pair`: equal on both units. `unit`: never leaves the unit. */
type Scope = 'pair' | 'unit';

/** Who may change a record or a field. `admin`: whoever changes it could get more rights than they have. */
export const CHANGERS = ['operate', 'admin'] as const;
type Changer = (typeof CHANGERS)[number];

/** What one schema file says about the records of its kind. */
export interface Kind {
  name: string;
  title: string;
  description: string;
  /** Where its records live: `ha`, or `virtualServices/{id}/realServers/{id}`. */
  template: string[];
  part: Part;
  /** `mixed`: the record exists on both units, some of its fields belong to each unit alone. */
  scope: Scope | 'mixed';
  unitFields: ReadonlySet<string>;
  /** The least role of operators that may make, change and remove its records. */
  changedBy: Changer;
  /** Fields that another role is needed for. */
  fieldsChangedBy: ReadonlyMap<string, Changer>;
  /** False: its file does not say who may change it, so only an admin may. */
  saysChangedBy: boolean;
  /** Where its secrets are; `*` stands for every item of an array or every value of an object. */
  secrets: string[][];
  references: { field: string[]; targets: string[] }[];
  uniqueFields: string[];
  id: IdRule | undefined;
  schema: JsonObject;
  /** True for a kind that the site added. */
  site: boolean;
}

interface IdRule {
  pattern: RegExp;
  description: string;
  examples: string[];
  /** Fields that make up the id: `{protocol}:{address}:{port}`. */
  from: string | undefined;
  /** These fields in their order, and what cuts an id into them. */
  fields: { name: string; isText: boolean }[];
  cut: RegExp;
}

/** Every id, of whatever kind, is made of these; so a path needs no quoting in a shell, a URL or a file name. */
export const ID_ALPHABET = /^[A-Za-z0-9._:@*+=,~[\]-]{1,251}$/;

/** JSON Schema keywords of our own; other tools read past them. */
export const ANNOTATIONS = [
  'recordPath',
  'recordId',
  'part',
  'scope',
  'changedBy',
  'refersTo',
  'unique',
  'loadmaster',
  'loadmasterValues',
  'tightened',
] as const;

const SCHEMA_ID = /^urn:lockstep:kind:([A-Za-z][A-Za-z0-9-]*)$/;

/** Read the annotations of one schema file. Throws `bad-schema` naming `file` and what is wrong. */
export function readKind(schema: Json, file: string, site: boolean): Kind {
  if (!isObject(schema)) throw badSchema(file, 'it is not a JSON object');
  const name = SCHEMA_ID.exec(String(schema.$id))?.[1];
  if (name === undefined) throw badSchema(file, '"$id" must be "urn:lockstep:kind:NAME"');
  if (schema.type !== 'object' || !isObject(schema.properties))
    throw badSchema(file, 'it must describe an object with properties');
  if (schema.unevaluatedProperties !== false) throw badSchema(file, '"unevaluatedProperties" must be false');
  assertAnnotations(schema, file);
  const template = readTemplate(schema.recordPath, file);
  const scope = readScope(schema, file);
  return {
    name,
    title: String(schema.title ?? name),
    description: String(schema.description ?? ''),
    template,
    part: readPart(schema.part, file),
    scope: scope.whole,
    unitFields: scope.unitFields,
    ...readChangedBy(schema, file),
    secrets: fieldsWhere(schema, property => property.writeOnly === true),
    references: fieldsWhere(schema, property => Array.isArray(property.refersTo)).map(field => ({
      field,
      targets: targetsAt(schema, field),
    })),
    uniqueFields: Object.entries(schema.properties)
      .filter(([, property]) => isObject(property) && property.unique === true)
      .map(([field]) => field),
    id: readIdRule(schema, template, file),
    schema,
    site,
  };
}

/**
 * An annotation in a place that is not looked at would do nothing: a secret would be shown, a field of the unit
 * would reach the partner. So it is refused.
 */
function assertAnnotations(schema: JsonObject, file: string): void {
  const seen = (matches: (property: JsonObject) => boolean): number => fieldsWhere(schema, matches).length;
  const written = (matches: (node: JsonObject) => boolean): number => countWhere(schema, matches);
  const secret = (node: JsonObject): boolean => node.writeOnly === true;
  const reference = (node: JsonObject): boolean => Array.isArray(node.refersTo);
  if (written(secret) > seen(secret)) throw badSchema(file, '"writeOnly" stands where no field is found');
  if (written(reference) > seen(reference))
    throw badSchema(file, '"refersTo" stands where no field is found');
  const top = [schema, ...Object.values(schema.properties as JsonObject)].filter(isObject);
  const ofTop = (matches: (node: JsonObject) => boolean): number => top.filter(matches).length;
  const scoped = (node: JsonObject): boolean => typeof node.scope === 'string';
  if (written(scoped) > ofTop(scoped))
    throw badSchema(file, '"scope" is said of the whole kind or of one of its fields, not deeper');
  const changed = (node: JsonObject): boolean => node.changedBy !== undefined && !isObject(node.changedBy);
  if (written(changed) > ofTop(changed))
    throw badSchema(file, '"changedBy" is said of the whole kind or of one of its fields, not deeper');
  const unique = (node: JsonObject): boolean => node.unique === true;
  if (written(unique) > ofTop(unique))
    throw badSchema(file, '"unique" is said of a field of the record, not deeper');
  if (top.some(node => scoped(node) && node.scope !== 'pair' && node.scope !== 'unit'))
    throw badSchema(file, '"scope" must be "pair" or "unit"');
}

/** How many objects anywhere in a schema `matches` accepts; values that only look like schemas are passed over. */
function countWhere(node: Json, matches: (node: JsonObject) => boolean): number {
  if (Array.isArray(node)) return node.reduce<number>((sum, item) => sum + countWhere(item, matches), 0);
  if (!isObject(node)) return 0;
  const below = Object.entries(node).filter(
    ([name]) => !['examples', 'default', 'const', 'enum'].includes(name),
  );
  return below.reduce((sum, [, value]) => sum + countWhere(value, matches), matches(node) ? 1 : 0);
}

function readTemplate(recordPath: Json | undefined, file: string): string[] {
  if (typeof recordPath !== 'string' || recordPath === '') throw badSchema(file, '"recordPath" is missing');
  const template = recordPath.split('/');
  const good = template.every(
    segment => segment === '{id}' || (/^[a-z][A-Za-z0-9-]*$/.test(segment) && !RESERVED_KEYS.has(segment)),
  );
  if (!good || template[0] === '{id}')
    throw badSchema(file, `"recordPath" is not a path template: ${recordPath}`);
  return template;
}

function readScope(
  schema: JsonObject,
  file: string,
): { whole: Kind['scope']; unitFields: ReadonlySet<string> } {
  const whole = schema.scope ?? 'pair';
  if (whole !== 'pair' && whole !== 'unit') throw badSchema(file, '"scope" must be "pair" or "unit"');
  const properties = Object.entries(schema.properties as JsonObject);
  const unitFields = new Set(
    properties
      .filter(([, property]) => whole === 'unit' || (isObject(property) && property.scope === 'unit'))
      .map(([field]) => field),
  );
  if (whole === 'unit') return { whole, unitFields };
  const required = Array.isArray(schema.required) ? schema.required : [];
  const clash = required.find(field => unitFields.has(String(field)));
  if (clash !== undefined)
    throw badSchema(file, `"${String(clash)}" belongs to one unit, so it cannot be required on both`);
  return { whole: unitFields.size > 0 ? 'mixed' : 'pair', unitFields };
}

function readPart(part: Json | undefined, file: string): Part {
  const found = PARTS.find(known => known === part);
  if (found === undefined) throw badSchema(file, `"part" must be one of ${PARTS.join(', ')}`);
  return found;
}

/** A kind that says nothing is for admins: what a site adds may hold rights that nobody here knows of. */
function readChangedBy(
  schema: JsonObject,
  file: string,
): Pick<Kind, 'changedBy' | 'fieldsChangedBy' | 'saysChangedBy'> {
  const fields = Object.entries(schema.properties as JsonObject).flatMap(
    ([field, property]): [string, Changer][] => {
      const said = isObject(property) ? property.changedBy : undefined;
      return said === undefined ? [] : [[field, readChanger(said, file)]];
    },
  );
  return {
    changedBy: readChanger(schema.changedBy ?? 'admin', file),
    fieldsChangedBy: new Map(fields),
    saysChangedBy: schema.changedBy !== undefined,
  };
}

function readChanger(changedBy: Json, file: string): Changer {
  const found = CHANGERS.find(known => known === changedBy);
  if (found === undefined) throw badSchema(file, `"changedBy" must be one of ${CHANGERS.join(', ')}`);
  return found;
}

function readIdRule(schema: JsonObject, template: string[], file: string): IdRule | undefined {
  const rule = schema.recordId;
  const needed = template.at(-1) === '{id}';
  if (!needed) return undefined;
  if (!isObject(rule) || typeof rule.pattern !== 'string')
    throw badSchema(file, '"recordId" with a "pattern" is missing');
  const from = typeof rule.from === 'string' ? rule.from : undefined;
  return {
    pattern: readPattern(rule.pattern, file),
    description: String(rule.description ?? ''),
    examples: Array.isArray(rule.examples) ? rule.examples.map(String) : [],
    from,
    fields: [...(from ?? '').matchAll(FIELD_OF_ID)].map(([, name = '']) => {
      const property = (schema.properties as JsonObject)[name];
      return { name, isText: isObject(property) && property.type === 'string' };
    }),
    cut: new RegExp(`^${(from ?? '').replaceAll(FIELD_OF_ID, '(\\[[^\\]]+\\]|[^:]+?)')}$`),
  };
}

const FIELD_OF_ID = /\{(\w+)\}/g;

function readPattern(pattern: string, file: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    throw badSchema(file, `the "pattern" of "recordId" cannot be used: ${(error as Error).message}`);
  }
}

/** Paths of all properties below `schema` that `matches` accepts. */
function fieldsWhere(schema: JsonObject, matches: (property: JsonObject) => boolean): string[][] {
  const found: string[][] = [];
  const walk = (node: Json | undefined, field: string[]): void => {
    if (!isObject(node)) return;
    if (field.length > 0 && matches(node)) found.push(field);
    for (const [name, property] of Object.entries(isObject(node.properties) ? node.properties : {}))
      walk(property, [...field, name]);
    walk(node.items, [...field, '*']);
    walk(node.additionalProperties, [...field, '*']);
  };
  walk(schema, []);
  return found;
}

function targetsAt(schema: JsonObject, field: string[]): string[] {
  return (schemaAt(schema, field)?.refersTo as string[] | undefined) ?? [];
}

/** The schema of the field at `field`; undefined where the kind has no such field. */
export function schemaAt(schema: JsonObject, field: string[]): JsonObject | undefined {
  let node: Json | undefined = schema;
  for (const name of field) {
    if (!isObject(node)) return undefined;
    const properties: JsonObject = isObject(node.properties) ? node.properties : {};
    if (Object.hasOwn(properties, name)) node = properties[name];
    else node = /^\d+$|^\*$/.test(name) && node.items !== undefined ? node.items : node.additionalProperties;
  }
  return isObject(node) ? node : undefined;
}

export function badSchema(file: string, reason: string): LockstepError {
  return new LockstepError('bad-schema', `${file}: ${reason}.`, {
    hint: 'CONTRIBUTING.md, "Add a kind", says what a schema file must hold.',
    facts: { file },
  });
}
