import { pauses } from '../host/event-loop.ts';
import { type Finding, findingIn, parseStored } from './damage.ts';
import {
  bucketHash,
  bucketName,
  childHash,
  FAN_OUT,
  isEmptyBelow,
  LEVELS,
  leavesOf,
  NOT_AS_ABOVE,
  readNode,
  recordHash,
} from './digest.ts';
import { keys, lastPart } from './keys.ts';
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
  let next = from;
  for await (const [key, stored] of reader.range({ from: keys.bucket(from), to: keys.bucket(BUCKETS) })) {
    await rest();
    const bucket = Number.parseInt(lastPart(key), 16);
    findings.push(...(await missingBuckets(reader, next, bucket)));
    if (records >= most) return { findings, records, next: bucket };
    const leaves = leavesOf(stored);
    findings.push(...(await bucketFindings(reader, bucket, stored, leaves)));
    records += leaves.size;
    next = bucket + 1;
  }
  findings.push(...(await missingBuckets(reader, next, BUCKETS)));
  return { findings, records, next: undefined };
}

/** Of the buckets from `from` up to `to`, of which nothing is stored, those that the tree says are there. */
async function missingBuckets(reader: Reader, from: number, to: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let bucket = from; bucket < to; ) {
    const index = bucket >> 5;
    const node = await readNode(reader, LEVELS - 1, index);
    const first = index * FAN_OUT;
    const end = Math.min(to, first + FAN_OUT);
    if (isEmptyBelow(node, bucket - first, end - first)) bucket = end;
    for (; bucket < end; bucket++)
      if (!bucketHash(undefined).equals(childHash(node, bucket % FAN_OUT)))
        findings.push({ path: bucketName(bucket), reason: NOT_AS_ABOVE });
  }
  return findings;
}

async function bucketFindings(
  reader: Reader,
  bucket: number,
  stored: Buffer,
  leaves: Map<string, Buffer>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const node = await readNode(reader, LEVELS - 1, bucket >> 5);
  if (!bucketHash(stored).equals(childHash(node, bucket % FAN_OUT)))
    findings.push({ path: bucketName(bucket), reason: NOT_AS_ABOVE });
  for (const [path, hash] of leaves) {
    const half = await reader.get(keys.pair(path));
    const reason = half === undefined ? 'is in the digest tree, but not there' : faultOf(half, path, hash);
    if (reason !== undefined) findings.push({ path, reason });
  }
  return findings;
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
