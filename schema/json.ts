import { visit } from 'jsonc-parser';
import { LockstepError } from './error.ts';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** Deepest nesting that any document may have. */
export const MAX_DEPTH = 64;
/** Largest document that is read from a file or a request, in bytes. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** Names that JavaScript reserves: neither keys of a document nor ids. */
export const RESERVED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * RFC 8785: the one spelling of a value that digests are made over. JSON.stringify differs from it in nothing but the order
 * of names, and takes a fifth of the time. Throws `bad-json` for what has no spelling: half of a surrogate pair, a number
 * that is not finite.
 */
export function canonicalize(value: Json): string {
  return isPlainInOrder(value) ? JSON.stringify(value) : spelled(value);
}

/** What is undefined is no member, and null in a list. */
function spelled(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(item => spelled(item ?? null)).join(',')}]`;
  if (isObject(value)) {
    const names = Object.keys(value).filter(name => value[name] !== undefined);
    return `{${names
      .sort()
      .map(name => `${spelled(name)}:${spelled(value[name])}`)
      .join(',')}}`;
  }
  if (!isPlainInOrder(value)) throw new LockstepError('bad-json', 'The value cannot be written as JSON.');
  return JSON.stringify(value);
}

/** False also for what has no spelling. */
function isPlainInOrder(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlainInOrder);
  if (!isObject(value)) return typeof value === 'boolean' || value === null;
  let before = '';
  for (const name of Object.keys(value)) {
    if (name < before || !name.isWellFormed() || !isPlainInOrder(value[name])) return false;
    before = name;
  }
  return true;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether both have one spelling; several times faster than to spell them. */
export function isSameJson(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => isSameJson(item, other[index]))
    );
  if (!isObject(one) || !isObject(other)) return false;
  // What is undefined is not spelled.
  return (
    Object.keys(one).every(name => isSameJson(one[name], ownAt(other, name))) &&
    Object.keys(other).every(name => other[name] === undefined || ownAt(one, name) !== undefined)
  );
}

function ownAt(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * Read a document that somebody wrote: strict JSON, and nothing that JSON.parse would quietly bend.
 * Throws `bad-json`, `duplicate-key`, `reserved-key`, `number-out-of-range`, `nested-too-deep`, `too-large`;
 * each names `source`, line and column.
 */
export function parseDocument(text: string, source: string): Json {
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) throw tooLarge(source, Buffer.byteLength(text));
  if (text.trim() === '') throw new LockstepError('bad-json', `${source} is empty.`);
  const plain = parsePlain(text);
  if (plain !== undefined) return plain;
  const reader = new DocumentReader(text, source);
  visit(text, reader, { disallowComments: true, allowTrailingComma: false });
  return reader.result();
}

/**
 * The value of a document in which JSON.parse bends nothing; undefined sends it to the slow reader, which knows
 * line and column. A key that is there twice leaves more colons in the text than keys in the value.
 */
function parsePlain(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    assertPlainJson(value, '');
    return countColons(text) === countKeys(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Colons outside strings; throws for a number that would not be kept exactly as it is written. */
function countColons(text: string): number {
  let colons = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) at = endOfString(text, at);
    else if (character === COLON) colons++;
    else if (character === MINUS || (character >= ZERO && character <= NINE)) {
      const end = endOfNumber(text, at);
      const written = text.slice(at, end);
      if (!isKept(Number(written), written)) throw outOfRange('', written);
      at = end - 1;
    }
  }
  return colons;
}

const QUOTE = 34;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const BACKSLASH = 92;

/** Index of the closing quote of the string that opens at `at`; the text is known to be JSON. */
function endOfString(text: string, at: number): number {
  let end = at;
  let escapes: number;
  do {
    end = text.indexOf('"', end + 1);
    escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
  } while (escapes % 2 === 1);
  return end;
}

function endOfNumber(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && '0123456789.eE+-'.includes(text.charAt(end))) end++;
  return end;
}

function countKeys(value: Json): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countKeys(item), 0);
  if (!isObject(value)) return 0;
  return Object.keys(value).reduce((sum, key) => sum + 1 + countKeys(value[key] as Json), 0);
}

export function tooLarge(source: string, bytes: number): LockstepError {
  return new LockstepError(
    'too-large',
    `${source} has ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are read.`,
    {
      hint: 'Split it into several changes.',
      facts: { source, bytes, limit: MAX_DOCUMENT_BYTES },
    },
  );
}

/** Refuse a value parsed elsewhere (a request body, a message) that holds what parseDocument would refuse. */
export function assertPlainJson(value: unknown, source: string, depth = 0): void {
  if (depth >= MAX_DEPTH && typeof value === 'object' && value !== null) throw nestedTooDeep(source);
  if (typeof value === 'number' && !isExact(value)) throw outOfRange(source, String(value));
  if (typeof value === 'string') assertText(value, source);
  if (Array.isArray(value)) for (const item of value) assertPlainJson(item, source, depth + 1);
  else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      if (RESERVED_KEYS.has(key)) throw reservedKey(source, key);
      assertText(key, source);
      assertPlainJson(value[key], source, depth + 1);
    }
  }
}

/** Collects the value while jsonc-parser walks the text; the first fault ends it. */
class DocumentReader {
  private readonly open: { value: Json[] | JsonObject; key?: string }[] = [];
  private root: Json | undefined;
  private readonly text: string;
  private readonly source: string;

  constructor(text: string, source: string) {
    this.text = text;
    this.source = source;
  }

  result(): Json {
    return this.root as Json;
  }

  onObjectBegin = (_offset: number, _length: number, line: number, column: number): void => {
    this.push({}, line, column);
  };
  onArrayBegin = (_offset: number, _length: number, line: number, column: number): void => {
    this.push([], line, column);
  };
  onObjectEnd = (): void => void this.open.pop();
  onArrayEnd = (): void => void this.open.pop();

  onObjectProperty = (key: string, _offset: number, _length: number, line: number, column: number): void => {
    const object = this.open.at(-1);
    if (object === undefined) return;
    const place = this.place(line, column);
    if (RESERVED_KEYS.has(key)) throw reservedKey(place, key);
    assertText(key, place);
    if (Object.hasOwn(object.value, key)) {
      throw new LockstepError('duplicate-key', `${place}: the key "${key}" is there twice.`, {
        hint: 'Keep one of the two.',
        facts: { key, line: line + 1, column: column + 1 },
      });
    }
    object.key = key;
  };

  onLiteralValue = (value: Json, offset: number, length: number, line: number, column: number): void => {
    if (typeof value === 'number') {
      const written = this.text.slice(offset, offset + length);
      if (!isKept(value, written)) throw outOfRange(this.place(line, column), written);
    }
    if (typeof value === 'string') assertText(value, this.place(line, column));
    this.add(value);
  };

  onError = (_code: number, _offset: number, _length: number, line: number, column: number): void => {
    throw new LockstepError('bad-json', `${this.place(line, column)}: this is not JSON.`, {
      hint: this.text.startsWith('\ufeff')
        ? 'Save the file without a byte order mark (BOM).'
        : 'Comments, trailing commas and single quotes are not part of JSON.',
      facts: { line: line + 1, column: column + 1 },
    });
  };

  private push(value: Json[] | JsonObject, line: number, column: number): void {
    if (this.open.length >= MAX_DEPTH) throw nestedTooDeep(this.place(line, column));
    this.add(value);
    this.open.push({ value });
  }

  private add(value: Json): void {
    const parent = this.open.at(-1);
    if (parent === undefined) this.root = value;
    else if (Array.isArray(parent.value)) parent.value.push(value);
    else if (parent.key !== undefined) parent.value[parent.key] = value;
  }

  private place(line: number, column: number): string {
    return `${this.source}, line ${line + 1}, column ${column + 1}`;
  }
}

/** Integers past 2^53 and numbers past the range of a double would be changed silently. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** Also not exact: `1e-400`, which would become 0. */
function isKept(value: number, written: string): boolean {
  return isExact(value) && !(value === 0 && /^-?[0.]*[1-9]/.test(written));
}

/** Half of a surrogate pair has no bytes in UTF-8, so it could not come back as it is. */
function assertText(text: string, place: string): void {
  if (text.isWellFormed()) return;
  throw new LockstepError('bad-json', `${place}: the text holds half of a character (a lone surrogate).`, {
    hint: 'Write the whole character.',
  });
}

function outOfRange(place: string, written: string): LockstepError {
  return new LockstepError(
    'number-out-of-range',
    `${place}: the number ${written.slice(0, 40)} cannot be kept exactly.`,
    {
      hint: 'Integers go up to 9007199254740991.',
    },
  );
}

function reservedKey(place: string, key: string): LockstepError {
  return new LockstepError('reserved-key', `${place}: the key "${key}" is not allowed.`, { facts: { key } });
}

function nestedTooDeep(place: string): LockstepError {
  return new LockstepError('nested-too-deep', `${place}: nested deeper than ${MAX_DEPTH} levels.`);
}
