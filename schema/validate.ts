import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import type { Problem } from './error.ts';
import { FORMATS } from './formats.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { ANNOTATIONS, badSchema, type Kind } from './kind.ts';
import { type Judged, tightenedSchema } from './tightened.ts';
import { TIGHTENED_FORMATS } from './tightened-formats.ts';
import { sentence } from './wrong-value.ts';

const addFormats = addFormatsModule as unknown as (ajv: Ajv2020) => void;

/** Compiles kinds when they are first needed and says in words what does not fit. The only user of ajv. */
export class Validator {
  private readonly ajv: Ajv2020;
  private readonly compiled: Record<Judged, Map<string, ValidateFunction>> = {
    new: new Map(),
    held: new Map(),
  };

  /** `definitions`: schemas that kinds refer to by their `$id`. */
  constructor(definitions: JsonObject[]) {
    this.ajv = new Ajv2020({ strict: true, ownProperties: true, allErrors: true, verbose: true });
    addFormats(this.ajv);
    for (const [name, accepts] of Object.entries({ ...FORMATS, ...TIGHTENED_FORMATS }))
      this.ajv.addFormat(name, accepts);
    for (const keyword of ANNOTATIONS) this.ajv.addKeyword({ keyword });
    for (const definition of definitions) this.ajv.addSchema(definition);
  }

  /** Compile now, and try it; throws `bad-schema` naming `file`. For schemas that somebody else wrote. */
  compile(kind: Kind, file: string): void {
    try {
      this.validatorOf(kind, 'held');
      this.validatorOf(kind, 'new');
    } catch (error) {
      throw badSchema(file, (error as Error).message);
    }
    this.accepts(kind, valueOfAllFields(kind.schema), file, 'held');
  }

  /** Empty when `value` is a valid record of `kind`. A secret's value is never part of a message. Throws `bad-schema`. */
  problems(kind: Kind, path: string, value: JsonObject, judged: Judged = 'new'): Problem[] {
    const validate = this.validatorOf(kind, judged);
    if (this.accepts(kind, value, `The schema of ${kind.name}`, judged)) return [];
    return telling(validate.errors ?? []).map(error => describe(kind, path, error));
  }

  /** Values are of bounded depth, so a stack that overflows is the doing of the schema. */
  private accepts(kind: Kind, value: Json, file: string, judged: Judged): boolean {
    try {
      return this.validatorOf(kind, judged)(value);
    } catch (error) {
      if (error instanceof RangeError) throw badSchema(file, 'it refers to itself without an end');
      throw error;
    }
  }

  private validatorOf(kind: Kind, judged: Judged): ValidateFunction {
    const known = this.compiled[judged].get(kind.name);
    if (known !== undefined) return known;
    const fresh = this.ajv.compile(judged === 'held' ? kind.schema : tightenedSchema(kind));
    this.compiled[judged].set(kind.name, fresh);
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

/**
 * `if` only repeats what another error says, and so do the branches of `anyOf`, which together say what is allowed: one sentence for
 * one wrong value.
 */
function telling(errors: ErrorObject[]): ErrorObject[] {
  const choices = errors
    .filter(({ keyword }) => keyword === 'anyOf')
    .map(({ schemaPath }) => `${schemaPath}/`);
  const seen = new Set<string>();
  return errors.filter(({ keyword, schemaPath, instancePath, params }) => {
    if (keyword === 'if' || choices.some(choice => schemaPath.startsWith(choice))) return false;
    // A value of the wrong type is out of range and has the wrong form, too.
    const said = `${instancePath} ${['required', 'unevaluatedProperties'].includes(keyword) ? JSON.stringify(params) : ''}`;
    if (seen.has(said)) return false;
    seen.add(said);
    return true;
  });
}

function describe(kind: Kind, path: string, error: ErrorObject): Problem {
  const field = error.instancePath.split('/').slice(1).map(unescapePointer);
  const words = sentence(kind, path, field, error);
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
