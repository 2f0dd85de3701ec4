import { type ErrorBody, LockstepError } from '../schema/error.ts';
import { assertPlainJson, isObject, type Json, type JsonObject } from '../schema/json.ts';
import { type Check, count, flag, listOf, object, objectWith, oneOf, text, tuple } from '../schema/shape.ts';
import type { Branch, BranchChange } from '../store/branch.ts';
import { MAX_NAMED } from '../store/branch-registry.ts';
import type { FellBack, Provisional, Witness } from '../store/head.ts';
import type { BroughtRevision } from '../store/revision.ts';
import type { PairChange, Role } from '../store/store.ts';
import { MAX_WITNESSED } from '../store/witness.ts';
import { type HaFacts, haFacts } from './fit.ts';

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

/** Largest frame of each type, bytes. */
export const FRAME_LIMITS: Record<Request['type'] | Reply['type'], number> = {
  hello: 4 * 1024,
  'hello-too': 4 * 1024,
  update: 8 * 1024 * 1024,
  receipt: 4 * 1024,
  compare: 64 * 1024,
  nodes: 1024 * 1024,
  list: 64 * 1024,
  leaves: 8 * 1024 * 1024,
  'step-down': 4 * 1024,
  'stepped-down': 4 * 1024,
  trial: 8 * 1024 * 1024,
  'would-take': 1024,
  kinds: 1024,
  'kinds-are': 256 * 1024,
  branch: 1024,
  'branch-part': 8 * 1024 * 1024,
  'branch-merged': 1024,
  'branch-closed': 1024,
  known: 16 * 1024,
  'known-is': 1024,
  examine: 1024,
  facts: 1024 * 1024,
  audit: 8 * 1024 * 1024,
  audited: 8 * 1024 * 1024,
  join: 8 * 1024,
  joined: 8 * 1024,
  confirm: 1024,
  confirmed: 1024,
  error: 64 * 1024,
};

/** Most nodes, or buckets, that one request asks for. */
export const MAX_NODES = 256;
export const MAX_BUCKETS = 1024;
/** Most revisions that one request asks about. */
export const MAX_REVISIONS = 100;

const duration: Check = value => typeof value === 'number' && value >= 0;
const digest: Check = value => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const fileCounts: Check = object({ waiting: count, unwritten: count });
const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value);
const fellBack = objectWith({ revision: count, from: count, at: text(40), own: flag });
const witness = objectWith({ store: text(64), revision: count, digest: text(64) });

const greeting: Record<string, Check> = {
  protocol: count,
  pairId: text(64),
  unitId: text(64),
  name: text(253),
  mode: oneOf('first', 'second'),
  role: oneOf('active', 'standby'),
  epoch: count,
  revision: count,
  digest,
  release: text(64),
  model: text(64),
  schemaDigest: digest,
  established: flag,
  common: text(64),
  paused: flag,
  unconfirmed: flag,
  damaged: optional(flag),
  files: optional(fileCounts),
  clock: value => typeof value === 'number',
  branches: listOf(text(64), MAX_NAMED),
  heldBack: count,
  provisional: text(64),
  port: optional(count),
  bothWays: optional(flag),
  ha: optional(haFacts),
  store: optional(text(64)),
  witnessed: optional(listOf(witness, MAX_WITNESSED)),
  fellBack: optional(fellBack),
  pacified: optional(flag),
};

const half: Check = value => value === null || isObject(value);
const change: Check = value =>
  isObject(value) && (Object.hasOwn(value, 'undo') ? undoableChange(value) : plainChange(value));
const plainChange = object({ path: text(2048), value: half });
const undoableChange = object({ path: text(2048), value: half, undo: half });
const provisional: Check = value => value === null || provisionalNote(value);
const provisionalNote = object({
  id: text(64),
  author: text(200),
  reason: text(2000),
  at: text(40),
  minutes: duration,
  msLeft: duration,
});
const brought = object({
  revision: count,
  at: text(40),
  kind: text(20),
  author: text(200),
  reason: text(2000),
});

const branch = object({
  name: text(64),
  unit: text(253),
  at: text(40),
  base: text(64),
  digest,
  records: count,
  revisions: listOf(brought, 100),
});

