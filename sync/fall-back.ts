/**
 * A unit whose disk fell back to an earlier state must not overwrite what its partner took from it
 * (docs/decisions/0031-fallen-back.md). Pure: what its own history says is read by whoever asks.
 */
import { LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { isOlderThan, witnessOf } from '../store/witness.ts';
import type { FallBack, Hello } from './message.ts';
import type { Effect, OwnFacts, SyncState } from './state.ts';

/** The partner has seen a state of this unit's store that this unit does not have. */
export interface Evidence {
  /** Id of the store that fell back. */
  store: string | undefined;
  /** Revision that the partner has seen. 0: its number is not known. */
  from: number;
}

/** What the own history says to a greeting. */
export interface HistoryAnswer {
  /** Digest at the revision that the partner has seen; undefined: not kept any more. */
  stoodAt: string | undefined;
  /** The digest that the partner confirmed last was held here. */
  knowsCommon: boolean;
}

type Known = Pick<OwnFacts, 'store' | 'revision' | 'digest' | 'common'>;

/** Undefined where the greeting explains itself, as nearly all do: then nothing has to be read. */
export function questionTo(own: Known, hello: Hello): { revision: number; common: string } | undefined {
  if (hello.witnessed === undefined) {
    const known = ['', EMPTY_DIGEST, own.common, own.digest].includes(hello.common);
    return known ? undefined : { revision: 0, common: hello.common };
  }
  const seen = own.store === undefined ? undefined : witnessOf(own.store, hello.witnessed);
  if (seen === undefined || (seen.revision === own.revision && seen.digest === own.digest)) return undefined;
  return { revision: seen.revision, common: '' };
}

export function evidenceOf(own: OwnFacts, hello: Hello, history: HistoryAnswer): Evidence | undefined {
  if (own.pairId !== hello.pairId) return undefined;
  if (hello.witnessed === undefined) return evidenceOfOldRelease(own, hello, history);
  const seen = own.store === undefined ? undefined : witnessOf(own.store, hello.witnessed);
  if (seen === undefined || !isOlderThan(seen, own, history.stoodAt)) return undefined;
  return { store: own.store, from: seen.revision };
}

/**
 * A partner whose release keeps no witness says only which digest it confirmed last. It confirms nothing but what came from
 * this unit, or went to it: so a digest that was never held here tells the same, unless something was held back.
 */
function evidenceOfOldRelease(
  own: OwnFacts,
  hello: Hello,
  { knowsCommon }: HistoryAnswer,
): Evidence | undefined {
  const explained =
    knowsCommon ||
    own.role !== 'active' ||
    !own.established ||
    !hello.established ||
    own.schemaDigest !== hello.schemaDigest ||
    ['', EMPTY_DIGEST, own.overruled].includes(hello.common);
  return explained ? undefined : { store: own.store, from: 0 };
}

export function hasFallenBack({ own, fallen }: Pick<SyncState, 'own' | 'fallen'>): boolean {
  return own.fellBack !== undefined || fallen !== undefined;
}

/** This unit fell back and made nothing of its own since: whatever it holds, its partner holds too. */
export function holdsNothingOfItsOwn({ fellBack }: Pick<Hello, 'fellBack'>): boolean {
  return fellBack !== undefined && !fellBack.own;
}

/** From where this unit went its own way is found out once. */
export function looksForFork(state: SyncState): Effect[] {
  return state.fallen === undefined || state.own.fellBack !== undefined
    ? []
    : [{ do: 'find-fork', evidence: state.fallen }];
}

/** The partner fell back and has nothing of its own: this unit, which has seen more of it, takes its place by itself. */
export function mayRelieve({ own, partner, link, work, fallen }: SyncState): boolean {
  if (partner === undefined || link !== 'up' || work.step !== 'idle') return false;
  if (!holdsNothingOfItsOwn(partner) || hasFallenBack({ own, fallen })) return false;
  const seen = witnessOf(partner.store ?? '', own.witnessed);
  if (seen === undefined || seen.revision !== partner.fellBack?.from) return false;
  // While this unit is active in the higher epoch, the other one steps down by itself.
  const isOver = own.role === 'active' && own.epoch > partner.epoch;
  return !isOver && (partner.role === 'active' || partner.epoch > own.epoch);
}

export function fallenBack(state: Pick<SyncState, 'own' | 'fallen' | 'partner'>): LockstepError {
  const { own, partner, fallen } = state;
  const who = partner?.name ?? 'the partner';
  return new LockstepError('fallen-back', fallBackSentence('This unit', own.fellBack ?? fallen, who), {
    hint: fallenHereHint(who),
    facts: { ...(own.fellBack ?? { from: fallen?.from }), revision: own.fellBack?.revision ?? own.revision },
  });
}

/** `unit`: who fell back; `holder`: who has seen more. */
export function fallBackSentence(
  unit: string,
  found: FallBack | Evidence | undefined,
  holder: string,
): string {
  const to =
    found !== undefined && 'revision' in found
      ? `its revision ${found.revision}${found.at === '' ? '' : ` of ${found.at}`}`
      : 'an earlier state';
  const held = found === undefined || found.from === 0 ? 'a later state' : `its revision ${found.from}`;
  const own = found !== undefined && 'own' in found && found.own ? ', and was changed since' : '';
  return `${unit} fell back: its disk is that of ${to}, while ${holder} holds ${held}${own}. Nothing goes out.`;
}

export function fallenHereHint(who: string): string {
  return `Type lockstep takeover --force on ${who}: it then serves with what it holds, and what this unit alone holds becomes a branch. Typed here, it keeps what this unit holds, and the rest becomes a branch. lockstep merge brings a branch back.`;
}

export function fallenThereHint(who: string): string {
  return `Type lockstep takeover --force here: this unit then serves with what it holds, and what ${who} alone holds becomes a branch. Typed there, it keeps what ${who} holds, and the rest becomes a branch. lockstep merge brings a branch back.`;
}
