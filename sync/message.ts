import type { ErrorBody } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Branch, BranchChange } from '../store/branch.ts';
import type { FellBack, Provisional, Witness } from '../store/head.ts';
import type { BroughtRevision } from '../store/revision.ts';
import type { PairChange, Role } from '../store/store.ts';
import type { HaFacts } from './fit.ts';

/**
 * The messages of the pair protocol: one JSON object a frame. A request has an `id`, its reply names it in `re`.
 * Both units dial each other; whoever dialled asks, whoever was dialled answers, and asks on that connection too where it
 * cannot dial itself (both-ways.ts).
 */
export const PROTOCOL = 1;

export type HaMode = 'first' | 'second';

/**
 * Who a unit is and what it holds. Sent first on every connection, and again as a heartbeat. The one message that may
 * have fields which this release does not know, and passes over: two releases must be able to greet each other.
 */
export interface Hello {
  protocol: number;
  pairId: string;
  unitId: string;
  name: string;
  mode: HaMode;
  role: Role;
  epoch: number;
  revision: number;
  digest: string;
  release: string;
  model: string;
  schemaDigest: string;
  /** Digest in the last receipt that the unit gave or got. Empty: none yet. */
  common: string;
  /** True once the unit has given or taken an update in this pair: only then may it speak for the pair. */
  established: boolean;
  /** Its updates are paused; or what it holds was restored, and nobody has confirmed it as a source. */
  paused: boolean;
  unconfirmed: boolean;
  /** Its store is damaged: it neither sends nor takes updates. Left out when it is not. */
  damaged?: boolean;
  /**
   * Files of its configuration: edits that were refused and wait for somebody, and files that it cannot write now. Left out when there are
   * none.
   */
  files?: FileCounts;
  /** Clock of the sender, milliseconds since 1970: to show the skew, never to decide. */
  clock: number;
  /** Names of the branches that it keeps, not merged yet: at most 20. */
  branches: string[];
  /** Records that it holds back, because the other describes their kinds differently. */
  heldBack: number;
  /** Id of the change that waits to be confirmed, as far as this unit knows. Empty: none. */
  provisional: string;
  /** Where it listens. Left out by units of release 0.1.0, as is all that follows. */
  port?: number;
  /** It answers on connections that it dialled, too. */
  bothWays?: boolean;
  /** What the two must have alike. */
  ha?: HaFacts;
  /** Id of its store; left out by releases that give none. */
  store?: string | undefined;
  /** The newest states that it knows of the stores of its partners. */
  witnessed?: Witness[] | undefined;
  /** Its disk fell back (store/witness.ts). */
  fellBack?: FallBack | undefined;
  /** It restarted too often and takes part in nothing: this greeting is all that it says (pacified.ts). */
  pacified?: boolean;
}

export interface FileCounts {
  waiting: number;
  unwritten: number;
}

/** How far a unit fell back. */
export interface FallBack extends Pick<FellBack, 'revision' | 'from' | 'at'> {
  /** It has made changes of its own since. */
  own: boolean;
}

/** One frame of an update; `changes` of all frames with one `changeId` belong together, in order. */
export interface UpdateMessage {
  type: 'update';
  id: number;
  changeId: string;
  sequence: number;
  last: boolean;
  epoch: number;
  base: string;
  target: string;
  revision: number;
  brought: BroughtRevision[];
  /** What waits to be confirmed at the sender, with the time that is left. */
  provisional: ProvisionalNote | null;
  /** Id of the change that was confirmed there last. Empty: none. */
  confirmed: string;
  changes: PairChange[];
}

export interface ProvisionalNote extends Pick<Provisional, 'id' | 'author' | 'reason' | 'at' | 'minutes'> {
  msLeft: number;
}

export type Request =
  | ({ type: 'hello'; id: number } & Hello)
  | UpdateMessage
  /** Ask for nodes of the digest tree: pairs of level and index. */
  | { type: 'compare'; id: number; nodes: [level: number, index: number][] }
  /** Ask for the records of buckets. */
  | { type: 'list'; id: number; buckets: number[] }
  /** `digest`: what the sender holds at this moment; its last greeting may be older. */
  | { type: 'step-down'; id: number; epoch: number; force: boolean; digest: string }
  /** Ask whether these changes would be taken by a standby that holds `base`. */
  | { type: 'trial'; id: number; epoch: number; base: string; changes: PairChange[] }
  /** Ask for the digest of each kind: the sender runs another release. */
  | { type: 'kinds'; id: number }
  /** Ask for changes of a branch, from number `from` on. */
  | { type: 'branch'; id: number; name: string; from: number }
  /** Ask how the unit is, for lockstep doctor. `nonce`: what its proofs are made for. */
  | { type: 'examine'; id: number; nonce: string }
  /** Which of these revisions of the sender's has the other one been told of? Newest first. */
  | { type: 'known'; id: number; revisions: [revision: number, at: string][] }
  /** The sender has merged the branch. */
  | { type: 'branch-merged'; id: number; name: string; revision: number; at: string; author: string }
  /** A question of an audit, as audit/ and unit/ understand it. */
  | { type: 'audit'; id: number; question: JsonObject }
  | JoinRequest
  /** The joining unit has pinned the other: now that one may. */
  | { type: 'confirm'; id: number };

/** Sent by a unit that is being paired, before it has a partner (docs/DOMAIN.md, Pairing). */
export interface JoinRequest {
  type: 'join';
  id: number;
  proof: string;
  hostKey: string;
  clientKey: string;
  name: string;
  unitId: string;
  mode: HaMode;
  /** The pair that the unit speaks for; empty for a unit that is new. */
  pairId: string;
  /** Where the unit listens, so that its partner can dial back. Empty host: where it came from. */
  host: string;
  port: number;
  /** What the two must have alike; units of release 0.1.0 refuse a message that says so. */
  ha?: HaFacts;
}

export type Reply =
  | ({ type: 'hello-too'; re: number } & Hello)
  | { type: 'receipt'; re: number; result: 'applied' | 'already-applied'; digest: string; revision: number }
  /** The first 16 bytes of the 32 child hashes of each node, base64: enough to find what differs; digests decide. */
  | { type: 'nodes'; re: number; nodes: string[] }
  | { type: 'leaves'; re: number; buckets: [path: string, hash: string][][] }
  | { type: 'stepped-down'; re: number; epoch: number; digest: string }
  | { type: 'would-take'; re: number }
  | { type: 'kinds-are'; re: number; schemaDigest: string; kinds: Record<string, string> }
  | { type: 'branch-part'; re: number; branch: Branch; changes: BranchChange[]; last: boolean }
  | { type: 'branch-closed'; re: number }
  /** The newest of them. 0: none. */
  | { type: 'known-is'; re: number; revision: number }
  /** No secrets. What it must look like is said by audit/doctor/examination.ts. */
  | { type: 'facts'; re: number; facts: JsonObject }
  | { type: 'audited'; re: number; answer: JsonObject }
  | {
      type: 'joined';
      re: number;
      proof: string;
      pairId: string;
      clientKey: string;
      name: string;
      unitId: string;
      mode: HaMode;
      /** Fingerprint of the partner that makes way; empty when there is none. */
      replaces: string;
    }
  | { type: 'confirmed'; re: number }
  | { type: 'error'; re: number; error: ErrorBody };
