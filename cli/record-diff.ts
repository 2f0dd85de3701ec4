import { diffString } from 'json-diff';
import type { ChangeView } from '../api/contract/changes.ts';
import { isObject, type Json } from '../schema/json.ts';
import { printable } from '../schema/printable.ts';
import type { Paint } from './paint.ts';
import { plain } from './paint.ts';
import { certificateLines } from './pem-text.ts';

/** Longer lists are shown by their length: comparing them element by element takes time by the square. */
const LONGEST_LIST = 200;

/** One record before and after, for people: its path, then the lines that differ. */
export function formatRecordDiff({ path, change, before, after }: ChangeView, paint: Paint): string {
  const [left, right] = summarised(...withoutPem(before, after));
  const lines =
    change === 'changed'
      ? diffString(left, right, { color: paint !== plain })
      : whole(change, left ?? right, paint);
  return `${paint('bold', `${change} ${printable(path)}`)}\n${lines.trimEnd()}\n`;
}

function whole(change: 'added' | 'removed', value: Json | undefined, paint: Paint): string {
  const [sign, colour] = change === 'added' ? (['+', 'green'] as const) : (['-', 'red'] as const);
  const lines = JSON.stringify(value ?? {}, null, 2).split('\n');
  return lines.map(line => paint(colour, `${sign}${line}`)).join('\n');
}

/** Certificates as what they say; two that only look different as PEM stay as they are. */
function withoutPem(before: Json | undefined, after: Json | undefined): [Json | undefined, Json | undefined] {
  const told = [read(before), read(after)] as const;
  const alike = JSON.stringify(told[0]) === JSON.stringify(told[1]);
  return alike && JSON.stringify(before) !== JSON.stringify(after) ? [before, after] : [...told];
}

function read(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') return certificateLines(value) ?? value;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, read(below) as Json]));
}

/** Both values with every long list replaced by a line about it; equal lists get equal lines. */
function summarised(before: Json | undefined, after: Json | undefined): [Json | undefined, Json | undefined] {
  if (isLong(before) || isLong(after))
    return [summary(before, after, 'before'), summary(after, before, 'after')];
  if (Array.isArray(before) && Array.isArray(after)) {
    const pairs = Array.from({ length: Math.max(before.length, after.length) }, (_none, index) =>
      summarised(before[index], after[index]),
    );
    return [
      pairs.slice(0, before.length).map(([left]) => left as Json),
      pairs.slice(0, after.length).map(([, right]) => right as Json),
    ];
  }
  if (!isObject(before) || !isObject(after)) return [alone(before), alone(after)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const pairs = names.map(name => [name, summarised(before[name], after[name])] as const);
  return [
    Object.fromEntries(
      pairs.filter(([name]) => Object.hasOwn(before, name)).map(([name, [left]]) => [name, left as Json]),
    ),
    Object.fromEntries(
      pairs.filter(([name]) => Object.hasOwn(after, name)).map(([name, [, right]]) => [name, right as Json]),
    ),
  ];
}

/** A value with nothing to compare it with: only its long lists are shortened. */
function alone(value: Json | undefined): Json | undefined {
  if (isLong(value)) return `[${value.length} elements]`;
  if (Array.isArray(value)) return value.map(item => alone(item) as Json);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, alone(below) as Json]));
}

/** Says more on the side `after` when the two would else read the same. */
function summary(
  value: Json | undefined,
  other: Json | undefined,
  side: 'before' | 'after',
): Json | undefined {
  if (!Array.isArray(value)) return alone(value);
  const known = new Set((Array.isArray(other) ? other : []).map(item => JSON.stringify(item)));
  const own = value.filter(item => !known.has(JSON.stringify(item))).length;
  if (own > 0) return `[${value.length} elements, ${own} only ${side}]`;
  const reordered = side === 'after' && JSON.stringify(value) !== JSON.stringify(other);
  return `[${value.length} elements${reordered ? ', in another order' : ''}]`;
}

function isLong(value: Json | undefined): value is Json[] {
  return Array.isArray(value) && value.length > LONGEST_LIST;
}
