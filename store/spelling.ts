import { canonicalize } from '../schema/json.ts';
import type { SplitRecord } from '../schema/record.ts';
import { recordHash } from './digest.ts';
import type { Transition } from './transition.ts';

/** Halves of a record as canonical JSON; undefined for one that is not there. */
export interface SpelledHalves {
  pair: string | undefined;
  unit: string | undefined;
}

/** A transition in the one spelling that is written, hashed and kept; made once a commit. */
export interface SpelledTransition {
  path: string;
  before: SpelledHalves;
  after: SpelledHalves;
  /** Of the shared halves. */
  was: Buffer | undefined;
  hash: Buffer | undefined;
}

export function spell({ path, before, after, prepared }: Omit<Transition, 'kind'>): SpelledTransition {
  const spelled = { before: spellHalves(before), after: spellHalves(after, prepared?.text) };
  const hash = prepared?.hash ?? hashOf(spelled.after.pair);
  return { path, ...spelled, was: hashOf(spelled.before.pair), hash };
}

function spellHalves({ pair, unit }: SplitRecord, known?: string): SpelledHalves {
  return { pair: pair && (known ?? canonicalize(pair)), unit: unit && canonicalize(unit) };
}

function hashOf(half: string | undefined): Buffer | undefined {
  return half === undefined ? undefined : recordHash(half);
}
