import { type Finding, findingIn, parseStored } from './damage.ts';
import {
  bucketHash,
  bucketName,
  childHash,
  FAN_OUT,
  LEVELS,
  leavesOf,
  NOT_AS_ABOVE,
  readNode,
  recordHash,
} from './digest.ts';
import { pauses } from './event-loop.ts';
import { keys } from './keys.ts';
import type { Reader } from './port.ts';

const BUCKETS = FAN_OUT ** LEVELS;

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
  let node: Buffer | undefined;
  for (let bucket = from; bucket < BUCKETS; bucket++) {
    if (records >= most) return { findings, records, next: bucket };
    const pause = rest();
    if (pause !== undefined) await pause;
    if (node === undefined || bucket % FAN_OUT === 0)
      node = await readNode(reader, LEVELS - 1, Math.floor(bucket / FAN_OUT));
    const stored = await reader.get(keys.bucket(bucket));
    if (!bucketHash(stored).equals(childHash(node, bucket % FAN_OUT)))
      findings.push({ path: bucketName(bucket), reason: NOT_AS_ABOVE });
    for (const [path, hash] of leavesOf(stored)) {
      records++;
      const half = await reader.get(keys.pair(path));
      const reason = half === undefined ? 'is in the digest tree, but not there' : faultOf(half, path, hash);
      if (reason !== undefined) findings.push({ path, reason });
    }
  }
  return { findings, records, next: undefined };
}

function faultOf(stored: Buffer, path: string, hash: Buffer): string | undefined {
  if (recordHash(stored).equals(hash)) return undefined;
  try {
    parseStored(stored, path);
    return 'is not what the digest tree says';
  } catch (error) {
    return findingIn(error)?.reason ?? 'is not readable';
  }
}
