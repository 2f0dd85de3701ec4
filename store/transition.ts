import { isSameJson, type Json, type JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import type { SplitRecord } from '../schema/record.ts';

/** One thing that somebody wants changed. */
export type Change =
  /** The record is exactly this. Fields of the unit's own stay as they are unless `value` names some. */
  | { op: 'put'; path: string; value: JsonObject }
  /** One field of a record; the record is made when it does not exist. */
  | { op: 'set'; path: string; field: string[]; value: Json }
  | { op: 'unset'; path: string; field: string[] }
  /** The record and everything below it. A path above records removes all of them. */
  | { op: 'remove'; path: string };

/** What a change does to one record. */
export interface Transition {
  path: string;
  kind: Kind;
  before: SplitRecord;
  after: SplitRecord;
  /** Of a change that came with an update, about `after.pair`. */
  prepared?: PreparedHalf | undefined;
}

/** What can be said of a change of an update before its turn comes: none of it depends on what the store holds. */
export interface PreparedHalf {
  kind: Kind;
  /** The new half, spelled, and its hash; undefined when the record goes. */
  text: string | undefined;
  hash: Buffer | undefined;
  /** The schema takes it. False also where the unit's own half has a say. */
  valid: boolean;
}

export function hasEffect({ before, after }: Pick<Transition, 'before' | 'after'>): boolean {
  return touchesPair({ before, after }) || !isSameJson(before.unit, after.unit);
}

export function touchesPair({ before, after }: Pick<Transition, 'before' | 'after'>): boolean {
  return !isSameJson(before.pair, after.pair);
}
