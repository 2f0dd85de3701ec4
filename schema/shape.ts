/** Small checks of plain JSON that comes from outside: what a message or an answer of the partner must look like. */
import { isObject, type Json } from './json.ts';

export type Check = (value: Json | undefined) => boolean;

/** At most `most` characters. */
export const text =
  (most: number): Check =>
  value =>
    typeof value === 'string' && value.length <= most;
export const count: Check = value => Number.isSafeInteger(value) && (value as number) >= 0;
export const number: Check = value => typeof value === 'number' && Number.isFinite(value);
export const flag: Check = value => typeof value === 'boolean';
export const oneOf =
  (...allowed: string[]): Check =>
  value =>
    typeof value === 'string' && allowed.includes(value);
export const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value);
export const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value);
export const listOf =
  (check: Check, most: number): Check =>
  value =>
    Array.isArray(value) && value.length <= most && value.every(check);
export const tuple =
  (...checks: Check[]): Check =>
  value =>
    Array.isArray(value) &&
    value.length === checks.length &&
    checks.every((check, index) => check(value[index]));

/** Exactly these fields. */
export const object = (fields: Record<string, Check>): Check => {
  const has = objectWith(fields);
  return value => has(value) && Object.keys(value as object).every(name => Object.hasOwn(fields, name));
};

/** These fields, and perhaps others that this release does not know. */
export const objectWith = (fields: Record<string, Check>): Check => {
  const wanted = Object.entries(fields);
  return value => isObject(value) && wanted.every(([name, check]) => check(value[name]));
};
