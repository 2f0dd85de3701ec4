/** The few facts that stand above all records; kept in memory as well. Each write of them compares what is stored, whole. */
import { randomBytes } from 'node:crypto';
import type { Deadline } from '../host/deadline.ts';
import { damagedStore, parseStored } from './damage.ts';
import { EMPTY_DIGEST } from './digest.ts';

export type Role = 'active' | 'standby';

/** What the pair agrees on: it changes by a commit of the active unit, an update, a receipt or a takeover. */
export interface PairFacts {
  digest: string;
  epoch: number;
  /** Number of shared records. */
  records: number;
  /**
   * Digest in the last receipt given or taken: what both units are known to have held. Empty: none yet. EMPTY_DIGEST:
   * an update was sent, and no receipt came yet.
   */
  common: string;
  /** Of the shared configuration: known to both units. */
  provisional?: Provisional | undefined;
  /** The last provisional change that was confirmed. */
  confirmed?: string | undefined;
}

/** What is this unit's own. */
export interface UnitFacts {
  role: Role;
  revision: number;
  /** The revision that stood here when `common` was held. */
  commonRevision: number;
  /** The revision up to which place names are in the index (schema/places.ts); missing in stores of 0.1.0. */
  indexed?: number | undefined;
  /** Of this unit's own configuration. */
  ownProvisional?: Provisional | undefined;
  /** The configuration was restored, and nobody has confirmed it yet: this unit is no source. */
  unconfirmed?: Unconfirmed | undefined;
  /** Id of this store; see store/witness.ts. */
  store?: string | undefined;
  /** The newest states of partners that are known here; the last one seen first. */
  witnessed?: Witness[] | undefined;
  /** This unit found out that its disk fell back, and has not been mended yet. */
  fellBack?: FellBack | undefined;
  /** Somebody decided for this unit although its partner, whose release keeps no witness, confirmed this digest. */
  overruled?: string | undefined;
}

export interface Head extends PairFacts, UnitFacts {}

/** A change that waits to be confirmed; see store/provisional.ts. */
export interface Provisional {
  id: string;
  author: string;
  reason: string;
  /** ISO 8601. */
  at: string;
  minutes: number;
  deadline: Deadline;
}

export interface Unconfirmed {
  /** ISO 8601. */
  since: string;
  by: string;
  why: string;
}

/** The newest state of another store that is known here. */
export interface Witness {
  /** Id of that store. Empty: its release gives none. */
  store: string;
  revision: number;
  /** Empty: not known, because the two releases could not exchange everything. */
  digest: string;
}

/** This store is an older copy of what the partner has seen. */
export interface FellBack {
  /** The newest revision here that the partner holds as well: to this one the disk fell back. */
  revision: number;
  digest: string;
  /** ISO 8601: when that revision was made. Empty: not known. */
  at: string;
  /** Revision of this store that the partner has seen. 0: a later one, its number is not known. */
  from: number;
  /** ISO 8601: when it was found out. */
  seen: string;
}

const NEW: Head = {
  revision: 0,
  digest: EMPTY_DIGEST,
  epoch: 0,
  role: 'standby',
  records: 0,
  common: '',
  commonRevision: 0,
};

export function newStoreId(): string {
  return randomBytes(8).toString('hex');
}

/** What is stored; a new store's where nothing is. Throws `damaged-store`. */
export function headOf(stored: Buffer | undefined): Head {
  if (stored === undefined) return NEW;
  const head = parseStored<Head>(stored, 'head');
  if (!isHead(head)) throw damagedStore({ path: 'head', reason: 'is not complete' });
  return { ...NEW, ...head };
}

function isHead({ revision, digest, epoch, role, records, common }: Head): boolean {
  return (
    [revision, epoch, records].every(count => Number.isSafeInteger(count) && count >= 0) &&
    /^[0-9a-f]{64}$/.test(digest) &&
    /^([0-9a-f]{64})?$/.test(common) &&
    (role === 'active' || role === 'standby')
  );
}
