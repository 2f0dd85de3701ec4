import type { SplitRecord } from '../schema/record.ts';
import { pauses } from './event-loop.ts';
import { keys, lastPart } from './keys.ts';
import type { Reader } from './port.ts';
import { type Revision, readChanges, readRevision } from './revision.ts';
import { touchesPair } from './transition.ts';

/** The newest revision that changed the shared half of a record, and what it made of it. */
export interface Trace {
  revision: Revision;
  after: SplitRecord;
}

/** Which revision up to `until` changed the shared half of each of these records last. Absent: none did. */
export async function readTraces(
  reader: Reader,
  paths: string[],
  until: number,
): Promise<Map<string, Trace>> {
  const traces = new Map<string, Trace>();
  let open = new Map(paths.map(path => [path, until]));
  while (open.size > 0) {
    const newest = await newestRevisions(reader, open);
    open = new Map();
    for (const [number, wanted] of newest) {
      for (const path of await tracesIn(reader, number, wanted, traces)) open.set(path, number - 1);
    }
  }
  return traces;
}

/** Revision → the records that it touched last, of those in `open`: path → up to which revision to look. */
async function newestRevisions(reader: Reader, open: Map<string, number>): Promise<Map<number, Set<string>>> {
  const newest = new Map<number, Set<string>>();
  for (const [path, until] of open) {
    const number = await newestRevision(reader, path, until);
    if (number !== undefined) newest.set(number, (newest.get(number) ?? new Set()).add(path));
  }
  return newest;
}

/** Notes what the revision did to the shared halves of `wanted`; resolves to those of which it changed the other half only. */
async function tracesIn(
  reader: Reader,
  number: number,
  wanted: Set<string>,
  traces: Map<string, Trace>,
): Promise<string[]> {
  const revision = await readRevision(reader, number);
  const others: string[] = [];
  if (revision === undefined) return others;
  const rest = pauses();
  for await (const change of readChanges(reader, number)) {
    await rest();
    if (!wanted.delete(change.path)) continue;
    if (touchesPair(change)) traces.set(change.path, { revision, after: change.after });
    else others.push(change.path);
    if (wanted.size === 0) break;
  }
  return others;
}

async function newestRevision(reader: Reader, path: string, until: number): Promise<number | undefined> {
  const bounds = { from: keys.history(path, 0), to: keys.history(path, until + 1), reverse: true };
  for await (const [key] of reader.range(bounds)) return Number(lastPart(key));
  return undefined;
}
