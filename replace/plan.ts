import { LockstepError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';

/**
 * A and B are the old units, C takes the place of A and D that of B. A is the unit that serves, or the one that is
 * alive; so D always comes first, into the place that nobody is served from.
 */
export const LETTERS = ['A', 'B', 'C', 'D'] as const;
export type Letter = (typeof LETTERS)[number];
export type Mode = 'first' | 'second';
export type Place = { dir: string } | { unit: string };
/** both: one after the other · one: B is dead · disaster: A and B are dead · grow: A gets a partner · shrink: B goes. */
export const KINDS = ['both', 'one', 'disaster', 'grow', 'shrink'] as const;
export type Kind = (typeof KINDS)[number];

/** What an operator says. `first` and `second` are HA modes; of a single unit: the one that it gets. */
export interface Request {
  kind: Kind;
  old: Partial<Record<Mode, Place>>;
  new: Partial<Record<Mode, Place>>;
  /** one: the unit that is dead · shrink: the unit that goes. */
  leaves?: Mode;
  /** Of dead units: bundles that somebody kept. */
  bundles: Partial<Record<Mode | 'certificates', string>>;
  /** grow: addresses that the pair gets. */
  pair?: { interface: string; address: string; shared: string; partner: string; virtualId: number };
  /** Codes of doctor's findings that the operator answers for. */
  accept: string[];
  /** Units of other pairs on the same network: none of them may have this pair's HA Virtual ID. */
  others: Place[];
}

/** What belongs to one place of the pair, and must be so on whoever stands there. */
export interface Identity {
  name: string;
  mode: Mode;
  /** By interface. */
  addresses: Record<string, Addresses>;
  virtualId: number | null;
}

export interface Addresses {
  address?: string;
  shared?: string;
  partner?: string;
}

export interface PlannedUnit extends Identity {
  place: Place;
  /** null: it could not be asked, and no bundle of it tells. */
  id: string | null;
  /** Of its host key; null: not known yet. */
  fingerprint: string | null;
  model: string;
  release: string;
}

/** A replacement of this very pair, as it was measured when it was planned. */
export interface Plan {
  version: 1;
  kind: Kind;
  at: string;
  by: string;
  units: Partial<Record<Letter, PlannedUnit>>;
  /** Files that the operator brought; those of living units are made. */
  bundles: Partial<Record<'A' | 'B' | 'certificates', string>>;
  pair?: Request['pair'];
  /** grow: path → field → what the single unit had there, null for nothing. */
  single?: Record<string, Record<string, Json>>;
  accept: string[];
  others: Place[];
  /** What stood before; `abort` goes back to it. */
  preferredHost: 'none' | Mode;
}

export const other = (mode: Mode): Mode => (mode === 'first' ? 'second' : 'first');

/** The unit of the plan. Throws `internal`: a step names only units of its plan. */
export function planned({ units }: Pick<Plan, 'units'>, letter: Letter): PlannedUnit {
  const unit = units[letter];
  if (unit === undefined) throw new LockstepError('internal', `The plan has no unit ${letter}.`);
  return unit;
}

export const placeWords = (place: Place): string => ('dir' in place ? place.dir : place.unit);

export const called = (plan: Pick<Plan, 'units'>, letter: Letter): string =>
  `${letter} (${planned(plan, letter).name})`;

/** Which places of the request are which letters. `activeMode`: that of the unit that serves. Throws `bad-usage`. */
export function lettersOf(request: Request, activeMode: Mode | undefined): Partial<Record<Letter, Mode>> {
  const { kind, leaves } = request;
  const has = (side: 'old' | 'new', mode: Mode): void => {
    if (request[side][mode] === undefined) throw incomplete(`${side} unit in HA ${mode} mode`);
  };
  switch (kind) {
    case 'both':
    case 'disaster': {
      for (const mode of ['first', 'second'] as const) {
        if (kind === 'both') has('old', mode);
        has('new', mode);
      }
      const stays = kind === 'both' ? (activeMode ?? 'first') : 'first';
      return { A: stays, B: other(stays), C: stays, D: other(stays) };
    }
    case 'one':
      if (leaves === undefined) throw incomplete('unit that is dead (leaves: first or second)');
      has('old', other(leaves));
      has('new', leaves);
      return { A: other(leaves), B: leaves, D: leaves };
    case 'grow': {
      const [mode] = (['first', 'second'] as const).filter(each => request.old[each] !== undefined);
      if (mode === undefined) throw incomplete('single unit, under old');
      if (request.pair === undefined) throw incomplete('addresses of the pair, under pair');
      has('new', other(mode));
      return { A: mode, D: other(mode) };
    }
    case 'shrink':
      if (leaves === undefined) throw incomplete('unit that goes (leaves: first or second)');
      has('old', 'first');
      has('old', 'second');
      return { A: other(leaves), B: leaves };
  }
}

function incomplete(what: string): LockstepError {
  return new LockstepError('bad-usage', `The plan does not name the ${what}.`, {
    hint: 'docs/REPLACEMENT.md shows a whole plan file.',
  });
}
