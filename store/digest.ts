import { createHash } from 'node:crypto';
import { damagedStore } from './damage.ts';
import { pauses } from './event-loop.ts';
import { keys } from './keys.ts';
import { type Entry, type Reader, withPrefix } from './port.ts';

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
export const EMPTY_DIGEST = EMPTY_HASH.toString('hex');

/** A record that comes, changes (its new hash), or goes (undefined); `was`: the hash of what is read of it now. */
export interface LeafChange {
  path: string;
  was?: Buffer | undefined;
  hash: Buffer | undefined;
}

export function recordHash(canonicalPairHalf: string): Buffer {
  return createHash('sha256').update(canonicalPairHalf).digest();
}

export function bucketOf(path: string): number {
  return createHash('sha256').update(path).digest().readUInt16BE(0) >> 1;
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
    await rest();
    const parent = bucket >> 5;
    if (!nodes.has(parent)) nodes.set(parent, await readNode(reader, LEVELS - 1, parent));
    const was = childHash(nodes.get(parent) as Buffer, bucket % FAN_OUT);
    dirty.set(bucket, await updateBucket(reader, bucket, was, inBucket, put, remove));
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
      const node = Buffer.from(old);
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

async function updateBucket(
  reader: Reader,
  bucket: number,
  expected: Buffer,
  changes: LeafChange[],
  put: Entry[],
  remove: string[],
): Promise<Buffer> {
  const wasEmpty = expected.equals(EMPTY_HASH);
  const leaves = wasEmpty ? new Map<string, Buffer>() : await readBucket(reader, bucket);
  if (!bucketHash(leaves).equals(expected))
    throw damagedStore({ path: `digest tree, bucket ${bucket}`, reason: NOT_AS_ABOVE });
  for (const { path, was, hash } of changes) {
    const known = leaves.get(path);
    if (known === undefined ? was !== undefined : was === undefined || !known.equals(was))
      throw damagedStore({ path, reason: 'is not what the digest tree says' });
    if (hash === undefined) {
      leaves.delete(path);
      remove.push(keys.leaf(bucket, path));
    } else {
      leaves.set(path, hash);
      put.push([keys.leaf(bucket, path), hash]);
    }
  }
  return bucketHash(leaves);
}

/** The records of a bucket: path → record hash. */
export async function readBucket(reader: Reader, bucket: number): Promise<Map<string, Buffer>> {
  const prefix = keys.leaves(bucket);
  const leaves = new Map<string, Buffer>();
  for await (const [key, hash] of reader.range(withPrefix(prefix)))
    leaves.set(key.slice(prefix.length), hash);
  return leaves;
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

export function nodeHash(node: Buffer): Buffer {
  return node.equals(EMPTY_NODE) ? EMPTY_HASH : createHash('sha256').update(NODE_TAG).update(node).digest();
}

export function bucketHash(leaves: Map<string, Buffer>): Buffer {
  if (leaves.size === 0) return EMPTY_HASH;
  const hash = createHash('sha256').update(BUCKET_TAG);
  for (const path of [...leaves.keys()].sort()) {
    const bytes = Buffer.from(path);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash
      .update(length)
      .update(bytes)
      .update(leaves.get(path) as Buffer);
  }
  return hash.digest();
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
