import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { plainValue } from '../schema/value-from-text.ts';

/** One field of a kind and the appliance's parameter that it comes from, as the kind's annotations say. */
export interface LoadMasterField {
  field: string;
  schema: JsonObject;
  parameter: string;
  /** The parameter is one text: the items of the list with this between them. */
  separator?: string;
  /** The parameter is a number, the field this text with the number behind it: `0` is `eth0`. */
  prefix?: string;
  /** Values that stand for "nothing is set". */
  absent?: string[];
  /** The parameter is a sum; each of these numbers in it is one item of the list. */
  bits?: Record<string, string>;
  /** The parameter is the number that the appliance gave to another object of this type. */
  index?: 'VS' | 'Rs';
}

/** How replies spell booleans: `getall` yes and no, `listvs` and `showrs` Y and N. */
type Booleans = 'yesno' | 'YN';

const known = new WeakMap<JsonObject, LoadMasterField[]>();

/** The fields of `kind` that have a parameter; read once for each schema. */
export function fieldsOf({ schema }: Kind): LoadMasterField[] {
  const fields = known.get(schema) ?? Object.entries(schema.properties as JsonObject).flatMap(fieldOf);
  known.set(schema, fields);
  return fields;
}

function fieldOf([field, schema]: [string, Json]): LoadMasterField[] {
  if (!isObject(schema) || schema.loadmaster === undefined) return [];
  const form = isObject(schema.loadmaster) ? schema.loadmaster : { parameter: schema.loadmaster };
  return [{ ...form, field, schema } as unknown as LoadMasterField];
}

/** The value of a field, from the text of its parameter; undefined when the text is none that the field knows. */
export function fromParameter(of: LoadMasterField, text: string | string[]): Json | undefined {
  if (of.bits !== undefined) return namesOfBits(of.bits, String(text));
  if (of.schema.type === 'array') return listFrom(of, text);
  if (Array.isArray(text)) return undefined;
  const values = of.schema.loadmasterValues;
  if (isObject(values)) return Object.hasOwn(values, text) ? values[text] : undefined;
  if (of.prefix !== undefined && /^\d+$/.test(text)) return of.prefix + text;
  return plainValue(text, of.schema);
}

/** The inverse of fromParameter. */
export function toParameter(of: LoadMasterField, value: Json, booleans: Booleans): string | string[] {
  if (of.bits !== undefined) return String(sumOfBits(of.bits, value as string[]));
  if (Array.isArray(value)) return of.separator === undefined ? value.map(String) : value.join(of.separator);
  const values = of.schema.loadmasterValues;
  if (isObject(values)) return Object.keys(values).find(text => values[text] === value) ?? String(value);
  if (typeof value === 'boolean') return booleanTo(value, booleans);
  const text = String(value);
  const numbered =
    of.prefix !== undefined && text.startsWith(of.prefix) && /^\d+$/.test(text.slice(of.prefix.length));
  return numbered ? text.slice(of.prefix?.length) : text;
}

function listFrom(of: LoadMasterField, text: string | string[]): Json {
  const items = Array.isArray(text) ? text : of.separator === undefined ? [text] : text.split(of.separator);
  const schema = isObject(of.schema.items) ? of.schema.items : {};
  return items.filter(item => item !== '').map(item => plainValue(item, schema) ?? item);
}

function booleanTo(value: boolean, booleans: Booleans): string {
  if (booleans === 'YN') return value ? 'Y' : 'N';
  return value ? 'yes' : 'no';
}

function namesOfBits(bits: Record<string, string>, text: string): string[] | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined;
  const names = Object.entries(bits).flatMap(([bit, name]) =>
    (Number(text) & Number(bit)) === 0 ? [] : [name],
  );
  return sumOfBits(bits, names) === Number(text) ? names : undefined;
}

function sumOfBits(bits: Record<string, string>, names: string[]): number {
  return Object.entries(bits).reduce(
    (sum, [bit, name]) => (names.includes(name) ? sum + Number(bit) : sum),
    0,
  );
}
