import { childHash, FAN_OUT, LEVELS } from './digest.ts';

/** Bytes of a child hash that cross the wire while looking for differences. */
export const WALK_HASH_BYTES = 16;

/** A node of the digest tree as both units have it; hashes cut to WALK_HASH_BYTES. */
export interface NodePair {
  level: number;
  index: number;
  own: Buffer;
  partner: Buffer;
}

/** A bucket as both units have it: path → hash (base64). */
export interface BucketPair {
  own: Map<string, string>;
  partner: Map<string, string>;
}

/** What must be sent to a unit that holds something else. */
export interface Difference {
  upserts: string[];
  removals: string[];
}

/** The children in which the two units differ: nodes of the next level, or buckets below the last. */
export function differingChildren({ index, own, partner }: NodePair): number[] {
  const children: number[] = [];
  for (let child = 0; child < FAN_OUT; child++) {
    const from = child * WALK_HASH_BYTES;
    const to = from + WALK_HASH_BYTES;
    if (!own.subarray(from, to).equals(partner.subarray(from, to))) children.push(index * FAN_OUT + child);
  }
  return children;
}

/** Where the walk goes on below `nodes`, all of one level. */
export function nextStep(nodes: NodePair[]): { nodes: [number, number][] } | { buckets: number[] } {
  const level = (nodes[0]?.level ?? 0) + 1;
  const children = nodes.flatMap(differingChildren);
  if (children.length === 0) return { buckets: [] }; // the two are equal after all
  return level < LEVELS ? { nodes: children.map(index => [level, index]) } : { buckets: children };
}

export function difference(buckets: BucketPair[]): Difference {
  const upserts: string[] = [];
  const removals: string[] = [];
  for (const { own, partner } of buckets) {
    for (const [path, hash] of own) if (partner.get(path) !== hash) upserts.push(path);
    for (const path of partner.keys()) if (!own.has(path)) removals.push(path);
  }
  return { upserts, removals };
}

/** A node as it crosses the wire: its child hashes, cut. */
export function cutNode(node: Buffer): Buffer {
  const cut = Buffer.alloc(FAN_OUT * WALK_HASH_BYTES);
  for (let child = 0; child < FAN_OUT; child++)
    childHash(node, child).copy(cut, child * WALK_HASH_BYTES, 0, WALK_HASH_BYTES);
  return cut;
}
