import { randomUUID } from 'node:crypto';
import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { unitScopedFields } from '../schema/record.ts';
import type { Rule } from '../schema/rule.ts';
import { type Branch, partedSince } from './branch.ts';
import { BranchShelf, keeping } from './branch-shelf.ts';
import { danglingProblems, findProblems, refusal, ruleProblems } from './check.ts';
import { damagedStore, type Finding, findingIn } from './damage.ts';
import { EMPTY_DIGEST, recordHash, updateTree } from './digest.ts';
import { grown, halfEntries, indexEntries } from './entries.ts';
import type {
  CommitRequest,
  CommitResult,
  Head,
  MergeRequest,
  MergeResult,
  PairChange,
  Role,
  TrialUpdate,
  Unconfirmed,
  UpdateRequest,
} from './head.ts';
import { keys } from './keys.ts';
import { mergeBranch } from './merge-branch.ts';
import { pauses } from './pause.ts';
import { type Batch, type Entry, type StorePort, withPrefix } from './port.ts';
import {
  type Halves,
  netEntries,
  netRemoval,
  nothingToConfirm,
  type Provisional,
  pairBefore,
  takenNet,
  undoing,
  waitsToBeConfirmed,
} from './provisional.ts';
import {
  baseDiffers,
  conflict,
  digestDiffers,
  noSuchRevision,
  notActive,
  notStandby,
  staleEpoch,
  unitScope,
} from './refusals.ts';
import {
  countPair,
  foldChanges,
  fromBytes,
  type RecordChange,
  type Revision,
  readHistory,
  readRevision,
  revisionEntries,
  revisionWithDigest,
  toBytes,
} from './revision.ts';
import { StoreSnapshot } from './snapshot.ts';
import { hasEffect, resolveChanges, spelling, type Transition, touchesPair } from './transition.ts';
import { verifyRoot } from './verify.ts';
import { FutureView, RecordReader } from './view.ts';

export type {
  CommitRequest,
  CommitResult,
  Head,
  MergeRequest,
  MergeResult,
  PairChange,
  Role,
  TrialUpdate,
  Unconfirmed,
  UpdateRequest,
};

export interface StoreOptions {
  port: StorePort;
  catalog: Catalog;
  rules: readonly Rule[];
  now: () => Date;
  /** Damage that a commit or an update met; the same one may be told again. */
  onDamage?: (finding: Finding) => void;
  /** Throws when nothing may be written: a damaged store must not be built upon. */
  assertGood?: () => void;
}

/** What is written together with a revision. `target`: the digest that must come out. */
type Beside = Pick<Batch, 'put' | 'remove'> & { target?: string; head?: Partial<Head> | undefined };

const nothingBeside: Beside = { put: [], remove: [] };

export type CommitListener = (revision: Revision, paths: string[]) => void;

/**
 * The configuration of one unit: records, revisions and digest. Commits come one after the other;
 * what was acknowledged is on the disk. No step costs more when the configuration is larger.
 */
export class Store {
  private readonly port: StorePort;
  readonly catalog: Catalog;
  private readonly rules: readonly Rule[];
  private readonly now: () => Date;
  private readonly onDamage: (finding: Finding) => void;
  private readonly assertGood: () => void;
  private readonly records: RecordReader;
  readonly branches: BranchShelf;
  private readonly listeners = new Set<CommitListener>();
  private current: Head;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(options: StoreOptions, head: Head, branches: BranchShelf) {
    this.port = options.port;
    this.catalog = options.catalog;
    this.rules = options.rules;
    this.now = options.now;
    this.onDamage = options.onDamage ?? (() => undefined);
    this.assertGood = options.assertGood ?? (() => undefined);
    this.records = new RecordReader(options.catalog, options.port);
    this.current = head;
    this.branches = branches;
  }

