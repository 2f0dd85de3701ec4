/** Builds JSON Schemas that carry the type of what they describe. */
import type { Json, JsonObject } from '../../schema/json.ts';

declare const VALUE: unique symbol;

/** A JSON Schema of values of one type. */
export type Schema<Value> = JsonObject & { readonly [VALUE]?: Value };
/** The type that a schema describes. */
export type Of<Described> = Described extends { readonly [VALUE]?: infer Value } ? Value : never;

export type Properties = Record<string, Schema<unknown>>;
type Plain<Type> = { [Name in keyof Type]: Type[Name] };
type Fields<Required extends Properties, Optional extends Properties> = Plain<
  { -readonly [Name in keyof Required]: Of<Required[Name]> } & {
    -readonly [Name in keyof Optional]?: Of<Optional[Name]>;
  }
>;

const described = (description: string): JsonObject => (description === '' ? {} : { description });

export function text(description = '', more: JsonObject = {}): Schema<string> {
  return { type: 'string', ...described(description), ...more };
}

/** ISO 8601, by the clock of the unit. */
export function time(description = ''): Schema<string> {
  return { type: 'string', format: 'date-time', ...described(description) };
}

export function integer(description = '', more: JsonObject = {}): Schema<number> {
  return { type: 'integer', ...described(description), ...more };
}

/** A whole number from 0 on. */
export function count(description = '', more: JsonObject = {}): Schema<number> {
  return integer(description, { minimum: 0, ...more });
}

export function number(description = '', more: JsonObject = {}): Schema<number> {
  return { type: 'number', ...described(description), ...more };
}

export function flag(description = ''): Schema<boolean> {
  return { type: 'boolean', ...described(description) };
}

export function oneOf<const Choice extends string | number | boolean>(
  choices: readonly Choice[],
  description = '',
): Schema<Choice> {
  return { enum: [...choices], ...described(description) };
}

export function list<Item>(items: Schema<Item>, description = '', more: JsonObject = {}): Schema<Item[]> {
  return { type: 'array', items, ...described(description), ...more };
}

/** By names that nobody knows beforehand. */
export function map<Value>(values: Schema<Value>, description = ''): Schema<Record<string, Value>> {
  return { type: 'object', additionalProperties: values, ...described(description) };
}

export function anyJson(description = 'Any JSON value.'): Schema<Json> {
  return described(description);
}

export function anyObject(description = ''): Schema<JsonObject> {
  return { type: 'object', ...described(description) };
}

/** Nothing but these fields; an answer may gain some in a later release (api/openapi.ts). */
export function object<Required extends Properties, Optional extends Properties = Record<never, never>>(
  required: Required,
  optional: Optional = {} as Optional,
  description = '',
): Schema<Fields<Required, Optional>> {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
    ...described(description),
  };
}

/** `base` with more fields; those of the same name are these. */
export function extended<
  Base extends object,
  Required extends Properties,
  Optional extends Properties = Record<never, never>,
>(
  base: Schema<Base>,
  required: Required,
  optional: Optional = {} as Optional,
  description = '',
): Schema<Plain<Omit<Base, keyof Required | keyof Optional> & Fields<Required, Optional>>> {
  const from = base as unknown as { properties: Properties; required: string[] };
  const schema: JsonObject = {
    ...object({ ...from.properties, ...required }, optional, description),
    required: [...new Set([...from.required.filter(name => !(name in optional)), ...Object.keys(required)])],
  };
  return schema as never;
}

export function nullable<Value>(schema: Schema<Value>, description = ''): Schema<Value | null> {
  return { anyOf: [schema, { type: 'null' }], ...described(description) };
}

/** One of several objects, told apart by the constant in one field. */
export function tagged<Cases extends readonly Schema<object>[]>(
  field: string,
  cases: Cases,
  description = '',
): Schema<Of<Cases[number]>> {
  return {
    type: 'object',
    required: [field],
    discriminator: { propertyName: field },
    oneOf: [...cases],
    ...described(description),
  };
}

export function constant<const Value extends string | number | true>(value: Value): Schema<Value> {
  return { const: value };
}

export function either<Cases extends readonly Schema<unknown>[]>(
  cases: Cases,
  description = '',
): Schema<Of<Cases[number]>> {
  return { anyOf: [...cases], ...described(description) };
}

const NAMES = new WeakMap<object, string>();

/** A shape that the document describes once, under this name. */
export function named<Shape extends JsonObject>(name: string, schema: Shape): Shape {
  NAMES.set(schema, name);
  return schema;
}

export function nameOf(schema: object): string | undefined {
  return NAMES.get(schema);
}
