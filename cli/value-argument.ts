import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, parseDocument } from '../schema/json.ts';

/**
 * The value of a field that somebody typed: JSON where it is JSON and the field does not want a text, else the text
 * itself. `61` is a number for a port and a text for a nickname. A text in JSON quotes is taken as that JSON, so that what
 * `show` prints can be set again; but for a secret, which nothing prints, and which may begin and end with quotes.
 * Throws `bad-json` when the field wants a list or an object, or the text begins like one, but is not JSON; and what
 * parseDocument throws for JSON that cannot be kept exactly.
 */
export function fieldValue(path: string, text: string, schema: JsonObject): Json {
  if (wantsText(schema)) return schema.writeOnly === true ? text : textOf(text);
  try {
    return parseDocument(text, `The value for ${path}`);
  } catch (error) {
    if (isJsonFault(error) && !looksStructured(text) && !wantsStructure(schema)) return text;
    throw withExample(error, path, schema);
  }
}

/** `"web"` is web; what is in quotes and no JSON stays as it is. */
function textOf(text: string): string {
  if (!/^\s*".*"\s*$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}

/** A whole record: a JSON object. Throws `bad-json`, `invalid-value`. */
export function recordValue(path: string, text: string): JsonObject {
  const value = parseDocument(text, `The value for ${path}`);
  if (isObject(value)) return value;
  throw new LockstepError('invalid-value', `${path} is a record, so its value is a JSON object.`, {
    hint: `lockstep show ${path} --defaults shows one; lockstep edit ${path} opens it.`,
  });
}

/** Every value that the schema allows is a text (or null). */
function wantsText(schema: JsonObject): boolean {
  const { type, const: only, enum: listed } = schema;
  if (type === 'string') return true;
  if (Array.isArray(type))
    return type.includes('string') && type.every(name => name === 'string' || name === 'null');
  if (only !== undefined) return typeof only === 'string';
  if (Array.isArray(listed)) return listed.every(value => typeof value === 'string');
  const choices = schema.anyOf ?? schema.oneOf;
  return (
    Array.isArray(choices) &&
    choices.length > 0 &&
    choices.every(choice => isObject(choice) && wantsText(choice))
  );
}

function wantsStructure({ type }: JsonObject): boolean {
  return type === 'array' || type === 'object';
}

function looksStructured(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

function isJsonFault(error: unknown): boolean {
  return error instanceof LockstepError && error.code === 'bad-json';
}

function withExample(error: unknown, path: string, { type }: JsonObject): unknown {
  if (!(error instanceof LockstepError) || error.code !== 'bad-json') return error;
  const example = type === 'array' ? `'["one", "two"]'` : `'{"name": "value"}'`;
  return new LockstepError('bad-json', error.message, {
    hint: `Write it as JSON, in quotes for the shell: lockstep set ${path} ${example}`,
    facts: error.facts,
  });
}