  /** A store that was never used starts empty, as standby, in epoch 0. Throws `damaged-store` for an unreadable head. */
  static async open(options: StoreOptions): Promise<Store> {
    const head = fromBytes<Head>(await options.port.get(keys.head), 'head');
    if (head !== undefined && !isHead(head)) throw damagedStore({ path: 'head', reason: 'is not complete' });
    return new Store(
      options,
      head ?? {
        revision: 0,
        digest: EMPTY_DIGEST,
        epoch: 0,
        role: 'standby',
        records: 0,
        common: '',
        commonRevision: 0,
      },
      await BranchShelf.open(options.port),
    );
  }

  get head(): Readonly<Head> {
    return this.current;
  }

  /** The record with both halves, or undefined. Throws `unknown-path`, `bad-id`. */
  read(path: string): Promise<JsonObject | undefined> {
    return this.records.get(path);
  }

  /** Records at and below `path`, sorted by path. */
  list(path = ''): AsyncIterable<ConfigRecord> {
    return this.records.list(path);
  }

  /** Records whose path starts with `prefix`, sorted by path. */
  listPrefix(prefix: string): AsyncIterable<ConfigRecord> {
    return this.records.listPrefix(prefix);
  }

  /**
   * Check changes and make them one revision, durable when this resolves. Nothing changed: no revision.
   * Throws what resolveChanges throws, `conflict`, `not-active`, `disk`, and what broken rules are refused with.
   */
  commit(request: CommitRequest): Promise<CommitResult> {
    return this.inTurn(async () => {
      this.assertExpected(request.expected);
      const changes =
        typeof request.changes === 'function' ? await request.changes(this.records) : request.changes;
      const transitions = await resolveChanges(this.catalog, this.records, changes);
      const { kind, author, reason } = request;
      const restored = kind === 'restore' && request.unconfirmed === true;
      const isOpen = this.current.role === 'active' || kind === 'init' || restored;
      if (!isOpen && transitions.some(touchesPair)) throw notActive(transitions);
      await this.check(transitions);
      if (request.dryRun || transitions.length === 0) return this.result(transitions);
      const beside = await this.underNet(transitions, request);
      const unconfirmed = restored ? { since: this.now().toISOString(), by: author, why: reason } : undefined;
      await this.write(
        transitions,
        { kind, author, reason },
        unconfirmed === undefined ? beside : { ...beside, head: { ...beside.head, unconfirmed } },
      );
      return this.result(transitions);
    });
  }

  /**
   * Take an update from the active unit: all of it, or nothing.
   * Throws `not-standby`, `stale-epoch`, `base-differs`, `unit-scope`, `digest-differs`, and what commit throws.
   */
  applyUpdate(
    update: UpdateRequest,
  ): Promise<{ result: 'applied' | 'already-applied'; digest: string; revision: number }> {
    return this.inTurn(async () => {
      this.assertMayTake(update);
      const net = await this.netOf(update);
      if (this.current.digest === update.target) {
        const { epoch, target: common } = update;
        const commonRevision = this.current.revision;
        const head = { ...this.current, ...net.head, epoch, common, commonRevision, unconfirmed: undefined };
        const changed =
          net.put.length + net.remove.length > 0 || JSON.stringify(head) !== JSON.stringify(this.current);
        if (changed) await this.writeHead(head, net);
        return { result: 'already-applied', ...this.held() };
      }
      if (update.base !== this.current.digest) throw baseDiffers(update, this.current);
      const transitions = await this.transitionsOf(update.changes);
      await this.check(transitions);
      const reason = `update of ${transitions.length} records from ${update.from}`;
      const header = {
        kind: 'update' as const,
        author: update.from,
        reason,
        brought: update.brought,
        epoch: update.epoch,
      };
      const { current: head } = this;
      const parted = await partedSince(this.port, head, update.common, {
        unit: update.to,
        at: this.now().toISOString(),
      });
      const kept = parted === undefined ? nothingBeside : keeping(parted.branch, parted.changes);
      await this.write(transitions, header, {
        target: update.target,
        head: net.head,
        put: [...kept.put, ...net.put],
        remove: [...kept.remove, ...net.remove],
      });
      if (parted !== undefined) this.branches.note(parted.branch);
      return { result: 'applied', ...this.held() };
    });
  }

