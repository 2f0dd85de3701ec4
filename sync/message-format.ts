/** How messages are written, read, and checked: what comes from outside is taken only in this form. */
import { LockstepError } from '../schema/error.ts';
import { assertPlainJson, isObject, type Json } from '../schema/json.ts';
import { type Check, count, flag, listOf, object, objectWith, oneOf, text, tuple } from '../schema/shape.ts';
import { MAX_NAMED } from '../store/branch-registry.ts';
import { MAX_WITNESSED } from '../store/witness.ts';
import { haFacts } from './fit.ts';
import type { Hello, Reply, Request } from './message.ts';

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
