import { pauses } from '../host/event-loop.ts';
import { isObject } from '../schema/json.ts';
import { type Finding, findingIn, parseStored } from './damage.ts';
import {
  bucketBytes,
  bucketHash,
  bucketName,
  bucketOf,
  childHash,
  FAN_OUT,
  LEVELS,
  leafOf,
  leavesOf,
  NOT_AS_ABOVE,
  nodeHash,
  readNode,
  recordHash,
} from './digest.ts';
import type { Head } from './head.ts';
import { keys, lastPart } from './keys.ts';
import type { Entry, Reader } from './port.ts';

/** Nodes of the last level: each stands for 32 buckets, and is one step of a verification. */
export const TREE_STEPS = FAN_OUT ** (LEVELS - 1);

/** The root of the tree against the digest in the head: what every start can afford. */
export async function verifyRoot(reader: Reader, head: Head): Promise<Finding[]> {
  const root = nodeHash(await readNode(reader, 0, 0)).toString('hex');
  if (root === head.digest) return [];
  return [
    {
      path: 'digest tree',
      reason: `has the root ${root.slice(0, 12)}, the head says ${head.digest.slice(0, 12)}`,
    },
  ];
}

/** One node of the last level: the way down to it, its buckets, and each of their records. */
export async function verifyNode(reader: Reader, head: Head, index: number): Promise<Finding[]> {
  const findings = await verifyRoot(reader, head);
  const rest = pauses();
  let above = await readNode(reader, 0, 0);
  for (let level = 1; level < LEVELS; level++) {
    const at = index >> (5 * (LEVELS - 1 - level));
    const node = await readNode(reader, level, at);
    if (!nodeHash(node).equals(childHash(above, at % FAN_OUT)))
      findings.push({ path: `digest tree, node ${level}/${at}`, reason: NOT_AS_ABOVE });
    above = node;
  }
  for (let bucket = index * FAN_OUT; bucket < (index + 1) * FAN_OUT; bucket++) {
    await rest();
    const leaves = await reader.get(keys.bucket(bucket));
    if (!bucketHash(leaves).equals(childHash(above, bucket % FAN_OUT)))
      findings.push({ path: bucketName(bucket), reason: NOT_AS_ABOVE });
    for (const [path, hash] of leavesOf(leaves)) {
      const stored = await reader.get(keys.pair(path));
      if (stored === undefined) findings.push({ path, reason: 'is in the digest tree, but not there' });
      else if (!recordHash(stored).equals(hash))
        findings.push({ path, reason: 'is not what the digest tree says' });
    }
  }
  return findings;
}

/** Up to `most` entries from key `from` on: can each be read, and does what it belongs to exist? */
export async function verifyEntries(
  reader: Reader,
  from: string,
  most: number,
): Promise<{ findings: Finding[]; next: string | undefined }> {
  const findings: Finding[] = [];
  const rest = pauses();
  let count = 0;
  for await (const entry of reader.range({ from, to: LAST_KEY })) {
    if (count++ === most) return { findings, next: entry[0] };
    await rest();
    const reason = await faultOf(reader, entry);
    if (reason !== undefined) findings.push({ path: nameOf(entry[0]), reason });
  }
  return { findings, next: undefined };
}

const LAST_KEY = '\u007f';

async function faultOf(reader: Reader, [key, value]: Entry): Promise<string | undefined> {
  if (key === keys.head || key === keys.oldest) return unreadable(key, value);
  const rest = key.slice(2);
  switch (key.slice(0, 2)) {
    case 'p ': {
      const bucket = await reader.get(keys.bucket(bucketOf(rest)));
      return leafOf(bucket, rest) === undefined
        ? 'is there, but not in the digest tree'
        : unreadable(rest, value);
    }
    case 'c ':
      return isList(value) ? undefined : 'is no list of changes';
    case 'u ':
    case 'a ':
    case 'r ':
    case 'l ':
    case 'm ':
    case 'n ':
    case 'o ':
    case 'b ':
    case 'd ':
      return unreadable(rest, value);
    case 'e ':
      return bucketBytes(leavesOf(value)).equals(value) ? undefined : 'is no bucket';
    case 't ':
      return value.length === 32 * FAN_OUT ? undefined : 'is no node';
    case 'f ':
      return (await exists(reader, lastPart(key)))
        ? undefined
        : 'is a reference of a record that does not exist';
    case 'q ':
      return (await exists(reader, value.toString('utf8')))
        ? undefined
        : 'is a value of a record that does not exist';
    case 'h ':
      return (await isTold(reader, lastPart(key), value.toString('utf8')))
        ? undefined
        : 'is no entry of the history';
    case 'g ':
      return /^\d+$/.test(value.toString('utf8')) ? undefined : 'names no revision';
    default:
      return 'is no entry of a store';
  }
}

async function exists(reader: Reader, path: string): Promise<boolean> {
  return (
    (await reader.get(keys.pair(path))) !== undefined || (await reader.get(keys.unit(path))) !== undefined
  );
}

/** Whether a revision has the changes that the history of a record points to. */
async function isTold(reader: Reader, revision: string, chunk: string): Promise<boolean> {
  if (!/^\d{12}$/.test(revision) || !/^\d{1,12}$/.test(chunk)) return false;
  return (await reader.get(keys.changes(Number(revision), Number(chunk)))) !== undefined;
}

function isList(value: Buffer): boolean {
  try {
    return Array.isArray(parseStored<unknown>(value, ''));
  } catch {
    return false;
  }
}

function unreadable(path: string, value: Buffer): string | undefined {
  try {
    const parsed = parseStored<unknown>(value, path);
    return isObject(parsed as never) || Array.isArray(parsed) ? undefined : 'is not readable';
  } catch (error) {
    return findingIn(error)?.reason ?? 'is not readable';
  }
}

/** Records by their path; what else lies in the store by its key. */
function nameOf(key: string): string {
  return key.startsWith('p ') || key.startsWith('u ') ? key.slice(2) : `entry ${key}`;
}
