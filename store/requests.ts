/** What the store is asked, and what it answers. */
import type { Problem } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Provisional, Witness } from './head.ts';
import type { Conflict, Side } from './merge.ts';
import type { BroughtRevision, RecordChange, RevisionKind } from './revision.ts';
import type { Change, PreparedHalf, Transition } from './transition.ts';
import type { RecordReader } from './view.ts';

/** Everything that would speak against changes, were they the whole commit. */
export type ProblemsOf = (changes: Change[]) => Promise<Problem[]>;

export interface CommitRequest {
  /** Given as a function, changes are made from what the store holds when their turn comes. */
  changes: Change[] | ((records: RecordReader, problemsOf: ProblemsOf) => Promise<Change[]>);
  kind: RevisionKind;
  author: string;
  reason: string;
  /** Refuse with `conflict` when the configuration is no longer at this revision. */
  expected?: number | undefined;
  /** Check and tell, but write nothing. */
  dryRun?: boolean | undefined;
  /** Undone unless it is confirmed before the deadline. */
  provisional?: ProvisionalTerms | undefined;
  /** Sees every record that is about to change, those that a removal or a rollback takes along too; throws to refuse it. */
  guard?: Guard | undefined;
  /** With kind `restore`: what is written is no source until it is confirmed. May be done on a standby too. */
  unconfirmed?: boolean | undefined;
}

export type Guard = (changes: readonly Pick<Transition, 'path' | 'kind' | 'before' | 'after'>[]) => void;

export type ProvisionalTerms = Pick<Provisional, 'minutes' | 'deadline'>;

export interface CommitResult {
  /** The revision that now stands; unchanged when nothing changed or on a dry run. */
  revision: number;
  digest: string;
  changes: RecordChange[];
  /** What the rules warn of in what was changed. */
  warnings: Problem[];
}

/** One record of an update: its pair half, or null when it goes. */
export interface PairChange {
  path: string;
  value: JsonObject | null;
  /** What it was before a change that waits to be confirmed. */
  undo?: JsonObject | null;
  /** Never travels. */
  prepared?: PreparedHalf;
}

/** The same with its halves as JSON, as it is kept and as it travels; `null` is a text too. */
export interface SpelledChange {
  path: string;
  value: string;
  undo?: string;
}

export interface UpdateRequest {
  changes: PairChange[];
  base: string;
  target: string;
  epoch: number;
  /** Names of the unit that sends it and of this one, for the history. */
  from: string;
  to: string;
  brought: BroughtRevision[];
  /** Digest in the last receipt that the sender knows of. */
  common: string;
  /** What waits to be confirmed at the sender, and what was confirmed there last. */
  provisional: Provisional | undefined;
  confirmed: string;
  /** Of the store that it comes from. */
  source?: UpdateSource | undefined;
}

export interface UpdateSource {
  /** Id of that store, and the revision that stood there. Empty: its release gives none. */
  store: string;
  revision: number;
  /** Nothing is held back: the target is what the sender holds. */
  exact: boolean;
  /** What the sender has seen of the store that takes the update. */
  seen?: Witness | undefined;
}

export type TrialUpdate = Pick<UpdateRequest, 'changes' | 'base' | 'epoch' | 'from'>;

export interface MergeRequest {
  branch: string;
  /** What the operator decided about a record or a field (`path/field`). */
  choose(place: string): Side | undefined;
  /** Take nothing of it: it is closed, and what stands stands. */
  none?: boolean | undefined;
  author: string;
  reason: string;
  dryRun?: boolean | undefined;
  provisional?: ProvisionalTerms | undefined;
  guard?: Guard | undefined;
  /** Refuse with `conflict` when the configuration is no longer at this revision. */
  expected?: number | undefined;
}

export interface MergeResult extends CommitResult {
  /** With any, nothing was written. Values are not masked. */
  conflicts: Conflict[];
}
