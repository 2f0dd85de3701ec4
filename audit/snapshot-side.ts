import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import { parentPath } from '../schema/path.ts';
import { FAN_OUT, LEVELS, recordHash } from '../store/digest.ts';
import type { Trace } from '../store/last-change.ts';
import { linksOf } from '../store/links.ts';
import type { StoreSnapshot } from '../store/snapshot.ts';
import { cutNode } from '../store/tree-walk.ts';
import type {
  Against,
  Details,
  FileTrouble,
  Leaves,
  Nodes,
  Opening,
  Question,
  RecordFacts,
  Side,
  State,
  TraceFacts,
} from './facts.ts';
import { keyedHash, withKeyedSecrets } from './keyed.ts';

/** What is said of a side beside what its snapshot says. */
export interface SideFacts extends Pick<Opening, 'is' | 'name' | 'unitId' | 'pairId' | 'release'> {
  schemaDigest: string;
  kinds: Readonly<Record<string, string>>;
  damage: { path: string; reason: string }[];
  damaged: number;
  mirror: FileTrouble[];
}

const MAX_TOLD = 20;
const MAX_OWN = 5_000;
/** Of records in one answer: it must fit into one frame, beside the list of all that differ. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A state of the configuration that lies here: this unit, an earlier revision of it, or what a bundle holds. */
export class SnapshotSide implements Side {
  private readonly snapshot: StoreSnapshot;
  private readonly catalog: Catalog;
  private readonly facts: SideFacts;

  constructor(snapshot: StoreSnapshot, catalog: Catalog, facts: SideFacts) {
    this.snapshot = snapshot;
    this.catalog = catalog;
    this.facts = facts;
  }

  /** Throws `bad-message` for what the tree does not have. */
  async ask(question: Question): Promise<never> {
    switch (question.ask) {
      case 'open':
        return (await this.open(question)) as never;
      case 'nodes':
        return (await this.nodes(question.nodes)) as never;
      case 'leaves':
        return (await this.leaves(question.buckets)) as never;
      case 'against':
        return (await this.against(question)) as never;
      case 'details':
        return (await this.details(question.paths, question.nonce)) as never;
    }
  }

  private get state(): State {
    const { revision, digest } = this.snapshot.head;
    return { revision, digest };
  }

  private async open(question: Extract<Question, { ask: 'open' }>): Promise<Opening> {
    const { role, epoch, records, common, commonRevision, digest } = this.snapshot.head;
    const { kinds, damage, mirror, ...facts } = this.facts;
    const found = [...damage, ...(await this.snapshot.verifyRoot())];
    return {
      ...facts,
      ...this.state,
      ...{ role, epoch, records, common, commonRevision },
      damage: found.slice(0, MAX_TOLD),
      damaged: Math.max(facts.damaged, found.length),
      mirror: mirror.slice(0, MAX_TOLD),
      files: mirror.length,
      ...(question.schemaDigest === facts.schemaDigest ? {} : { kinds: { ...kinds } }),
      ...(question.digest === digest ? {} : { root: await this.node(0, 0) }),
      ...(question.all ? { own: await this.own(question.nonce) } : {}),
    };
  }

  private async own(nonce: string): Promise<NonNullable<Opening['own']>> {
    const own: NonNullable<Opening['own']> = [];
    for await (const { path, value } of this.snapshot.unitHalves()) {
      if (own.length >= MAX_OWN) break;
      const fields = Object.entries(value).map(([field, held]) => [field, keyedHash(nonce, held as Json)]);
      own.push([path, Object.fromEntries(fields)]);
    }
    return own;
  }

  private async nodes(wanted: [number, number][]): Promise<Nodes> {
    const nodes: string[] = [];
    for (const [level, index] of wanted) nodes.push(await this.node(level, index));
    return { ...this.state, nodes };
  }

  private async node(level: number, index: number): Promise<string> {
    if (level >= LEVELS || index >= FAN_OUT ** level)
      throw new LockstepError('bad-message', 'The digest tree has no such node.');
    return cutNode(await this.snapshot.node(level, index)).toString('base64');
  }

  private async leaves(buckets: number[]): Promise<Leaves> {
    const found: Leaves['buckets'] = [];
    for (const index of buckets)
      found.push([...(await this.bucket(index))].map(([path, hash]) => [path, hash]));
    return { ...this.state, buckets: found };
  }

  private async bucket(index: number): Promise<Map<string, string>> {
    if (index >= FAN_OUT ** LEVELS)
      throw new LockstepError('bad-message', 'The digest tree has no such bucket.');
    const leaves = await this.snapshot.bucket(index);
    return new Map([...leaves].map(([path, hash]) => [path, hash.toString('base64')]));
  }

  private async against({ buckets, nonce, most }: Extract<Question, { ask: 'against' }>): Promise<Against> {
    const differing: Against['differing'] = [];
    for (const { index, leaves } of buckets) {
      const theirs = new Map(leaves);
      const own = await this.bucket(index);
      for (const [path, hash] of own) if (theirs.get(path) !== hash) differing.push([path, hash]);
      for (const path of theirs.keys()) if (!own.has(path)) differing.push([path, null]);
    }
    const told = differing.slice(0, most).map(([path]) => path);
    return { ...this.state, differing, details: await this.someDetails(told, nonce) };
  }

  private async details(paths: string[], nonce: string): Promise<Details> {
    return { ...this.state, details: await this.someDetails(paths, nonce, Number.POSITIVE_INFINITY) };
  }

  /** As many as fit into so many bytes, from the first on. */
  private async someDetails(paths: string[], nonce: string, bytes = MAX_BYTES): Promise<RecordFacts[]> {
    const traces = await this.snapshot.traces(paths);
    const details: RecordFacts[] = [];
    let left = bytes;
    for (const path of paths) {
      const record = await this.record(path, nonce, traces.get(path));
      left -= JSON.stringify(record).length;
      if (left < 0) break;
      details.push(record);
    }
    return details;
  }

  private async record(path: string, nonce: string, trace: Trace | undefined): Promise<RecordFacts> {
    const leaf = await this.snapshot.leaf(path);
    const stored = (await this.snapshot.stored(path))?.toString('utf8');
    const hash = stored === undefined ? undefined : recordHash(stored);
    const intact = leaf === undefined ? hash === undefined : hash?.equals(leaf) === true;
    const kind = this.kindAt(path);
    const value = stored === undefined ? undefined : readObject(stored);
    return {
      path,
      hash: leaf?.toString('base64') ?? null,
      intact,
      ...(value === undefined || kind === undefined ? {} : { value: withKeyedSecrets(kind, value, nonce) }),
      needs: value === undefined || kind === undefined ? [] : needsOf(kind, path, value),
      ...(trace === undefined ? {} : { trace: traceFacts(trace, hash?.toString('base64')) }),
    };
  }

  private kindAt(path: string): ReturnType<Catalog['kindOf']> | undefined {
    try {
      return this.catalog.kindOf(path);
    } catch {
      return undefined; // a kind that only the other side has
    }
  }
}

function traceFacts({ revision, hash }: Trace, held: string | undefined): TraceFacts {
  const { revision: number, at, kind, author, reason } = revision;
  const asWritten = hash === held;
  return { revision: number, at, kind, author, reason, asWritten };
}

function needsOf(kind: ReturnType<Catalog['kindOf']>, path: string, value: JsonObject): string[] {
  const above = parentPath(kind, path);
  return [...(above === undefined ? [] : [above]), ...linksOf(kind, value).flatMap(({ targets }) => targets)];
}

function readObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // told as not intact
  }
}
