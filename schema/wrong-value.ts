import { FORMAT_HINTS } from './formats.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { type Kind, schemaAt } from './kind.ts';
import { suggest } from './path.ts';
import { TIGHTENED_HINTS } from './tightened-formats.ts';

/** What the validator says of one wrong value. */
interface WrongValue {
  keyword: string;
  params: unknown;
  /** The value, and the schema that it does not fit. */
  data?: unknown;
  parentSchema?: object | undefined;
}

/** What is wrong with a field of the record at `path`, and what is allowed, for a person. A secret's value is never part of it. */
export function sentence(
  kind: Kind,
  path: string,
  field: string[],
  error: WrongValue,
): { message: string; hint?: string | undefined } {
  const params = error.params as Record<string, unknown>;
  const got = typeName(error.data);
  switch (error.keyword) {
    case 'unevaluatedProperties':
    case 'additionalProperties': {
      const name = String(params.unevaluatedProperty ?? params.additionalProperty);
      const { properties } = (error.parentSchema ?? {}) as JsonObject;
      const known = isObject(properties) ? Object.keys(properties) : [];
      return { message: `"${name}" is not a field of ${kind.title}`, hint: suggest(name, known) };
    }
    case 'required':
      return {
        message: `"${String(params.missingProperty)}" is missing`,
        hint: fieldHelp(kind, [...field, String(params.missingProperty)]),
      };
    case 'type':
      return {
        message: `must be ${[params.type].flat().join(' or ')}, not ${got}`,
        hint: fieldHelp(kind, field),
      };
    case 'enum':
      return {
        message: `must be one of ${(params.allowedValues as Json[]).map(value => JSON.stringify(value)).join(', ')}, not this ${got}`,
        hint:
          typeof error.data === 'string' && !isSecret(kind, field)
            ? nearestOf(error.data, params.allowedValues as Json[])
            : undefined,
      };
    case 'format':
      return {
        message: `must be ${hintOf(String(params.format))}`,
        hint:
          params.format === 'scrypt-hash'
            ? `lockstep set ${[path, ...field].join('/')} asks for the password and keeps its hash.`
            : fieldHelp(kind, field),
      };
    case 'uniqueItems':
      return { message: 'must not hold the same value twice', hint: fieldHelp(kind, field) };
    default:
      return {
        message: `must be ${allowed(error)}, not ${shown(kind, field, error.data)}`,
        hint: fieldHelp(kind, field),
      };
  }
}

function allowed({ keyword, parentSchema }: WrongValue): string {
  const schema = (parentSchema ?? {}) as JsonObject;
  return keyword === 'minLength' || keyword === 'maxLength' ? lengthBy(schema) : allowedBy(schema);
}

/** What a schema takes, in words. */
export function allowedBy(schema: JsonObject): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum))
    return `one of ${schema.enum.map(value => JSON.stringify(value)).join(', ')}`;
  if (Array.isArray(schema.anyOf))
    return schema.anyOf
      .filter(isObject)
      .map(choice => allowedBy({ ...inherited(schema), ...choice }))
      .join(', or ');
  if (typeof schema.format === 'string') return hintOf(schema.format);
  switch (schema.type) {
    case 'integer':
      return `a whole number${rangeOf(schema.minimum, schema.maximum)}`;
    case 'number':
      return `a number${rangeOf(schema.minimum, schema.maximum)}`;
    case 'string':
      return textBy(schema);
    case 'array':
      return `a list of${rangeOf(schema.minItems, schema.maxItems, 'up to')} items`;
    case 'boolean':
      return 'true or false';
    default:
      return 'what the schema of the kind allows';
  }
}

/** What a choice need not say again. */
function inherited({ type, minimum, maximum }: JsonObject): JsonObject {
  const said = { type, minimum, maximum };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as JsonObject;
}

function hintOf(format: string): string {
  return FORMAT_HINTS[format] ?? TIGHTENED_HINTS[format] ?? `a valid ${format}`;
}

function textBy({ pattern, minLength, maxLength, examples }: JsonObject): string {
  if (typeof pattern !== 'string') return lengthBy({ minLength, maxLength });
  const [example] = Array.isArray(examples) ? examples : [];
  return typeof example === 'string'
    ? `of the form of ${JSON.stringify(example)}`
    : `a text that matches ${pattern}`;
}

function lengthBy({ minLength, maxLength }: { [name: string]: Json | undefined }): string {
  return `a text of${rangeOf(minLength, maxLength, 'up to')} characters`;
}

function rangeOf(least: Json | undefined, most: Json | undefined, open = 'of at most'): string {
  if (least !== undefined && most !== undefined)
    return ` ${open === 'up to' ? '' : 'from '}${String(least)} to ${String(most)}`;
  if (most !== undefined) return ` ${open} ${String(most)}`;
  return least === undefined ? '' : ` ${String(least)} or more`;
}

const MAX_SHOWN = 60;

/** The value itself where it is short and no secret; else what it is. */
function shown(kind: Kind, field: string[], value: unknown): string {
  const got = typeName(value);
  if (isSecret(kind, field)) return `this ${got}`;
  if (typeof value === 'string' && value.length > MAX_SHOWN) return `one of ${value.length}`;
  return ['string', 'number', 'boolean', 'null'].includes(got) ? JSON.stringify(value) : `this ${got}`;
}

function nearestOf(value: string, allowed: Json[]): string | undefined {
  const hint = suggest(
    value,
    allowed.filter(item => typeof item === 'string'),
  );
  return hint?.startsWith('Did you mean') ? hint : undefined;
}

function fieldHelp(kind: Kind, field: string[]): string | undefined {
  const description = schemaAt(kind.schema, field)?.description;
  return typeof description === 'string' ? description : undefined;
}

/** Also what is inside a secret. */
function isSecret(kind: Kind, field: string[]): boolean {
  return kind.secrets.some(
    secret =>
      secret.length <= field.length && secret.every((name, index) => name === '*' || name === field[index]),
  );
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
