import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { joinRecord, type SplitRecord } from '../schema/record.ts';
import type { View } from '../schema/rule.ts';
import { parseStored } from './damage.ts';
import { keys, lastPart } from './keys.ts';
import { indexedTargets } from './links.ts';
import { type Reader, withPrefix } from './port.ts';
import type { Transition } from './transition.ts';

/** Records read from the store, with halves joined. */
export class RecordReader {
  protected readonly catalog: Catalog;
  protected readonly reader: Reader;

  constructor(catalog: Catalog, reader: Reader) {
    this.catalog = catalog;
    this.reader = reader;
  }

  /** Whoever knows the kind already may say so: to find it costs as much as to read the record. */
  async split(path: string, kind = this.catalog.kindOf(path)): Promise<SplitRecord> {
    if (kind.scope === 'pair')
      return { pair: parse(await this.reader.get(keys.pair(path)), path), unit: undefined };
    // Both are asked for before either is awaited, or a commit could come between them.
    const pair = kind.scope === 'unit' ? undefined : this.reader.get(keys.pair(path));
    const unit = this.reader.get(keys.unit(path));
    return { pair: parse(await pair, path), unit: parse(await unit, path) };
  }

  async get(path: string): Promise<JsonObject | undefined> {
    const kind = this.catalog.kindOf(path);
    return joinRecord(kind, await this.split(path, kind));
  }

  /** All records at `path` and below it, sorted by path; `''` lists everything. */
  async *list(path: string): AsyncIterable<ConfigRecord> {
    if (path !== '') yield* this.listPrefix(path, true);
    yield* this.listPrefix(path === '' ? '' : `${path}/`, false);
  }

  /** Records whose path starts with `prefix` (`exact`: equals it). */
  async *listPrefix(prefix: string, exact = false): AsyncIterable<ConfigRecord> {
    for await (const { path, kind, stored } of this.kept(prefix, exact)) {
      const value = kind.scope === 'mixed' ? await this.get(path) : parse(stored, path);
      if (value !== undefined) yield { path, value };
    }
  }

  /** The paths of what `list` gives. No record is read for it. */
  async *paths(path: string): AsyncIterable<string> {
    if (path !== '') yield* this.pathsWith(path, true);
    yield* this.pathsWith(path === '' ? '' : `${path}/`, false);
  }

  /** The paths of what `listPrefix` gives. */
  async *pathsWith(prefix: string, exact = false): AsyncIterable<string> {
    for await (const { path } of this.kept(prefix, exact)) yield path;
  }

  /** By path, the half in which a record is there: of its own kinds the unit's, else the shared one. */
  private async *kept(prefix: string, exact: boolean): AsyncIterable<Kept> {
    const bounds = (key: string) => (exact ? { from: key, to: `${key} ` } : withPrefix(key));
    const unitOnly = this.reader.range(bounds(keys.unit(prefix)))[Symbol.asyncIterator]();
    let own = await this.nextUnitOnly(unitOnly);
    for await (const [key, stored] of this.reader.range(bounds(keys.pair(prefix)))) {
      const path = key.slice(2);
      while (own !== undefined && own.path < path) {
        yield own;
        own = await this.nextUnitOnly(unitOnly);
      }
      yield { path, kind: this.catalog.kindOf(path), stored };
    }
    for (; own !== undefined; own = await this.nextUnitOnly(unitOnly)) yield own;
  }

  private async nextUnitOnly(iterator: AsyncIterator<readonly [string, Buffer]>): Promise<Kept | undefined> {
    for (;;) {
      const next = await iterator.next();
      if (next.done) return undefined;
      const [key, stored] = next.value;
      const path = key.slice(2);
      const kind = this.catalog.kindOf(path);
      if (kind.scope === 'unit') return { path, kind, stored };
    }
  }
}

interface Kept {
  path: string;
  kind: Kind;
  stored: Buffer;
}

/** The configuration as it will be once `transitions` are in: what rules and references are checked against. */
export class FutureView extends RecordReader implements View {
  private readonly future = new Map<string, Transition>();
  /** Made when somebody asks for a range. */
  private sortedPaths: string[] | undefined;

  constructor(catalog: Catalog, reader: Reader, transitions: Transition[]) {
    super(catalog, reader);
    for (const transition of transitions) this.future.set(transition.path, transition);
  }

  override async split(path: string, kind?: Kind): Promise<SplitRecord> {
    return this.future.get(path)?.after ?? super.split(path, kind);
  }

  /** Whether a record that is changed will be there; undefined: it is none of those. */
  willExist(path: string): boolean | undefined {
    const transition = this.future.get(path);
    return transition && joinRecord(transition.kind, transition.after) !== undefined;
  }

  async has(path: string): Promise<boolean> {
    return this.willExist(path) ?? (await this.get(path)) !== undefined;
  }

  override async *listPrefix(prefix: string, exact = false): AsyncIterable<ConfigRecord> {
    for await (const record of super.listPrefix(prefix, exact))
      if (!this.future.has(record.path)) yield record;
    for (const path of this.changedBelow(prefix, exact)) {
      const value = await this.get(path);
      if (value !== undefined) yield { path, value };
    }
  }

  override async *pathsWith(prefix: string, exact = false): AsyncIterable<string> {
    for await (const path of super.pathsWith(prefix, exact)) if (!this.future.has(path)) yield path;
    for (const path of this.changedBelow(prefix, exact)) if (this.willExist(path)) yield path;
  }

  /** Paths of records below `path` that no transition is about. */
  async *untouchedBelow(path: string): AsyncIterable<string> {
    if (!this.catalog.isParent(this.catalog.kindOf(path))) return;
    for await (const below of super.pathsWith(`${path}/`)) if (!this.future.has(below)) yield below;
  }

  async *referrers(target: string): AsyncIterable<string> {
    const prefix = keys.referrers(target);
    const stored = new Set<string>();
    for await (const [key] of this.reader.range(withPrefix(prefix))) stored.add(lastPart(key));
    for (const source of stored) if (!this.future.has(source)) yield source;
    for (const source of this.referringNow().get(target) ?? []) yield source;
  }

  /** Targets that changed records refer to; made once, since a large change asks for many. */
  private referringNow(): Map<string, string[]> {
    if (this.referring === undefined) {
      this.referring = new Map();
      for (const transition of this.future.values()) {
        const value = joinRecord(transition.kind, transition.after);
        for (const target of value === undefined ? [] : indexedTargets(transition.kind, value)) {
          this.referring.set(target, [...(this.referring.get(target) ?? []), transition.path]);
        }
      }
    }
    return this.referring;
  }
  private referring: Map<string, string[]> | undefined;

  private *changedBelow(prefix: string, exact: boolean): Iterable<string> {
    for (const path of this.pathsFrom(prefix)) {
      if (!path.startsWith(prefix) || (exact && path !== prefix)) return;
      yield path;
    }
  }

  private *pathsFrom(prefix: string): Iterable<string> {
    this.sortedPaths ??= [...this.future.keys()].sort();
    const paths = this.sortedPaths;
    let low = 0;
    let high = paths.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((paths[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    for (; low < paths.length; low++) yield paths[low] as string;
  }
}

/** Half of the record at `path`. Throws `damaged-store` when it cannot be read. */
export function parse(bytes: Buffer | undefined, path: string): JsonObject | undefined {
  return bytes === undefined ? undefined : parseStored<JsonObject>(bytes, path);
}
