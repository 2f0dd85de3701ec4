import { pauses } from '../host/event-loop.ts';
import { canonicalize } from '../schema/json.ts';
import { damagedStore } from './damage.ts';
import { recordHash } from './digest.ts';
import { keys, lastPart } from './keys.ts';
import type { Reader } from './port.ts';
import type { LastChange } from './pruning.ts';
import { fromBytes, type RecordChange, type Revision, readChangesAt, readRevision } from './revision.ts';
import { touchesPair } from './transition.ts';

/** The newest revision that changed the shared half of a record, and what it made of it. */
export interface Trace {
  revision: Pick<Revision, 'revision' | 'at' | 'kind' | 'author' | 'reason'>;
  /** Of the shared half then, base64; undefined: it was removed. */
  hash: string | undefined;
}

/**
 * Which revision up to `until` changed the shared half of each of these records last. Absent: none did, or it removed the record
 * and is older than the history that is kept.
 */
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
    for (const [number, places] of newest) {
      for (const path of await tracesIn(reader, number, places, traces)) open.set(path, number - 1);
    }
  }
  for (const path of paths) {
    const last = traces.has(path) ? undefined : await lastChangeOf(reader, path);
    if (last !== undefined && last.revision <= until) traces.set(path, { revision: last, hash: last.hash });
  }
  return traces;
}

/** Of a record that only revisions which are gone have changed. */
async function lastChangeOf(reader: Reader, path: string): Promise<LastChange | undefined> {
  return fromBytes<LastChange & object>(await reader.get(keys.lastChange(path)), path) as
    | LastChange
    | undefined;
}

/** Record → where in the changes of a revision it stands. */
type Places = Map<string, string>;

/** Revision → the records that it touched last, of those in `open`: path → up to which revision to look. */
async function newestRevisions(reader: Reader, open: Map<string, number>): Promise<Map<number, Places>> {
  const newest = new Map<number, Places>();
  for (const [path, until] of open) {
    const found = await newestRevision(reader, path, until);
    if (found === undefined) continue;
    newest.set(found.number, (newest.get(found.number) ?? new Map()).set(path, found.place));
  }
  return newest;
}

/** Notes what the revision did to the shared halves of these records; resolves to those of which it changed the other half only. */
async function tracesIn(
  reader: Reader,
  number: number,
  places: Places,
  traces: Map<string, Trace>,
): Promise<string[]> {
  const revision = await readRevision(reader, number);
  const others: string[] = [];
  if (revision === undefined) return others;
  const rest = pauses();
  for await (const change of readChangesAt(reader, number, places.values())) {
    await rest();
    if (!places.delete(change.path)) continue;
    if (touchesPair(change)) traces.set(change.path, { revision, hash: hashOf(change) });
    else others.push(change.path);
  }
  for (const path of places.keys())
    throw damagedStore({ path: `revision ${number}`, reason: `does not tell what it did to ${path}` });
  return others;
}

function hashOf({ after: { pair } }: RecordChange): string | undefined {
  return pair === undefined ? undefined : recordHash(canonicalize(pair)).toString('base64');
}

async function newestRevision(
  reader: Reader,
  path: string,
  until: number,
): Promise<{ number: number; place: string } | undefined> {
  const bounds = { from: keys.history(path, 0), to: keys.history(path, until + 1), reverse: true };
  for await (const [key, place] of reader.range(bounds))
    return { number: Number(lastPart(key)), place: place.toString() };
  return undefined;
}
