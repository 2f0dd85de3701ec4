import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import type { JsonObject } from '../schema/json.ts';
import type { SplitRecord } from '../schema/record.ts';
import { type Finding, findingIn } from './damage.ts';
import { bucketOf, leafOf, readBucket, readNode, updateTree } from './digest.ts';
import type { Head } from './head.ts';
import { keys } from './keys.ts';
import { readTraces } from './last-change.ts';
import { verifyLeaves } from './leaf-check.ts';
import { laidOver, pastReader } from './past-view.ts';
import { type Snapshot, withPrefix } from './port.ts';
import type { PairChange, SpelledChange } from './requests.ts';
import { resolveChanges } from './resolve-changes.ts';
import type { Change } from './transition.ts';
import { verifyEntries, verifyNode, verifyRoot } from './verify.ts';
import { parse, RecordReader } from './view.ts';

/** Half of a record as it is kept. */
export interface SpelledRecord {
  path: string;
  json: Buffer;
}

/** The store as it was at one revision, however many commits follow. */
export class StoreSnapshot {
  readonly head: Readonly<Head>;
  private readonly catalog: Catalog;
  private readonly reader: Snapshot;
  private readonly records: RecordReader;
  private readonly onDamage: (finding: Finding) => void;

  constructor(
    catalog: Catalog,
    reader: Snapshot,
    head: Head,
    onDamage: (finding: Finding) => void = () => undefined,
  ) {
    this.head = head;
    this.catalog = catalog;
    this.reader = reader;
    this.onDamage = onDamage;
    this.records = new RecordReader(catalog, reader);
  }

  list(path = ''): AsyncIterable<ConfigRecord> {
    return this.records.list(path);
  }

  /** Of the records at and below `path`, sorted. What is in them is not read. */
  paths(path = ''): AsyncIterable<string> {
    return this.records.paths(path);
  }

  /** The halves of the record at `path`, also one that sleeps. Throws `unknown-path`, `bad-id`. */
  split(path: string): Promise<SplitRecord> {
    return this.records.split(path);
  }

  /** What is wrong with a part of what is stored (store/verify.ts). */
  verifyNode(index: number): Promise<Finding[]> {
    return verifyNode(this.reader, this.head, index);
  }

  verifyEntries(from: string, most: number): ReturnType<typeof verifyEntries> {
    return verifyEntries(this.reader, from, most);
  }

  /** The root of the digest tree against the head. */
  verifyRoot(): Promise<Finding[]> {
    return verifyRoot(this.reader, this.head);
  }

  /** Records against their hashes (store/leaf-check.ts). */
  verifyLeaves(from: number, most: number): ReturnType<typeof verifyLeaves> {
    return verifyLeaves(this.reader, from, most);
  }

  /** This state as it was at an earlier revision; costs what changed since. Ends with this snapshot. */
  async past(revision: number): Promise<StoreSnapshot> {
    const { reader, head } = await pastReader(this.reader, this.head, revision);
    return new StoreSnapshot(this.catalog, reader, head, this.onDamage);
  }

  /** This state with these changes in it, and no history. Throws what resolveChanges throws. Ends with this snapshot. */
  async with(changes: Change[]): Promise<StoreSnapshot> {
    const transitions = await resolveChanges(this.catalog, this.records, changes);
    const { reader, head } = await laidOver(this.reader, { ...this.head, revision: 0 }, transitions);
    return new StoreSnapshot(this.catalog, reader, head, this.onDamage);
  }

  /** Which revision changed the shared half of each of these records last (store/last-change.ts). */
  traces(paths: string[]): ReturnType<typeof readTraces> {
    return readTraces(this.reader, paths, this.head.revision);
  }

  /** The shared half of a record as it is kept; undefined when there is none. */
  stored(path: string): Promise<Buffer | undefined> {
    return this.reader.get(keys.pair(path));
  }

  /** The halves that belong to this unit alone, sorted by path; of records that sleep, too. */
  async *unitHalves(): AsyncIterable<{ path: string; value: JsonObject }> {
    for await (const [key, value] of this.reader.range(withPrefix('u '))) {
      const path = key.slice(2);
      yield { path, value: this.parse(value, path) ?? {} };
    }
  }

  /**
   * Shared halves at and below `path` as they are kept: canonical JSON, sorted by path, in runs. Whole records only where
   * no kind there has anything of the unit's own.
   */
  async *spelled(path: string): AsyncIterable<SpelledRecord[]> {
    const whole = keys.pair(path);
    for (const range of [{ from: whole, to: `${whole} ` }, withPrefix(`${whole}/`)])
      for await (const run of this.reader.runs(range))
        yield run.map(([key, json]) => ({ path: key.slice(2), json }));
  }

  node(level: number, index: number): Promise<Buffer> {
    return readNode(this.reader, level, index);
  }

  bucket(index: number): Promise<Map<string, Buffer>> {
    return readBucket(this.reader, index);
  }

  /** What the digest tree says of one record. */
  async leaf(path: string): Promise<Buffer | undefined> {
    return leafOf(await this.reader.get(keys.bucket(bucketOf(path))), path);
  }

  /** Digest of this state with some records at other hashes; undefined: not there. */
  async digestWith(leaves: { path: string; hash: Buffer | undefined }[]): Promise<string> {
    const changes = await Promise.all(
      leaves.map(async leaf => ({ ...leaf, was: await this.leaf(leaf.path) })),
    );
    return (await updateTree(this.reader, changes, this.head.digest)).digest;
  }

  /** The shared half of one record, as an update carries it: null when there is none. */
  async pairChange(path: string): Promise<PairChange> {
    return { path, value: this.parse(await this.reader.get(keys.pair(path)), path) ?? null };
  }

  /** The shared half of one record, spelled. */
  async spelledChange(path: string): Promise<SpelledChange> {
    return this.spelledHalf(path, await this.reader.get(keys.pair(path)));
  }

  /** The shared halves of all records, spelled, sorted by path, in runs. */
  async *spelledChanges(): AsyncIterable<SpelledChange[]> {
    for await (const run of this.reader.runs(withPrefix(keys.pair(''))))
      yield run.map(([key, value]) => this.spelledHalf(key.slice(2), value));
  }

  /** What cannot be read does not travel. */
  private spelledHalf(path: string, bytes: Buffer | undefined): SpelledChange {
    this.parse(bytes, path);
    return { path, value: bytes?.toString('utf8') ?? 'null' };
  }

  private parse(bytes: Buffer | undefined, path: string): JsonObject | undefined {
    try {
      return parse(bytes, path);
    } catch (error) {
      const finding = findingIn(error);
      if (finding !== undefined) this.onDamage(finding);
      throw error;
    }
  }

  close(): void {
    this.reader.close();
  }
}
