import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import type { Problem } from './error.ts';
import { FORMAT_HINTS, FORMATS } from './formats.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { ANNOTATIONS, badSchema, type Kind, schemaAt } from './kind.ts';
import { suggest } from './path.ts';

const addFormats = addFormatsModule as unknown as (ajv: Ajv2020) => void;

/** Compiles kinds when they are first needed and says in words what does not fit. The only user of ajv. */
export class Validator {
  private readonly ajv: Ajv2020;
  private readonly compiled = new Map<string, ValidateFunction>();

  /** `definitions`: schemas that kinds refer to by their `$id`. */
  constructor(definitions: JsonObject[]) {
    this.ajv = new Ajv2020({ strict: true, ownProperties: true, allErrors: true, verbose: true });
    addFormats(this.ajv);
    for (const [name, accepts] of Object.entries(FORMATS)) this.ajv.addFormat(name, accepts);
    for (const keyword of ANNOTATIONS) this.ajv.addKeyword({ keyword });
    for (const definition of definitions) this.ajv.addSchema(definition);
  }

  /** Compile now, and try it; throws `bad-schema` naming `file`. For schemas that somebody else wrote. */
  compile(kind: Kind, file: string): void {
    try {
      this.validatorOf(kind);
    } catch (error) {
      throw badSchema(file, (error as Error).message);
    }
    this.accepts(kind, valueOfAllFields(kind.schema), file);
  }

  /** Empty when `value` is a valid record of `kind`. A secret's value is never part of a message. Throws `bad-schema`. */
  problems(kind: Kind, path: string, value: JsonObject): Problem[] {
    const validate = this.validatorOf(kind);
    if (this.accepts(kind, value, `The schema of ${kind.name}`)) return [];
    return (validate.errors ?? []).filter(isTelling).map(error => describe(kind, path, error));
  }

  /** Values are of bounded depth, so a stack that overflows is the doing of the schema. */
  private accepts(kind: Kind, value: Json, file: string): boolean {
    try {
      return this.validatorOf(kind)(value);
    } catch (error) {
      if (error instanceof RangeError) throw badSchema(file, 'it refers to itself without an end');
      throw error;
    }
  }

  private validatorOf(kind: Kind): ValidateFunction {
    const known = this.compiled.get(kind.name);
    if (known !== undefined) return known;
    const fresh = this.ajv.compile(kind.schema);
    this.compiled.set(kind.name, fresh);
    return fresh;
  }
}

/** Has each field that the schema names, so that what is said of it is tried. */
function valueOfAllFields(schema: Json | undefined): Json {
  if (!isObject(schema)) return {};
  const { properties, items } = schema;
  if (isObject(items)) return [valueOfAllFields(items)];
  const fields = isObject(properties) ? Object.entries(properties) : [];
  return Object.fromEntries(fields.map(([name, field]) => [name, valueOfAllFields(field)]));
}

/** `if` and `not` only repeat what another error says. */
function isTelling(error: ErrorObject): boolean {
  return error.keyword !== 'if';
}

function describe(kind: Kind, path: string, error: ErrorObject): Problem {
  const field = error.instancePath.split('/').slice(1).map(unescapePointer);
  const words = sentence(kind, field, error);
  return {
    code: 'invalid-value',
    path: [path, ...field].join('/'),
    message: words.message,
    ...(words.hint === undefined ? {} : { hint: words.hint }),
  };
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function sentence(
  kind: Kind,
  field: string[],
  error: ErrorObject,
): { message: string; hint?: string | undefined } {
  const params = error.params as Record<string, unknown>;
  const got = typeName(error.data);
  switch (error.keyword) {
    case 'unevaluatedProperties':
    case 'additionalProperties': {
      const name = String(params.unevaluatedProperty ?? params.additionalProperty);
      const known = isObject(error.parentSchema?.properties as Json)
        ? Object.keys(error.parentSchema?.properties)
        : [];
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
        message: `must be ${FORMAT_HINTS[String(params.format)] ?? `a valid ${String(params.format)}`}`,
        hint: fieldHelp(kind, field),
      };
    default:
      return { message: `${error.message ?? error.keyword} (it is ${got})`, hint: fieldHelp(kind, field) };
  }
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

function isSecret(kind: Kind, field: string[]): boolean {
  return kind.secrets.some(
    secret =>
      secret.length === field.length && secret.every((name, index) => name === '*' || name === field[index]),
  );
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
