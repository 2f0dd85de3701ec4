import { type Finding, findingIn, parseStored } from './damage.ts';
import { bucketHash, childHash, FAN_OUT, LEVELS, NOT_AS_ABOVE, readNode, recordHash } from './digest.ts';
import { pauses } from './event-loop.ts';
import { keys } from './keys.ts';
import type { Reader } from './port.ts';

const LEAF = /^e ([0-9a-f]{4}) (.+)$/;
const END = 'e \u007f';

/**
 * Whether records are what their hashes say, and their buckets what the tree says: from bucket `from` on, until at least `most`
 * records were looked at. `next`: where to go on; undefined at the end.
 */
export async function verifyLeaves(
  reader: Reader,
  from: number,
  most: number,
): Promise<{ findings: Finding[]; records: number; next: number | undefined }> {
  const findings: Finding[] = [];
  const rest = pauses();
  let records = 0;
  let bucket = -1;
  let leaves = new Map<string, Buffer>();
  const check = async (): Promise<void> => {
    if (bucket >= 0) findings.push(...(await bucketFindings(reader, bucket, leaves)));
    records += leaves.size;
    leaves = new Map();
  };
  for await (const [key, hash] of reader.range({ from: keys.leaves(from), to: END })) {
    await rest();
    const [, index = '', path = ''] = LEAF.exec(key) ?? [];
    const here = Number.parseInt(index, 16);
    if (here !== bucket) {
      await check();
      if (records >= most) return { findings, records, next: here };
      bucket = here;
    }
    leaves.set(path, hash);
  }
  await check();
  return { findings, records, next: undefined };
}

async function bucketFindings(
  reader: Reader,
  bucket: number,
  leaves: Map<string, Buffer>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const node = await readNode(reader, LEVELS - 1, bucket >> 5);
  if (!bucketHash(leaves).equals(childHash(node, bucket % FAN_OUT)))
    findings.push({ path: `digest tree, bucket ${bucket}`, reason: NOT_AS_ABOVE });
  for (const [path, hash] of leaves) {
    const stored = await reader.get(keys.pair(path));
    const reason =
      stored === undefined ? 'is in the digest tree, but not there' : faultOf(stored, path, hash);
    if (reason !== undefined) findings.push({ path, reason });
  }
  return findings;
}

function faultOf(stored: Buffer, path: string, hash: Buffer): string | undefined {
  if (recordHash(stored.toString('utf8')).equals(hash)) return undefined;
  try {
    parseStored(stored, path);
    return 'is not what the digest tree says';
  } catch (error) {
    return findingIn(error)?.reason ?? 'is not readable';
  }
}