  /** Whether an update with these changes would be taken; throws what applyUpdate throws. Writes nothing. */
  tryUpdate(trial: TrialUpdate): Promise<void> {
    return this.inTurn(async () => {
      this.assertMayTake(trial);
      if (trial.base !== this.current.digest) throw baseDiffers(trial, this.current);
      await this.check(await this.transitionsOf(trial.changes));
    });
  }

  /**
   * Lay a branch over what stands now, as one revision with both parents named. With conflicts that nobody
   * decided, nothing is written. Throws `no-such-branch`, `not-active`, and what commit throws.
   */
  merge(request: MergeRequest): Promise<MergeResult> {
    return this.inTurn(async () => {
      this.assertExpected(request.expected);
      const branch = this.branches.require(request.branch);
      const merged = await mergeBranch(this.catalog, this.records, this.branches, branch, request.choose);
      const { conflicts } = merged;
      const transitions = await resolveChanges(this.catalog, this.records, merged.changes);
      if (this.current.role === 'standby') throw notActive(transitions);
      if (conflicts.length > 0) return { ...this.result(transitions), conflicts };
      await this.check(transitions);
      if (!request.dryRun) await this.writeMerge(branch, transitions, request);
      return { ...this.result(transitions), conflicts };
    });
  }

  /** Keep what waits to be confirmed. Throws `nothing-to-confirm`, and `not-active` where that is the partner's business. */
  confirm(): Promise<{ provisional: Provisional }> {
    return this.inTurn(async () => {
      const { role, provisional } = this.current;
      if (role === 'standby' && provisional !== undefined) throw nothingToConfirm(provisional);
      const { waiting, halves } = this.waitingToBeConfirmed();
      const removal = await netRemoval(this.port, halves);
      await this.writeHead({ ...this.current, ...settled(halves), confirmed: waiting.id }, removal);
      return { provisional: waiting };
    });
  }

  /** Make undone what was not confirmed, as a revision. Throws `nothing-to-confirm`, and what commit throws. */
  undoProvisional(author: string, because: string): Promise<CommitResult> {
    return this.inTurn(async () => {
      const { waiting, halves } = this.waitingToBeConfirmed();
      const transitions = await undoing(this.catalog, this.port, this.records, halves);
      await this.check(transitions);
      const removal = await netRemoval(this.port, halves);
      const reason = `${because}: ${waiting.reason}`;
      if (transitions.length === 0) await this.writeHead({ ...this.current, ...settled(halves) }, removal);
      else
        await this.write(
          transitions,
          { kind: 'rollback', author, reason },
          { ...removal, head: settled(halves) },
        );
      return this.result(transitions);
    });
  }

  /**
   * Durable before it resolves. `epoch` may not go back. With `digest`: only while the store still has that
   * digest; resolves to whether it was done.
   */
  setRole(role: Role, epoch: number, digest?: string): Promise<boolean> {
    return this.inTurn(async () => {
      if (epoch < this.current.epoch)
        throw new LockstepError('stale-epoch', `The epoch is ${this.current.epoch} already.`);
      if (digest !== undefined && digest !== this.current.digest) return false;
      await this.keepInHead({ role, epoch });
      return true;
    });
  }

  /** The partner has confirmed that it holds `digest`, which stood here at `revision`. */
  setCommon(digest: string, revision: number): Promise<void> {
    return this.inTurn(() => this.keepInHead({ common: digest, commonRevision: revision }));
  }

  /** What was restored may be a source from now on; resolves to the mark that was lifted, if there was one. */
  confirmSource(): Promise<Unconfirmed | undefined> {
    return this.inTurn(async () => {
      const { unconfirmed } = this.current;
      await this.keepInHead({ unconfirmed: undefined });
      return unconfirmed;
    });
  }

