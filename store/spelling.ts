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
}

export function spell({ path, before, after }: Omit<Transition, 'kind'>): SpelledTransition {
  return { path, before: spellHalves(before), after: spellHalves(after) };
}

function spellHalves({ pair, unit }: SplitRecord): SpelledHalves {
  return { pair: pair && canonicalize(pair), unit: unit && canonicalize(unit) };
}

export function hashOf(half: string | undefined): Buffer | undefined {
  return half === undefined ? undefined : recordHash(half);
}