const REQUESTS: Record<Request['type'], Check> = {
  hello: objectWith({ type: text(20), id: count, ...greeting }),
  update: object({
    type: text(20),
    id: count,
    changeId: text(64),
    sequence: count,
    last: flag,
    epoch: count,
    base: digest,
    target: digest,
    revision: count,
    brought: listOf(brought, 100),
    provisional,
    confirmed: text(64),
    changes: listOf(change, 1_000_000),
  }),
  compare: object({ type: text(20), id: count, nodes: listOf(tuple(count, count), MAX_NODES) }),
  list: object({ type: text(20), id: count, buckets: listOf(count, MAX_BUCKETS) }),
  'step-down': object({ type: text(20), id: count, epoch: count, force: flag, digest }),
  trial: object({
    type: text(20),
    id: count,
    epoch: count,
    base: digest,
    changes: listOf(change, 1_000_000),
  }),
  kinds: object({ type: text(20), id: count }),
  branch: object({ type: text(20), id: count, name: text(64), from: count }),
  known: object({ type: text(20), id: count, revisions: listOf(tuple(count, text(40)), MAX_REVISIONS) }),
  'branch-merged': object({
    type: text(20),
    id: count,
    name: text(64),
    revision: count,
    at: text(40),
    author: text(200),
  }),
  examine: object({ type: text(20), id: count, nonce: text(64) }),
  audit: object({ type: text(20), id: count, question: isObject }),
  join: object({
    type: text(20),
    id: count,
    proof: text(100),
    hostKey: text(200),
    clientKey: text(200),
    name: text(253),
    unitId: text(64),
    mode: oneOf('first', 'second'),
    pairId: text(64),
    host: text(253),
    port: count,
    ha: value => value === undefined || haFacts(value),
  }),
  confirm: object({ type: text(20), id: count }),
};

const errorBody: Check = value => isObject(value) && text(64)(value.code) && text(60_000)(value.message);

const REPLIES: Record<Reply['type'], Check> = {
  'hello-too': objectWith({ type: text(20), re: count, ...greeting }),
  receipt: object({
    type: text(20),
    re: count,
    result: oneOf('applied', 'already-applied'),
    digest,
    revision: count,
  }),
  nodes: object({ type: text(20), re: count, nodes: listOf(text(1000), MAX_NODES) }),
  leaves: object({
    type: text(20),
    re: count,
    buckets: listOf(listOf(tuple(text(2048), text(64)), 1_000_000), MAX_BUCKETS),
  }),
  'stepped-down': object({ type: text(20), re: count, epoch: count, digest }),
  'would-take': object({ type: text(20), re: count }),
  'kinds-are': object({
    type: text(20),
    re: count,
    schemaDigest: digest,
    kinds: value => isObject(value) && Object.values(value).every(digest),
  }),
  'branch-part': object({
    type: text(20),
    re: count,
    branch,
    changes: listOf(object({ path: text(2048), base: half, theirs: half }), 1_000_000),
    last: flag,
  }),
  'branch-closed': object({ type: text(20), re: count }),
  'known-is': object({ type: text(20), re: count, revision: count }),
  facts: object({ type: text(20), re: count, facts: isObject }),
  audited: object({ type: text(20), re: count, answer: isObject }),
  joined: object({
    type: text(20),
    re: count,
    proof: text(100),
    pairId: text(64),
    clientKey: text(200),
    name: text(253),
    unitId: text(64),
    mode: oneOf('first', 'second'),
    replaces: text(64),
  }),
  confirmed: object({ type: text(20), re: count }),
  error: object({ type: text(20), re: count, error: errorBody }),
};

/** Throws `bad-message` or `too-large`. */
export function parseRequest(payload: Buffer): Request {
  const request = parse(payload, REQUESTS) as unknown as Request;
  return request.type === 'hello' ? { ...known(request), type: 'hello', id: request.id } : request;
}

/** Throws `bad-message` or `too-large`. */
export function parseReply(payload: Buffer): Reply {
  const reply = parse(payload, REPLIES) as unknown as Reply;
  return reply.type === 'hello-too' ? { ...known(reply), type: 'hello-too', re: reply.re } : reply;
}

const HEAD = /^\{"type":"([a-z-]{1,20})"/;

/** Whether a frame is a request or a reply, by how it begins; undefined where that does not say. */
export function kindOfFrame(payload: Buffer): 'request' | 'reply' | undefined {
  const type = HEAD.exec(payload.toString('latin1', 0, 40))?.[1] ?? '';
  if (Object.hasOwn(REPLIES, type)) return 'reply';
  return Object.hasOwn(REQUESTS, type) ? 'request' : undefined;
}

function known(hello: Hello): Hello {
  const fields = Object.entries(hello).filter(([name]) => Object.hasOwn(greeting, name));
  return Object.fromEntries(fields) as unknown as Hello;
}

export function encodeMessage(message: Request | Reply): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function parse(payload: Buffer, checks: Record<string, Check>): Json {
  let message: Json;
  try {
    message = JSON.parse(payload.toString('utf8')) as Json;
    assertPlainJson(message, 'message');
  } catch (error) {
    throw new LockstepError(
      'bad-message',
      `A message of the partner cannot be read: ${(error as Error).message}`,
    );
  }
  const type = isObject(message) && typeof message.type === 'string' ? message.type : '';
  const check = Object.hasOwn(checks, type) ? checks[type] : undefined;
  if (check === undefined)
    throw new LockstepError('bad-message', `A message of unknown type "${type.slice(0, 20)}" came.`);
  const limit = FRAME_LIMITS[type as Request['type']];
  if (payload.length > limit) {
    throw new LockstepError(
      'too-large',
      `A message "${type}" has ${payload.length} bytes; at most ${limit} are taken.`,
    );
  }
  if (!check(message))
    throw new LockstepError('bad-message', `A message "${type}" does not have the fields that it must have.`);
  return message;
}