  /** Headers of revisions, newest first; with `path`, of those that touched it or something below. */
  history(path = ''): AsyncIterable<Revision> {
    return readHistory(this.port, path);
  }

  /** What changed from revision `from` to revision `to` (default: now), record by record; works in both directions. */
  async diff(from: number, to = this.current.revision): Promise<RecordChange[]> {
    await Promise.all([this.assertRevision(from), this.assertRevision(to)]);
    const folded = [...(await foldChanges(this.port, Math.min(from, to), Math.max(from, to))).values()];
    const changes =
      from <= to ? folded : folded.map(({ path, before, after }) => ({ path, before: after, after: before }));
    return changes.filter(change => hasEffect(change)).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Paths of records that revisions after `revision` touched, also of those that are now what they were then. */
  async touchedSince(revision: number): Promise<string[]> {
    return [...(await foldChanges(this.port, revision, this.current.revision)).keys()];
  }

  /** Make the configuration what it was at `revision`: a revision like any other, so it can be undone too. */
  async rollback(
    revision: number,
    request: Pick<CommitRequest, 'author' | 'reason' | 'dryRun' | 'net' | 'expected'>,
  ): Promise<CommitResult> {
    await this.assertRevision(revision);
    return this.inTurn(async () => {
      this.assertExpected(request.expected);
      const folded = await foldChanges(this.port, revision, this.current.revision);
      const transitions: Transition[] = [];
      const rest = pauses();
      for (const { path, before } of folded.values()) {
        await rest();
        const transition = {
          path,
          kind: this.catalog.kindOf(path),
          before: await this.records.split(path),
          after: before,
        };
        if (hasEffect(transition)) transitions.push(transition);
      }
      if (this.current.role === 'standby' && transitions.some(touchesPair)) throw notActive(transitions);
      await this.check(transitions);
      if (!request.dryRun && transitions.length > 0) {
        const { author, reason } = request;
        await this.write(
          transitions,
          { kind: 'rollback', author, reason },
          await this.underNet(transitions, request),
        );
      }
      return this.result(transitions);
    });
  }

  /** The newest own revision that had this digest. */
  revisionWithDigest(digest: string): Promise<number | undefined> {
    return digest === EMPTY_DIGEST && this.current.digest !== EMPTY_DIGEST
      ? Promise.resolve(0)
      : revisionWithDigest(this.port, digest);
  }

  revision(revision: number): Promise<Revision | undefined> {
    return readRevision(this.port, revision);
  }

  /** What waits to be confirmed at this moment: its note, and what each shared half was before. */
  netNow(): Promise<{
    revision: number;
    provisional: Provisional | undefined;
    undo: Map<string, JsonObject | null>;
  }> {
    return this.inTurn(async () => {
      const { revision, provisional } = this.current;
      const undo = new Map<string, JsonObject | null>();
      if (provisional !== undefined)
        for await (const [path, half] of pairBefore(this.port)) undo.set(path, half);
      return { revision, provisional, undo };
    });
  }

  /** What is to be sent to a unit that holds the state of revision `from`, to bring it to revision `to`. */
  async pairChanges(from: number, to: number): Promise<PairChange[]> {
    const folded = await foldChanges(this.port, from, to);
    return [...folded.values()]
      .filter(touchesPair)
      .map(({ path, after }) => ({ path, value: after.pair ?? null }));
  }

  /** A consistent view that later commits do not change. Must be closed. */
  async snapshot(): Promise<StoreSnapshot> {
    return this.inTurn(
      async () => new StoreSnapshot(this.catalog, this.port.snapshot(), this.current, this.onDamage),
    );
  }

  /** Calls `listener` after each commit; returns how to stop. */
  watch(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** What rules of severity `warning` say about all records of the kinds they look at. */
  async warnings(): Promise<Problem[]> {
    const names = new Set(
      this.rules.filter(rule => rule.severity === 'warning').flatMap(rule => rule.looksAt),
    );
    const touched: { path: string; kind: Transition['kind'] }[] = [];
    for (const kind of this.catalog.kinds.filter(({ name }) => names.has(name))) {
      for await (const { path } of this.records.list(
        kind.template.filter(part => part !== '{id}').join('/'),
      )) {
        if (this.catalog.kindOf(path) === kind) touched.push({ path, kind });
      }
    }
    return ruleProblems(new FutureView(this.catalog, this.port, []), touched, this.rules, 'warning');
  }

  /** What the record at `path` needs and is not there: never so after a commit, but after damage to the disk. */
  async danglingAt(path: string): Promise<Problem[]> {
    const halves = await this.records.split(path);
    const kind = this.catalog.kindOf(path);
    const view = new FutureView(this.catalog, this.port, []);
    return danglingProblems(view, { path, kind, before: halves, after: halves });
  }

  async isReferredTo(path: string): Promise<boolean> {
    for await (const _source of new FutureView(this.catalog, this.port, []).referrers(path)) return true;
    return false;
  }

  /** What every start can afford to look at: the root of the digest tree against the head. */
  verifyRoot(): Promise<Finding[]> {
    return verifyRoot(this.port, this.current);
  }

  /** A fact of this unit alone, kept beside the configuration. */
  async readLocal<T>(name: string): Promise<T | undefined> {
    return fromBytes<T>(await this.port.get(keys.local(name)), `fact ${name}`);
  }

  async writeLocal(name: string, value: object | undefined): Promise<void> {
    const key = keys.local(name);
    await this.port.batch({
      expect: [],
      put: value === undefined ? [] : [[key, toBytes(value)]],
      remove: value === undefined ? [key] : [],
    });
  }

  /** Hashes of what the mirror wrote, or is about to write, to its files. */
  async *readMirror(): AsyncIterable<[file: string, hashes: string[]]> {
    const prefix = keys.mirror('');
    for await (const [key, value] of this.port.range(withPrefix(prefix))) {
      yield [key.slice(prefix.length), fromBytes<string[]>(value, key) as string[]];
    }
  }

  /** Remember the hashes of these files in one batch; undefined forgets a file. */
  async writeMirror(entries: { file: string; hashes: string[] | undefined }[]): Promise<void> {
    const put: Entry[] = [];
    const remove: string[] = [];
    for (const { file, hashes } of entries) {
      if (hashes === undefined) remove.push(keys.mirror(file));
      else put.push([keys.mirror(file), toBytes(hashes)]);
    }
    await this.port.batch({ expect: [], put, remove });
  }

  async close(): Promise<void> {
    await this.turn.catch(() => undefined);
    await this.port.close();
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const next = this.turn.then(act, act);
    this.turn = next.catch(error => {
      const finding = findingIn(error);
      if (finding !== undefined) this.onDamage(finding);
    });
    return next;
  }

  private async check(transitions: Transition[]): Promise<void> {
    const view = new FutureView(this.catalog, this.port, transitions);
    const problems = await findProblems(this.catalog, view, this.port, transitions, this.rules);
    if (problems.length > 0) throw refusal(problems);
  }

  private async writeMerge(branch: Branch, transitions: Transition[], request: MergeRequest): Promise<void> {
    const { author, reason } = request;
    const revision = this.current.revision + (transitions.length === 0 ? 0 : 1);
    const merged = { revision, at: this.now().toISOString(), author };
    // Everything in it came some other way: there is nothing to commit, and nothing left to merge.
    if (transitions.length === 0) return this.branches.close(branch, merged);
    const merges = { branch: branch.name, unit: branch.unit, parent: branch.digest };
    const closing = await this.branches.closing(branch, merged);
    const net = await this.underNet(transitions, request);
    const beside = { ...net, put: [...closing.put, ...net.put], remove: closing.remove };
    await this.write(transitions, { kind: 'merge', author, reason, merges }, beside);
    this.branches.note({ ...branch, merged });
  }

  private async write(
    transitions: Transition[],
    why: Pick<Revision, 'kind' | 'author' | 'reason' | 'brought' | 'merges'> & { epoch?: number },
    { target, head: facts, put, remove }: Beside = nothingBeside,
  ): Promise<void> {
    this.assertGood();
    const hashOf = (half: JsonObject | undefined): Buffer | undefined => {
      const text = spelling(half);
      return text === undefined ? undefined : recordHash(text);
    };
    const leaves = transitions
      .filter(touchesPair)
      .map(({ path, before, after }) => ({ path, was: hashOf(before.pair), hash: hashOf(after.pair) }));
    const tree = await updateTree(this.port, leaves, this.current.digest);
    const { digest } = tree;
    if (target !== undefined && digest !== target) throw digestDiffers(digest, target);
    // What the partner has sent needs no confirmation.
    const { unconfirmed: _before, ...taken } = this.current;
    const head: Head = {
      ...(target === undefined ? this.current : taken),
      ...facts,
      revision: this.current.revision + 1,
      digest,
      epoch: why.epoch ?? this.current.epoch,
      ...(target === undefined ? {} : { common: target, commonRevision: this.current.revision + 1 }),
      records: this.current.records + grown(transitions),
    };
    const header: Revision = {
      revision: head.revision,
      at: this.now().toISOString(),
      kind: why.kind,
      author: why.author,
      reason: why.reason,
      parent: this.current.digest,
      digest,
      epoch: head.epoch,
      records: transitions.length,
      pairRecords: countPair(transitions),
      ...(why.brought === undefined ? {} : { brought: why.brought }),
      ...(why.merges === undefined ? {} : { merges: why.merges }),
    };
    const halves = halfEntries(transitions);
    const indexes = indexEntries(transitions);
    await this.writeHead(head, {
      put: [...halves.put, ...tree.put, ...indexes.put, ...revisionEntries(header, transitions), ...put],
      remove: [...halves.remove, ...tree.remove, ...indexes.remove, ...remove],
    });
    const paths = transitions.map(({ path }) => path);
    // Not in this call: what a listener throws must not look like a commit that failed.
    for (const listener of [...this.listeners]) queueMicrotask(() => listener(header, paths));
  }

  private async keepInHead(facts: Partial<Head>): Promise<void> {
    const head = JSON.stringify({ ...this.current, ...facts });
    if (head !== JSON.stringify(this.current)) await this.writeHead(JSON.parse(head) as Head);
  }

  private async writeHead(
    head: Head,
    rest: Pick<Batch, 'put' | 'remove'> = { put: [], remove: [] },
  ): Promise<void> {
    const stored = await this.port.get(keys.head);
    const expected = fromBytes<Head>(stored, 'head');
    if (expected !== undefined && expected.revision !== this.current.revision)
      throw conflict(this.current.revision, this.current);
    const written = await this.port.batch({
      expect: [{ key: keys.head, value: stored }],
      put: [...rest.put, [keys.head, toBytes(head)]],
      remove: rest.remove,
    });
    if (!written) throw conflict(this.current.revision, this.current);
    this.current = head;
  }

  /** What a commit writes beside its revision; refused while another change waits to be confirmed. */
  private async underNet(
    transitions: Transition[],
    { net, author, reason }: Pick<CommitRequest, 'net' | 'author' | 'reason'>,
  ): Promise<Beside> {
    const waiting = this.blocking();
    if (net === undefined) {
      if (waiting === undefined) return nothingBeside;
      throw waitsToBeConfirmed(waiting);
    }
    const { pair, unit, ...entries } = await netEntries(this.port, transitions);
    const id = waiting?.id ?? randomUUID();
    const provisional: Provisional = { id, author, reason, at: this.now().toISOString(), ...net };
    const { provisional: pairNet, ownProvisional: ownNet } = this.current;
    return {
      ...entries,
      head: {
        provisional: pair || pairNet !== undefined ? provisional : undefined,
        ownProvisional: unit || ownNet !== undefined ? provisional : undefined,
      },
    };
  }

  /** What waits to be confirmed here, and is this unit's to settle. */
  private blocking(): Provisional | undefined {
    const { role, provisional, ownProvisional } = this.current;
    return (role === 'active' ? provisional : undefined) ?? ownProvisional;
  }

  private waitingToBeConfirmed(): { waiting: Provisional; halves: Halves } {
    const { role, provisional, ownProvisional } = this.current;
    const waiting = this.blocking();
    if (waiting === undefined) throw nothingToConfirm(provisional);
    return {
      waiting,
      halves: { pair: role === 'active' && provisional !== undefined, unit: ownProvisional !== undefined },
    };
  }

  /** What the active unit says of changes that wait to be confirmed takes the place of what this unit knew. */
  private async netOf(update: UpdateRequest): Promise<Beside> {
    const { provisional, confirmed, changes } = update;
    const kept = confirmed !== '' && this.current.ownProvisional?.id === confirmed;
    const taken = await takenNet(this.port, provisional === undefined ? [] : changes);
    const own = kept ? await netRemoval(this.port, { pair: false, unit: true }) : nothingBeside;
    return {
      put: taken.put,
      remove: [...taken.remove, ...own.remove],
      head: { provisional, ...(kept ? { ownProvisional: undefined } : {}) },
    };
  }

  private async transitionsOf(changes: PairChange[]): Promise<Transition[]> {
    const transitions: Transition[] = [];
    const seen = new Set<string>();
    const rest = pauses();
    for (const { path, value } of changes) {
      await rest();
      const kind = this.catalog.kindOf(path);
      if (seen.has(path)) throw new LockstepError('bad-message', `The update names ${path} twice.`);
      seen.add(path);
      const crossing = value === null ? [] : unitScopedFields(kind, value);
      if (kind.scope === 'unit' || crossing.length > 0) throw unitScope(path, crossing);
      const before = await this.records.split(path);
      const transition = { path, kind, before, after: { pair: value ?? undefined, unit: before.unit } };
      if (hasEffect(transition)) transitions.push(transition);
    }
    return transitions;
  }

  private assertExpected(expected: number | undefined): void {
    if (expected !== undefined && expected !== this.current.revision) throw conflict(expected, this.current);
  }

  private assertMayTake(update: TrialUpdate): void {
    if (this.current.role !== 'standby') throw notStandby(update, this.current);
    if (update.epoch < this.current.epoch) throw staleEpoch(update, this.current);
  }

  private async assertRevision(revision: number): Promise<void> {
    const known =
      revision === 0 ||
      (Number.isInteger(revision) && (await readRevision(this.port, revision)) !== undefined);
    if (known) return;
    throw noSuchRevision(revision, this.current);
  }

  private result(transitions: Transition[]): CommitResult {
    return {
      ...this.held(),
      changes: transitions.map(({ path, before, after }) => ({ path, before, after })),
    };
  }

  private held(): { digest: string; revision: number } {
    return { digest: this.current.digest, revision: this.current.revision };
  }
}

function settled({ pair, unit }: Halves): Partial<Head> {
  return {
    ...(pair ? { provisional: undefined } : {}),
    ...(unit ? { ownProvisional: undefined } : {}),
  };
}

function isHead({ revision, digest, epoch, role, records, common }: Head): boolean {
  return (
    [revision, epoch, records].every(count => Number.isSafeInteger(count) && count >= 0) &&
    /^[0-9a-f]{64}$/.test(digest) &&
    /^([0-9a-f]{64})?$/.test(common) &&
    (role === 'active' || role === 'standby')
  );
}
