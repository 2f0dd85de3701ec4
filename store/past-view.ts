import { updateTree } from './digest.ts';
import type { Head } from './head.ts';
import { foldChanges } from './history.ts';
import { keys } from './keys.ts';
import { type Entry, inRuns, type KeyRange, type Reader, type Snapshot } from './port.ts';
import type { RecordChange } from './revision.ts';
import { spell } from './spelling.ts';

/** What `reader` shows, as it was at `revision`: costs what changed since. `head`: what `reader` stands at. */
export async function pastReader(
  reader: Reader,
  head: Head,
  revision: number,
): Promise<{ reader: Snapshot; head: Head }> {
  const folded = [...(await foldChanges(reader, revision, head.revision)).values()];
  const back = folded.map(({ path, before, after }) => ({ path, before: after, after: before }));
  return laidOver(reader, { ...head, revision }, back);
}

/** What `reader` shows once these changes of what it shows now are in; nothing is written. */
export async function laidOver(
  reader: Reader,
  head: Head,
  changes: RecordChange[],
): Promise<{ reader: Snapshot; head: Head }> {
  const over = new Map<string, Buffer | undefined>();
  const leaves = [];
  for (const change of changes) {
    const { path, before, after, was, hash } = spell(change);
    over.set(keys.pair(path), bytesOf(after.pair));
    over.set(keys.unit(path), bytesOf(after.unit));
    if (before.pair !== after.pair) leaves.push({ path, was, hash });
  }
  const tree = await updateTree(reader, leaves, head.digest);
  for (const [key, value] of tree.put) over.set(key, value);
  for (const key of tree.remove) over.set(key, undefined);
  return { reader: new Overlay(reader, over), head: { ...head, digest: tree.digest } };
}

function bytesOf(half: string | undefined): Buffer | undefined {
  return half === undefined ? undefined : Buffer.from(half);
}

/** A reader with some entries laid over it; undefined: not there. Closing it leaves the one below open. */
class Overlay implements Snapshot {
  private readonly below: Reader;
  private readonly over: Map<string, Buffer | undefined>;
  private readonly sorted: string[];

  constructor(below: Reader, over: Map<string, Buffer | undefined>) {
    this.below = below;
    this.over = over;
    this.sorted = [...over.keys()].sort();
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.over.has(key) ? this.over.get(key) : this.below.get(key);
  }

  async *range(range: KeyRange): AsyncIterable<Entry> {
    const { from, to, reverse = false } = range;
    const laid = this.sorted.filter(key => key >= from && key < to);
    if (reverse) laid.reverse();
    let next = 0;
    const comesFirst = (key: string): boolean => {
      const own = laid[next];
      return own !== undefined && (reverse ? own > key : own < key);
    };
    for await (const entry of this.below.range(range)) {
      while (comesFirst(entry[0])) yield* this.entryOf(laid[next++] as string);
      if (!this.over.has(entry[0])) yield entry;
    }
    while (next < laid.length) yield* this.entryOf(laid[next++] as string);
  }

  runs(range: KeyRange): AsyncIterable<Entry[]> {
    return inRuns(this.range(range));
  }

  close(): void {}

  private *entryOf(key: string): Iterable<Entry> {
    const value = this.over.get(key);
    if (value !== undefined) yield [key, value];
  }
}
