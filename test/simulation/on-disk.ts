/** What lies on a disk, read from nothing but its bytes: the ledger compares it with what it saw. */
import { canonicalize } from '../../schema/json.ts';
import { EMPTY_DIGEST, recordHash, updateTree } from '../../store/digest.ts';
import type { Head } from '../../store/head.ts';
import { keys } from '../../store/keys.ts';
import { openMemory } from '../../store/memory.ts';
import { withPrefix } from '../../store/port.ts';
import { fromBytes, type RecordChange, type Revision } from '../../store/revision.ts';
import type { Disk } from './disk.ts';

/** The oldest revision that is kept, as it is written down; 1: all are. */
export async function oldestOn(disk: Disk): Promise<number> {
  return fromBytes<{ revision: number }>(await disk.bytes.get(keys.oldest))?.revision ?? 1;
}

/** Headers of what is kept, oldest first. */
export async function historyOn(disk: Disk): Promise<Revision[]> {
  const oldest = await oldestOn(disk);
  const history: Revision[] = [];
  for await (const [, value] of disk.bytes.range(withPrefix('r '))) {
    const header = fromBytes(value) as unknown as Revision;
    if (header.revision >= oldest) history.push(header);
  }
  return history;
}

/** The digest of the shared records on a disk. */
export async function digestOf(disk: Disk): Promise<string> {
  return digestOfRecords(await recordsOn(disk));
}

/** What is wrong with the history; undefined: it leads to what the disk holds, and each state of it is found by its digest. */
export async function faultOfHistory(disk: Disk, head: Head): Promise<string | undefined> {
  const [history, oldest] = [await historyOn(disk), await oldestOn(disk)];
  if (history.length !== Math.max(0, head.revision - oldest + 1)) return 'has gaps';
  const latest = new Map(history.map(({ digest, revision }) => [digest, String(revision)]));
  for (const [digest, revision] of latest)
    if ((await disk.bytes.get(keys.digest(digest)))?.toString() !== revision)
      return `does not find revision ${revision} by its digest`;
  const records = await recordsOn(disk);
  const [first] = history;
  for (const { revision } of history.slice(oldest > 1 ? 1 : 0).reverse()) {
    for (const { path, before, after } of await changesOn(disk, revision)) {
      const held = after.pair === undefined ? undefined : canonicalize(after.pair);
      if (records.get(path) !== held) return `does not lead to what ${path} holds`;
      if (before.pair === undefined) records.delete(path);
      else records.set(path, canonicalize(before.pair));
    }
  }
  const began = oldest > 1 ? first?.digest : EMPTY_DIGEST;
  return (await digestOfRecords(records)) === began ? undefined : 'does not lead to what it holds';
}

/** What a revision did to each record. */
export async function changesOn(disk: Disk, revision: number): Promise<RecordChange[]> {
  const changes: RecordChange[] = [];
  for await (const [, value] of disk.bytes.range(withPrefix(keys.allChanges(revision))))
    changes.push(...(JSON.parse(value.toString('utf8')) as RecordChange[]));
  return changes;
}

async function recordsOn(disk: Disk): Promise<Map<string, string>> {
  const records = new Map<string, string>();
  for await (const [key, value] of disk.bytes.range(withPrefix('p ')))
    records.set(key.slice(2), value.toString('utf8'));
  return records;
}

async function digestOfRecords(records: Map<string, string>): Promise<string> {
  const leaves = [...records].map(([path, text]) => ({ path, hash: recordHash(text) }));
  return leaves.length === 0 ? EMPTY_DIGEST : (await updateTree(openMemory(), leaves)).digest;
}
