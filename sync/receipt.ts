import type { HeldBack } from './state.ts';

/** What an update did, as the unit that sent it keeps and tells it (docs/DOMAIN.md, Words: receipt). */
export interface Receipt {
  /** `applied`; or `already-applied` when there was nothing to do. */
  result: 'applied' | 'already-applied';
  kind: 'periodic' | 'forced';
  /** Revision of the active unit that the standby now holds. */
  revision: number;
  digest: string;
  records: number;
  bytes: number;
  /** Milliseconds from the request to the receipt. */
  ms: number;
  /** When the receipt came. */
  at: string;
  /** Records that were left out: the partner runs a release that describes their kinds differently. */
  heldBack?: HeldBack;
}

/** An update as the standby saw it. */
export interface TakenUpdate {
  result: 'applied' | 'already-applied';
  kind: 'taken';
  /** Revision that it became here. */
  revision: number;
  digest: string;
  records: number;
  at: string;
}
