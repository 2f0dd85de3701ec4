import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, parseDocument } from '../schema/json.ts';
import { valueFromText } from '../schema/value-from-text.ts';

/** The value of a field that somebody typed. Throws what valueFromText throws, with what to type instead. */
export function fieldValue(path: string, text: string, schema: JsonObject): Json {
  try {
    return valueFromText(text, schema, `The value for ${path}`);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'bad-json') throw error;
    const example = schema.type === 'array' ? `'["one", "two"]'` : `'{"name": "value"}'`;
    throw new LockstepError('bad-json', error.message, {
      hint: `${error.hint} In quotes for the shell: lockstep set ${path} ${example}`,
      facts: error.facts,
    });
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
