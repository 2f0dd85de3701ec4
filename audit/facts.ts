/** What two sides of an audit tell each other. All of it is JSON, so that it crosses the wire and the API as it is. */
import type { JsonObject } from '../schema/json.ts';
import type { Finding as Damage } from '../store/damage.ts';
import type { RevisionKind } from '../store/revision.ts';
import type { Role } from '../store/store.ts';

export type Question =
  /** Who are you, and what do you hold? The root of the tree comes with it unless the digest is `digest`. */
  | { ask: 'open'; digest: string; schemaDigest: string; nonce: string; all: boolean }
  /** Nodes of the digest tree: pairs of level and index. */
  | { ask: 'nodes'; nodes: [level: number, index: number][] }
  /** Hashes of all records in these buckets. */
  | { ask: 'leaves'; buckets: number[] }
  /** What of these buckets is not as the asker holds it; the first `most` with all that there is to say. */
  | { ask: 'against'; nonce: string; buckets: Bucket[]; most: number }
  /** All that there is to say of these records. */
  | { ask: 'details'; nonce: string; paths: string[] };

interface Bucket {
  index: number;
  leaves: Leaf[];
}

/** Hash of a shared half, base64. */
type Leaf = [path: string, hash: string];

/** The state that an answer was read from. Answers from two states do not go together. */
export interface State {
  revision: number;
  digest: string;
}

export interface Opening extends State {
  /** What a side is: a running unit, or a state that is only compared with. */
  is: 'unit' | 'revision' | 'bundle';
  name: string;
  /** Empty for a bundle. */
  unitId: string;
  /** Of the pair that a unit belongs to; empty: of none. A unit that does not say it is taken for one of the same pair. */
  pairId?: string;
  role: Role;
  epoch: number;
  records: number;
  /** Digest of the last receipt given or taken, and the revision that stood here then. Empty: none yet. */
  common: string;
  commonRevision: number;
  release: string;
  schemaDigest: string;
  /** Digest of each kind; only for an asker with other schemas. */
  kinds?: Record<string, string>;
  /** Root node of the digest tree, cut, base64; only for an asker with another digest. */
  root?: string;
  /** What is known to be damaged here: the first 20 of `damaged`. */
  damage: Damage[];
  damaged: number;
  /** Files of the mirror that are not what the store holds: the first 20 of `files`. */
  mirror: FileTrouble[];
  files: number;
  /** Keyed hashes of what belongs to the unit alone, by record and field; only with `all`. */
  own?: [path: string, fields: Record<string, string>][];
}

export interface FileTrouble {
  file: string;
  path: string;
  reason: string;
}

/** One record as a side holds it. */
export interface RecordFacts {
  path: string;
  /** As the digest tree says; null: not there. */
  hash: string | null;
  /** What is stored is what the hash says. */
  intact: boolean;
  /** Shared half, each secret a keyed hash; absent when there is none, or none that can be read. */
  value?: JsonObject;
  /** Records that it lives below or refers to. */
  needs: string[];
  /** The newest revision that touched it. */
  trace?: TraceFacts;
}

export interface TraceFacts {
  revision: number;
  at: string;
  kind: RevisionKind;
  author: string;
  reason: string;
  /** What is held is what that revision made of it. */
  asWritten: boolean;
}

export interface Nodes extends State {
  nodes: string[];
}

export interface Leaves extends State {
  buckets: Leaf[][];
}

export interface Against extends State {
  /** Null: not there. */
  differing: [path: string, hash: string | null][];
  details: RecordFacts[];
}

export interface Details extends State {
  details: RecordFacts[];
}

/** One side of an audit: a unit on the disk, or one far away. */
export interface Side {
  ask(question: Extract<Question, { ask: 'open' }>): Promise<Opening>;
  ask(question: Extract<Question, { ask: 'nodes' }>): Promise<Nodes>;
  ask(question: Extract<Question, { ask: 'leaves' }>): Promise<Leaves>;
  ask(question: Extract<Question, { ask: 'against' }>): Promise<Against>;
  ask(question: Extract<Question, { ask: 'details' }>): Promise<Details>;
  /** The same side as it is when it is asked; absent where every answer is so, or where nothing changes. */
  now?: Side;
}

export const NONCE = /^[0-9a-f]{32,64}$/;
export const MAX_NODES = 256;
export const MAX_BUCKETS = 1024;
export const MAX_DETAILS = 1000;
