import { hash } from 'node:crypto';
import { pauses } from '../host/event-loop.ts';
import { damagedStore } from './damage.ts';
import { keys } from './keys.ts';
import type { Entry, Reader } from './port.ts';

/**
 * The digest: a hash tree over the shared part of the configuration.
 *
 *     root ── 32 nodes ── 1,024 nodes ── 32,768 buckets ── records
 *
 * A record lies in the bucket that the first 15 bits of SHA-256(path) name. A change rewrites one bucket and
 * three nodes, whatever the size of the configuration; two units find what differs by walking down where
 * hashes differ. Whatever is empty hashes to zeros, so the digest of an empty configuration is zeros.
 *
 *     record hash = SHA-256(canonical JSON of the pair half)
 *     bucket hash = SHA-256(0x00, for each record by path: path length (4 bytes), path, record hash)
 *     node hash   = SHA-256(0x01, 32 hashes of its children)
 */
export const FAN_OUT = 32;
/** Levels of nodes; the children of level 2 are buckets. */
export const LEVELS = 3;
const HASH_BYTES = 32;
const EMPTY_HASH = Buffer.alloc(HASH_BYTES);
const EMPTY_NODE = Buffer.alloc(FAN_OUT * HASH_BYTES);
const NOTHING = Buffer.alloc(0);
export const EMPTY_DIGEST = EMPTY_HASH.toString('hex');

/** A record that comes, changes (its new hash), or goes (undefined); `was`: the hash of what is read of it now. */
export interface LeafChange {
  path: string;
  was?: Buffer | undefined;
  hash: Buffer | undefined;
}

export function recordHash(canonicalPairHalf: string | Buffer): Buffer {
  return sha256(canonicalPairHalf);
}

export function bucketOf(path: string): number {
  return Number.parseInt(hash('sha256', path).slice(0, 4), 16) >> 1;
}

/** One call, and in hexadecimal: a third of the time of what gives bytes. */
function sha256(data: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', data), 'hex');
}

/**
 * What must be written so that the tree includes `changes`, and the digest that it then has (hex). `before`: the digest
 * that it must have now. Nothing is built upon a damaged tree: each node, bucket and record that is touched must be
 * what stands above it. Throws `damaged-store`.
 */
export async function updateTree(
  reader: Reader,
  changes: LeafChange[],
  before = EMPTY_DIGEST,
): Promise<{ put: Entry[]; remove: string[]; digest: string }> {
  const put: Entry[] = [];
  const remove: string[] = [];
  let dirty = new Map<number, Buffer>();
  const byBucket = groupBy(changes, change => bucketOf(change.path));
  let nodes = new Map<number, Buffer>();
  const rest = pauses();
  for (const [bucket, inBucket] of byBucket) {
    const pause = rest();
    if (pause !== undefined) await pause;
    const parent = bucket >> 5;
    if (!nodes.has(parent)) nodes.set(parent, await readNode(reader, LEVELS - 1, parent));
    const was = childHash(nodes.get(parent) as Buffer, bucket % FAN_OUT);
    const stored = was.equals(EMPTY_HASH) ? undefined : await reader.get(keys.bucket(bucket));
    if (!bucketHash(stored).equals(was))
      throw damagedStore({ path: bucketName(bucket), reason: NOT_AS_ABOVE });
    const bytes = withNewHashes(stored, inBucket) ?? changedBucket(stored, inBucket);
    if (bytes !== undefined) put.push([keys.bucket(bucket), bytes]);
    else if (stored !== undefined) remove.push(keys.bucket(bucket));
    dirty.set(bucket, bucketHash(bytes));
  }
  for (let level = LEVELS - 1; level >= 0; level--) {
    const above = new Map<number, Buffer>();
    const parents = new Map<number, Buffer>();
    for (const [parent, children] of groupBy(dirty, ([index]) => index >> 5)) {
      const old = nodes.get(parent) as Buffer;
      const expected =
        level === 0 ? Buffer.from(before, 'hex') : await childOf(reader, parents, level, parent);
      if (!nodeHash(old).equals(expected))
        throw damagedStore({ path: `digest tree, node ${level}/${parent}`, reason: NOT_AS_ABOVE });
      const node = Buffer.from(old); // what was read is never written over
      for (const [index, hash] of children) hash.copy(node, (index % FAN_OUT) * HASH_BYTES);
      if (node.equals(EMPTY_NODE)) remove.push(keys.node(level, parent));
      else put.push([keys.node(level, parent), node]);
      above.set(parent, nodeHash(node));
    }
    nodes = parents;
    dirty = above;
  }
  return { put, remove, digest: dirty.get(0)?.toString('hex') ?? before };
}

export const NOT_AS_ABOVE = 'is not what the node above it says';

/** What the node above says of this one; the nodes above are kept in `parents`. */
async function childOf(
  reader: Reader,
  parents: Map<number, Buffer>,
  level: number,
  index: number,
): Promise<Buffer> {
  const parent = index >> 5;
  if (!parents.has(parent)) parents.set(parent, await readNode(reader, level - 1, parent));
  return childHash(parents.get(parent) as Buffer, index % FAN_OUT);
}

