/**
 * What a text stands for in a field: one place for the command line, for forms and for the appliance's dialect. Pure. Whether the
 * value is in range is for the validator to say; what is none that the field could hold goes on as the text that it is.
 */
import { canonicalAddress } from './address.ts';
import { LockstepError } from './error.ts';
import { isObject, type Json, type JsonObject, parseDocument } from './json.ts';
import { allowedBy } from './wrong-value.ts';

/**
 * The value of a field that somebody typed, or that `show` printed. `61` is a number for a port and a text for a nickname. A text in
 * JSON quotes is taken as that JSON, so that what `show` prints can be set again; but not for a secret, which nothing prints, and
 * which may begin and end with quotes. Throws `bad-json` saying what is allowed when the field wants a list or an object, or
 * the text begins like one, but is not JSON; and what parseDocument throws for JSON that cannot be kept exactly. `source` names the
 * text in errors.
 */
export function valueFromText(text: string, schema: JsonObject, source: string): Json {
  if (wantsText(schema)) {
    const typed = schema.writeOnly === true ? text : unquoted(text);
    return plainValue(typed, schema) ?? typed;
  }
  const plain = plainValue(text, schema);
  if (plain !== undefined) return plain;
  try {
    return parseDocument(text, source);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'bad-json') throw error;
    const isStructured = /^\s*[[{]/.test(text) || schema.type === 'array' || schema.type === 'object';
    if (!isStructured) return text;
    throw new LockstepError('bad-json', error.message, {
      hint: `It must be ${allowedBy(schema)}, written as JSON.`,
      facts: error.facts,
    });
  }
}

/**
 * A value that is no list and no object, without the quotes of JSON: `Y`, `yes` and `1` for a truth value, a listed word in any case,
 * `30m` for a number of seconds, an address in any spelling. Undefined when the text is none that the field could hold.
 */
export function plainValue(text: string, schema: JsonObject): Json | undefined {
  const { type: types, format, const: only, enum: listed } = schema;
  if (only !== undefined) return listedValue(text, [only]);
  if (Array.isArray(listed)) return listedValue(text, listed) ?? (types === 'string' ? text : undefined);
  const choices = choicesOf(schema);
  if (types === undefined && choices.length > 0) return firstOf(text, choices);
  const type = [types].flat().find(each => each !== 'null');
  switch (type) {
    case 'boolean':
      return truthFrom(text);
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : durationFrom(text, schema);
    case 'number':
      return /^-?(\d{1,15}|\d{1,7}\.\d{1,7})$/.test(text) ? Number(text) : undefined;
    case 'string':
      return format === 'ip-address' || format === 'host' ? (canonicalAddress(text) ?? text) : text;
    case undefined:
      return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
    default:
      return undefined;
  }
}

/** Every value that the schema allows is a text (or null). */
export function wantsText(schema: JsonObject): boolean {
  const { type, const: only, enum: listed } = schema;
  if (type !== undefined)
    return (
      [type].flat().includes('string') && [type].flat().every(name => name === 'string' || name === 'null')
    );
  if (only !== undefined) return typeof only === 'string';
  if (Array.isArray(listed)) return listed.every(value => typeof value === 'string');
  const choices = choicesOf(schema);
  return choices.length > 0 && choices.every(wantsText);
}

const SECONDS: Record<string, number> = { ms: 0.001, s: 1, min: 60, m: 60, h: 3600, d: 86_400 };

/** `90s`, `30m`, `2h`, `1d`, in seconds; undefined for what is no length of time. */
export function secondsFrom(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,8}) ?(ms|s|min|m|h|d)$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * (SECONDS[unit] ?? Number.NaN);
}

const UNITS: Record<string, number> = {
  Milliseconds: 0.001,
  Seconds: 1,
  Minutes: 60,
  Hours: 3600,
  Days: 86_400,
};

/** The description of a length of time begins with what is counted. */
function durationFrom(text: string, { description }: JsonObject): number | undefined {
  const [, unit = ''] = /^(\w+) /.exec(String(description ?? '')) ?? [];
  const count = (secondsFrom(text) ?? Number.NaN) / (UNITS[unit] ?? Number.NaN);
  return Number.isInteger(count) ? count : undefined;
}

function choicesOf({ anyOf, oneOf }: JsonObject): JsonObject[] {
  return ([anyOf, oneOf].find(Array.isArray) ?? []).filter(isObject);
}

/** A text fits anywhere, so a choice that takes all texts comes last. */
function firstOf(text: string, choices: JsonObject[]): Json | undefined {
  const narrow = choices.filter(choice => choice.const !== undefined || choice.type !== 'string');
  for (const choice of [...narrow, ...choices]) {
    const value = plainValue(text, choice);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** As it is spelled there, or in another case where only one of them is meant. */
function listedValue(text: string, listed: Json[]): Json | undefined {
  const exact = listed.find(value => value !== null && String(value) === text);
  if (exact !== undefined) return exact;
  const [near, ...more] = listed.filter(
    value => typeof value === 'string' && value.toLowerCase() === text.toLowerCase(),
  );
  return more.length === 0 ? near : undefined;
}

function truthFrom(text: string): boolean | undefined {
  if (/^(y|yes|1|true)$/i.test(text)) return true;
  return /^(n|no|0|false)$/i.test(text) ? false : undefined;
}

/** `"web"` is web; what is in quotes and no JSON stays as it is. */
function unquoted(text: string): string {
  if (!/^\s*".*"\s*$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}
