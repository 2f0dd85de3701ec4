/** What the store is asked, what it answers, and the few facts that stand above all records. */
import type { JsonObject } from '../schema/json.ts';
import type { BroughtRevision, RecordChange, RevisionKind } from './revision.ts';
import type { Change } from './transition.ts';
import type { RecordReader } from './view.ts';

export type Role = 'active' | 'standby';

/** The few facts that stand above all records; kept in memory as well. */
export interface Head {
  revision: number;
  digest: string;
  epoch: number;
  role: Role;
  /** Number of shared records. */
  records: number;
  /**
   * Digest in the last receipt given or taken: what both units are known to have held. Empty: none yet. EMPTY_DIGEST:
   * an update was sent, or there was a receipt, but what both hold is not known.
   */
  common: string;
}

export interface CommitRequest {
  /** Given as a function, changes are made from what the store holds when their turn comes. */
  changes: Change[] | ((records: RecordReader) => Promise<Change[]>);
  kind: RevisionKind;
  author: string;
  reason: string;
  /** Refuse with `conflict` when the configuration is no longer at this revision. */
  expected?: number | undefined;
  /** Check and tell, but write nothing. */
  dryRun?: boolean | undefined;
}

export interface CommitResult {
  /** The revision that now stands; unchanged when nothing changed or on a dry run. */
  revision: number;
  digest: string;
  changes: RecordChange[];
}

/** One record of an update: its pair half, or null when it goes. */
export interface PairChange {
  path: string;
  value: JsonObject | null;
}

export interface UpdateRequest {
  changes: PairChange[];
  base: string;
  target: string;
  epoch: number;
  from: string;
  brought: BroughtRevision[];
}