/** What is to be stored of a bucket after these changes; undefined: nothing is left in it. */
function changedBucket(stored: Buffer | undefined, changes: LeafChange[]): Buffer | undefined {
  const leaves = leavesOf(stored);
  for (const { path, was, hash } of changes) {
    const known = leaves.get(path);
    if (known === undefined ? was !== undefined : was === undefined || !known.equals(was))
      throw damagedStore({ path, reason: 'is not what the digest tree says' });
    if (hash === undefined) leaves.delete(path);
    else leaves.set(path, hash);
  }
  return leaves.size === 0 ? undefined : bucketBytes(leaves);
}

/** The same for the usual case, in which no record comes or goes; undefined: it is another case, or something is damaged. */
function withNewHashes(stored: Buffer | undefined, changes: LeafChange[]): Buffer | undefined {
  if (stored === undefined) return undefined;
  const bytes = Buffer.from(stored); // what was read is never written over
  for (const { path, was, hash } of changes) {
    const leaf = leafOf(bytes, path);
    if (leaf === undefined || was === undefined || hash === undefined || !leaf.equals(was)) return undefined;
    hash.copy(leaf);
  }
  return bytes;
}

/** What a bucket is called where it is damaged. */
export function bucketName(bucket: number): string {
  return `digest tree, bucket ${bucket}`;
}

/** The records of a bucket: path → record hash. */
export async function readBucket(reader: Reader, bucket: number): Promise<Map<string, Buffer>> {
  return leavesOf(await reader.get(keys.bucket(bucket)));
}

/** The hash of one record, of what is stored of its bucket. */
export function leafOf(stored: Buffer | undefined, path: string): Buffer | undefined {
  for (const [from, to] of leafPlaces(stored))
    if (to - from === Buffer.byteLength(path) && stored?.toString('utf8', from, to) === path)
      return stored.subarray(to, to + HASH_BYTES);
  return undefined;
}

/** The same of all of them; of damaged bytes as much as can be read. */
export function leavesOf(stored: Buffer | undefined): Map<string, Buffer> {
  const leaves = new Map<string, Buffer>();
  if (stored !== undefined)
    for (const [from, to] of leafPlaces(stored))
      leaves.set(stored.toString('utf8', from, to), stored.subarray(to, to + HASH_BYTES));
  return leaves;
}

/** Where the path of each leaf begins and ends; its hash follows. */
function* leafPlaces(stored: Buffer = NOTHING): Iterable<[from: number, to: number]> {
  for (let at = 0; at + 4 <= stored.length; ) {
    const to = at + 4 + stored.readUInt32BE(at);
    if (to + HASH_BYTES > stored.length) return;
    yield [at + 4, to];
    at = to + HASH_BYTES;
  }
}

/** What is stored of a bucket, and hashed: for each record by path, the length of the path (4 bytes), path and hash. */
export function bucketBytes(leaves: Map<string, Buffer>): Buffer {
  const paths = [...leaves.keys()].sort();
  const length = paths.reduce((sum, path) => sum + 4 + Buffer.byteLength(path) + HASH_BYTES, 0);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const path of paths) {
    const end = at + 4 + bytes.write(path, at + 4);
    bytes.writeUInt32BE(end - at - 4, at);
    (leaves.get(path) as Buffer).copy(bytes, end);
    at = end + HASH_BYTES;
  }
  return bytes;
}

export async function readNode(reader: Reader, level: number, index: number): Promise<Buffer> {
  return (await reader.get(keys.node(level, index))) ?? EMPTY_NODE;
}

/** The digest of what `reader` shows (hex). */
export async function readDigest(reader: Reader): Promise<string> {
  return nodeHash(await readNode(reader, 0, 0)).toString('hex');
}

export function childHash(node: Buffer, child: number): Buffer {
  return node.subarray(child * HASH_BYTES, (child + 1) * HASH_BYTES);
}

/** Whether nothing lies below these children of the node, from `first` up to `end`. */
export function isEmptyBelow(node: Buffer, first: number, end: number): boolean {
  const children = node.subarray(first * HASH_BYTES, end * HASH_BYTES);
  return children.equals(EMPTY_NODE.subarray(0, children.length));
}

export function nodeHash(node: Buffer): Buffer {
  return node.equals(EMPTY_NODE) ? EMPTY_HASH : sha256(Buffer.concat([NODE_TAG, node]));
}

/** `stored`: what bucketBytes made; undefined when the bucket is empty. */
export function bucketHash(stored: Buffer | undefined): Buffer {
  return stored === undefined ? EMPTY_HASH : sha256(Buffer.concat([BUCKET_TAG, stored]));
}

function groupBy<Item>(items: Iterable<Item>, group: (item: Item) => number): Map<number, Item[]> {
  const groups = new Map<number, Item[]>();
  for (const item of items) {
    const index = group(item);
    const known = groups.get(index);
    if (known === undefined) groups.set(index, [item]);
    else known.push(item);
  }
  return groups;
}

const BUCKET_TAG = Buffer.from([0]);
const NODE_TAG = Buffer.from([1]);
