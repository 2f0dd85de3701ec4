import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { storedValue } from '../schema/rules/stored-value.ts';
import { type Branch, type BranchChange, partedSince, revisionOfInit } from './branch.ts';
import { type Branches, BranchShelf, keeping } from './branch-registry.ts';
import { danglingProblems, ruleProblems } from './check.ts';
import type { Finding } from './damage.ts';
import { EMPTY_DIGEST } from './digest.ts';
import type {
  CommitRequest,
  CommitResult,
  Guard,
  Head,
  MergeRequest,
  MergeResult,
  PairChange,
  Role,
  TrialUpdate,
  Unconfirmed,
  UpdateRequest,
} from './head.ts';
import { indexPlaces } from './index-places.ts';
import { keys } from './keys.ts';
import { mergeBranch } from './merge-branch.ts';
import type { FileNote } from './mirror/verdict.ts';
import { assertKept, oldestEntry, oldestRevision } from './oldest.ts';
import { type Entry, type StorePort, type StoreSpace, withPrefix } from './port.ts';
import { makeReady } from './prepared-change.ts';
import { netRemoval, type Provisional, undoing } from './provisional.ts';
import {
  netOfUpdate,
  settledHead,
  toConfirm,
  toSettle,
  underNet,
  type Waiting,
  waitingNow,
} from './provisional-state.ts';
import { pruneSome } from './pruning.ts';
import { baseDiffers, conflict, noSuchRevision, notActive } from './refusals.ts';
import {
  foldChanges,
  fromBytes,
  type RecordChange,
  type Revision,
  readHistory,
  readRevision,
  revisionWithDigest,
  toBytes,
} from './revision.ts';
import {
  type Beside,
  type CommitListener,
  nothingBeside,
  RevisionWriter,
  type StoreOptions,
} from './revision-writer.ts';
import { StoreSnapshot } from './snapshot.ts';
import { assertMayTake, assertNotOlder, takenTransitions } from './taken-records.ts';
import { type Change, hasEffect, resolveChanges, type Transition, touchesPair } from './transition.ts';
import { verifyRoot } from './verify.ts';
import { FutureView, RecordReader } from './view.ts';
import {
  digestAt,
  type FellBack,
  isOlderThan,
  newStoreId,
  type Witness,
  withWitness,
  witnessedIn,
} from './witness.ts';

export type {
  CommitListener,
  CommitRequest,
  CommitResult,
  Guard,
  Head,
  MergeRequest,
  MergeResult,
  PairChange,
  Role,
  StoreOptions,
  TrialUpdate,
  Unconfirmed,
  UpdateRequest,
};

/** Records that rules look at before others have their turn. */
const RECORDS_A_STEP = 200;

/**
 * The configuration of one unit: records, revisions and digest. Commits come one after the other;
 * what was acknowledged is on the disk. No step costs more when the configuration is larger.
 */
export class Store {
  readonly catalog: Catalog;
  private readonly options: StoreOptions;
  private readonly port: StorePort;
  private readonly records: RecordReader;
  private readonly writer: RevisionWriter;
  private readonly shelf: BranchShelf;

  private constructor(options: StoreOptions, writer: RevisionWriter, shelf: BranchShelf) {
    this.options = options;
    this.catalog = options.catalog;
    this.port = options.port;
    this.records = new RecordReader(options.catalog, options.port);
    this.writer = writer;
    this.shelf = shelf;
  }

  /** A store that was never used starts empty, as standby, in epoch 0. Throws `damaged-store` for an unreadable head. */
  static async open(options: StoreOptions): Promise<Store> {
    const writer = await RevisionWriter.open(options);
    await indexPlaces(options.catalog, options.port, writer.head);
    return new Store(options, writer, await BranchShelf.open(options.port));
  }

  get head(): Readonly<Head> {
    return this.writer.head;
  }

  /** The record with both halves, or undefined. Throws `unknown-path`, `bad-id`. */
  read(path: string): Promise<JsonObject | undefined> {
    return this.records.get(path);
  }

  /** Records at and below `path`, sorted by path. */
  list(path = ''): AsyncIterable<ConfigRecord> {
    return this.records.list(path);
  }

  /** Paths of the records at and below `path`, sorted. What is in them is not read. */
  paths(path = ''): AsyncIterable<string> {
    return this.records.paths(path);
  }

  /** Paths that start with `prefix`, sorted. */
  pathsWith(prefix: string): AsyncIterable<string> {
    return this.records.pathsWith(prefix);
  }

  /**
   * Check changes and make them one revision, durable when this resolves. Nothing changed: no revision.
   * Throws what resolveChanges throws, `conflict`, `not-active`, `disk`, and what broken rules are refused with.
   */
  commit(request: CommitRequest): Promise<CommitResult> {
    return this.writer.inTurn(async () => {
      this.assertExpected(request.expected);
      const changes =
        typeof request.changes === 'function'
          ? await request.changes(this.records, each => this.problemsOf(each))
          : request.changes;
      const transitions = await resolveChanges(this.catalog, this.records, changes);
      request.guard?.(transitions);
      const { kind, author, reason } = request;
      const restored = kind === 'restore' && request.unconfirmed === true;
      const isOpen = this.head.role === 'active' || kind === 'init' || restored;
      if (!isOpen && transitions.some(touchesPair)) throw notActive(transitions);
      const warnings = await this.writer.check(transitions, kind === 'restore' ? 'held' : 'new');
      if (request.dryRun || transitions.length === 0) return this.result(transitions, warnings);
      const beside = await this.underNet(transitions, request);
      const unconfirmed = restored
        ? { since: this.options.now().toISOString(), by: author, why: reason }
        : undefined;
      await this.writer.write(
        transitions,
        { kind, author, reason },
        unconfirmed === undefined ? beside : { ...beside, head: { ...beside.head, unconfirmed } },
      );
      return this.result(transitions, warnings);
    });
  }

  /**
   * Take an update from the active unit: all of it, or nothing.
   * Throws `not-standby`, `stale-epoch`, `fallen-back`, `base-differs`, `unit-scope`, `digest-differs`, and what commit throws.
   */
  applyUpdate(
    update: UpdateRequest,
  ): Promise<{ result: 'applied' | 'already-applied'; digest: string; revision: number }> {
    return this.writer.inTurn(async () => {
      assertMayTake(update, this.head);
      assertNotOlder(update, this.head);
      const net = await netOfUpdate(this.catalog, this.port, this.head, update);
      const older = await this.isOlderThanSeen(update.source?.seen);
      const facts = { ...net.head, ...this.afterUpdate(update, older) };
      if (this.head.digest === update.target) {
        const { epoch, target: common } = update;
        const commonRevision = this.head.revision;
        const head = { ...this.head, ...facts, epoch, common, commonRevision, unconfirmed: undefined };
        const changed =
          net.put.length + net.remove.length > 0 || JSON.stringify(head) !== JSON.stringify(this.head);
        if (changed) await this.writer.writeHead(head, net);
        return { result: 'already-applied', ...this.held() };
      }
      if (update.base !== this.head.digest) throw baseDiffers(update, this.head);
      const transitions = await takenTransitions(
        this.catalog,
        this.records,
        update.changes,
        this.head.records,
      );
      await this.writer.check(transitions, 'held');
      const reason = `update of ${transitions.length} records from ${update.from}${fellBackWords(older, this.head)}`;
      const header = {
        kind: 'update' as const,
        author: update.from,
        reason,
        brought: update.brought,
        epoch: update.epoch,
      };
      const { head } = this;
      const parted = await partedSince(this.port, head, update.common, {
        unit: update.to,
        at: this.options.now().toISOString(),
        source: update.source?.store,
      });
      const kept = parted === undefined ? nothingBeside : keeping(parted.branch, parted.changes);
      await this.writer.write(transitions, header, {
        target: update.target,
        head: facts,
        put: [...kept.put, ...net.put],
        remove: [...kept.remove, ...net.remove],
        done: () => parted !== undefined && this.shelf.note(parted.branch),
      });
      return { result: 'applied', ...this.held() };
    });
  }

  /** Changes of an update that is still coming in: what can be found out about them now need not wait for its end. */
  makeReady(changes: readonly PairChange[]): void {
    makeReady(this.catalog, changes);
  }

  /** Whether an update with these changes would be taken; throws what applyUpdate throws. Writes nothing. */
  tryUpdate(trial: TrialUpdate): Promise<void> {
    return this.writer.inTurn(async () => {
      assertMayTake(trial, this.head);
      if (trial.base !== this.head.digest) throw baseDiffers(trial, this.head);
      await this.writer.check(
        await takenTransitions(this.catalog, this.records, trial.changes, this.head.records),
        'held',
      );
    });
  }

  get branches(): Branches {
    return this.shelf;
  }

  /**
   * Keep a copy of a branch of the partner. One that ended with a state which this unit held too is merged already: its last
   * update came here, and only the receipt got lost.
   */
  keepBranch(branch: Branch, changes: BranchChange[]): Promise<void> {
    return this.writer.inTurn(async () => {
      const number = await this.revisionWithDigest(branch.digest);
      const held = number === undefined ? undefined : await this.revision(number);
      const merged = held && { revision: held.revision, at: held.at, author: held.author };
      await this.shelf.keep(merged === undefined ? branch : { ...branch, merged }, changes);
    });
  }

  /** The partner merged it. Throws `no-such-branch`. */
  closeBranch(name: string, merged: NonNullable<Branch['merged']>): Promise<void> {
    return this.writer.inTurn(async () => this.shelf.close(this.shelf.require(name), merged));
  }

  /**
   * Lay a branch over what stands now, as one revision with both parents named. With conflicts that nobody
   * decided, nothing is written. Throws `no-such-branch`, `not-active`, and what commit throws.
   */
  merge(request: MergeRequest): Promise<MergeResult> {
    return this.writer.inTurn(async () => {
      this.assertExpected(request.expected);
      const branch = this.branches.require(request.branch);
      const merged = request.none
        ? { changes: [], conflicts: [] }
        : await mergeBranch(this.catalog, this.records, this.branches, branch, request.choose);
      const { conflicts } = merged;
      const transitions = await resolveChanges(this.catalog, this.records, merged.changes);
      request.guard?.(transitions);
      if (this.head.role === 'standby') throw notActive(transitions);
      if (conflicts.length > 0) return { ...this.result(transitions), conflicts };
      await this.writer.check(transitions, 'held');
      if (!request.dryRun) await this.writeMerge(branch, transitions, request);
      return { ...this.result(transitions), conflicts };
    });
  }

  /** Keep what waits to be confirmed. Throws `nothing-to-confirm`, and `not-active` where that is the partner's business. */
  confirm(): Promise<{ provisional: Provisional }> {
    return this.writer.inTurn(async () => {
      const { waiting, halves } = toConfirm(this.head);
      const removal = await netRemoval(this.port, halves);
      await this.writer.writeHead({ ...this.head, ...settledHead(halves), confirmed: waiting.id }, removal);
      return { provisional: waiting };
    });
  }

  /** Make undone what was not confirmed, as a revision. Throws `nothing-to-confirm`, and what commit throws. */
  undoProvisional(author: string, because: string, guard?: Guard): Promise<CommitResult> {
    return this.writer.inTurn(async () => {
      const { waiting, halves } = toSettle(this.head);
      const transitions = await undoing(this.catalog, this.port, this.records, halves);
      guard?.(transitions);
      await this.writer.check(transitions, 'held');
      const removal = await netRemoval(this.port, halves);
      const head = settledHead(halves);
      const why = { kind: 'rollback', author, reason: `${because}: ${waiting.reason}` } as const;
      if (transitions.length === 0) await this.writer.writeHead({ ...this.head, ...head }, removal);
      else await this.writer.write(transitions, why, { ...removal, head });
      return this.result(transitions);
    });
  }

  /**
   * Durable before it resolves. `epoch` may not go back. With `digest`: only while the store still has that
   * digest; resolves to whether it was done.
   */
  setRole(role: Role, epoch: number, digest?: string): Promise<boolean> {
    return this.writer.inTurn(async () => {
      if (epoch < this.head.epoch)
        throw new LockstepError('stale-epoch', `The epoch is ${this.head.epoch} already.`);
      if (digest !== undefined && digest !== this.head.digest) return false;
      await this.writer.keepInHead({ role, epoch });
      return true;
    });
  }

  /** The partner has confirmed that it holds `digest`, which stood here at `revision`. `seen`: what it said of its store. */
  setCommon(digest: string, revision: number, seen?: Witness): Promise<void> {
    return this.writer.inTurn(() =>
      this.writer.keepInHead({ common: digest, commonRevision: revision, ...this.seeing(seen) }),
    );
  }

  /** With another partner nothing is confirmed yet; what the one before held is no matter any more. */
  beginWithPartner(common: string): Promise<void> {
    return this.writer.inTurn(() => {
      const witnessed = this.head.witnessed?.filter(({ store }) => store !== '');
      const nothing = { fellBack: undefined, overruled: undefined };
      return this.writer.keepInHead({ ...nothing, common, commonRevision: 0, witnessed });
    });
  }

  /** The same, and a fact of this unit alone (see writeLocal), in one write. Without `common`: nothing was confirmed. */
  keepReceipt(
    common: { digest: string; revision: number } | undefined,
    name: string,
    receipt: object,
    seen?: Witness,
  ): Promise<void> {
    return this.writer.inTurn(() => {
      const confirmed =
        common === undefined ? {} : { common: common.digest, commonRevision: common.revision };
      const head = { ...this.head, ...confirmed, ...this.seeing(seen) };
      return this.writer.writeHead(head, { put: [[keys.local(name), toBytes(receipt)]], remove: [] });
    });
  }

  /** 1 where the store began with what init made, which is no change of anybody; else 0. */
  revisionOfInit(): Promise<number> {
    return revisionOfInit(this.port);
  }

  /** Digest at an own revision; undefined for one that is not kept, or not there. */
  digestAt(revision: number): Promise<string | undefined> {
    return digestAt(this.port, this.head, revision);
  }

  /** The disk fell back; told of the store with this id, and no more when it has been mended meanwhile. */
  setFellBack(fellBack: FellBack, store: string | undefined): Promise<void> {
    return this.writer.inTurn(async () => {
      if (this.head.store === store && this.head.fellBack === undefined)
        await this.writer.keepInHead({ fellBack });
    });
  }

  /** Somebody decided that what this unit holds stands, whatever its partner has seen of it. */
  overrule(confirmed: string): Promise<void> {
    return this.writer.inTurn(() =>
      this.writer.keepInHead({ store: newStoreId(), fellBack: undefined, overruled: confirmed }),
    );
  }

  /** What was restored here is no other than what the partner holds: there is nothing to confirm. Only at this digest. */
  dropUnconfirmed(digest: string): Promise<void> {
    return this.writer.inTurn(async () => {
      if (this.head.digest === digest) await this.writer.keepInHead({ unconfirmed: undefined });
    });
  }

  /** What was restored may be a source from now on; resolves to the mark that was lifted, if there was one. */
  confirmSource(): Promise<Unconfirmed | undefined> {
    return this.writer.inTurn(async () => {
      const { unconfirmed } = this.head;
      await this.writer.keepInHead({ unconfirmed: undefined });
      return unconfirmed;
    });
  }

  /** Headers of revisions, newest first, from the one before `before` on; with `path`, of those that touched it or something below. */
  history(path = '', before?: number): AsyncIterable<Revision> {
    return readHistory(this.port, path, before);
  }

  /** The oldest revision that is kept; 0: all are. */
  oldestRevision(): Promise<number> {
    return oldestRevision(this.port);
  }

  /**
   * Keep nothing older than `revision` from now on: durable when this resolves. What is older still lies there until
   * `pruneSome` has taken it away, and is there for nobody. Throws `damaged-store` when the store must not be built upon.
   */
  keepFrom(revision: number): Promise<void> {
    return this.writer.inTurn(async () => {
      this.options.assertGood?.();
      const before = await oldestRevision(this.port);
      const oldest = Math.min(revision, this.head.revision);
      if (oldest <= Math.max(before, 1)) return;
      await this.port.batch({ expect: [], put: [oldestEntry(oldest)], remove: [] });
    });
  }

  /** Takes away a few milliseconds' worth of what is older; resolves to whether there is more. */
  async pruneSome(): Promise<boolean> {
    this.options.assertGood?.();
    return pruneSome(this.port);
  }

  /** Of the file that holds all of it; undefined where there is none. */
  space(): StoreSpace | undefined {
    return this.port.space?.();
  }

  /** What changed from revision `from` to revision `to` (default: now), record by record; works in both directions. */
  async diff(from: number, to = this.head.revision): Promise<RecordChange[]> {
    await Promise.all([this.assertRevision(from), this.assertRevision(to)]);
    const folded = [...(await foldChanges(this.port, Math.min(from, to), Math.max(from, to))).values()];
    const changes =
      from <= to ? folded : folded.map(({ path, before, after }) => ({ path, before: after, after: before }));
    return changes.filter(change => hasEffect(change)).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Paths of records that revisions after `revision` touched, also of those that are now what they were then. */
  async touchedSince(revision: number): Promise<string[]> {
    return [...(await foldChanges(this.port, revision, this.head.revision)).keys()];
  }

  /** Make the configuration what it was at `revision`: a revision like any other, so it can be undone too. */
  async rollback(
    revision: number,
    request: Pick<CommitRequest, 'author' | 'reason' | 'dryRun' | 'net' | 'expected' | 'guard'>,
  ): Promise<CommitResult> {
    await this.assertRevision(revision);
    return this.writer.inTurn(async () => {
      this.assertExpected(request.expected);
      const folded = await foldChanges(this.port, revision, this.head.revision);
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
      request.guard?.(transitions);
      if (this.head.role === 'standby' && transitions.some(touchesPair)) throw notActive(transitions);
      await this.writer.check(transitions, 'held');
      if (!request.dryRun && transitions.length > 0) {
        const { author, reason } = request;
        await this.writer.write(
          transitions,
          { kind: 'rollback', author, reason },
          await this.underNet(transitions, request),
        );
      }
      return this.result(transitions);
    });
  }

  /** The newest own revision that had this digest and is kept. */
  async revisionWithDigest(digest: string): Promise<number | undefined> {
    const found = await revisionWithDigest(this.port, digest);
    if (found !== undefined || digest !== EMPTY_DIGEST || this.head.digest === EMPTY_DIGEST) return found;
    return (await oldestRevision(this.port)) === 0 ? 0 : undefined;
  }

  /** undefined: there is none, or it is older than what is kept. */
  async revision(revision: number): Promise<Revision | undefined> {
    const found = await readRevision(this.port, revision);
    return revision < (await oldestRevision(this.port)) ? undefined : found;
  }

  /** What waits to be confirmed at this moment. */
  netNow(): Promise<Waiting> {
    return this.writer.inTurn(() => waitingNow(this.port, this.head));
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
    return this.writer.inTurn(
      async () => new StoreSnapshot(this.catalog, this.port.snapshot(), this.head, this.options.onDamage),
    );
  }

  /** Calls `listener` after each commit; returns how to stop. */
  watch(listener: CommitListener): () => void {
    return this.writer.watch(listener);
  }

  /** What rules of severity `warning` say about all records of the kinds they look at, but for kinds of many records. */
  warnings(): Promise<Problem[]> {
    return this.broken(rule => rule.severity === 'warning' && rule.inBackground !== true);
  }

  /** Of the rules that brokenRules looks at. */
  get ruleCodes(): string[] {
    return this.options.rules.map(({ code }) => code);
  }

  /**
   * What all rules say of all records that they speak of, also of those that no commit of this release would take. Costs the size
   * of the configuration, in small steps.
   */
  brokenRules(): Promise<Problem[]> {
    return this.broken(() => true);
  }

  private async broken(wanted: (rule: StoreOptions['rules'][number]) => boolean): Promise<Problem[]> {
    const rules = this.options.rules.filter(wanted);
    const names = new Set(rules.flatMap(rule => rule.looksAt));
    const view = new FutureView(this.catalog, this.port, []);
    const problems = new Map<string, Problem>();
    let touched: { path: string; kind: Transition['kind'] }[] = [];
    const judge = async (): Promise<void> => {
      for (const problem of await ruleProblems(view, touched, rules))
        problems.set(JSON.stringify([problem.code, problem.path, problem.message]), problem);
      touched = [];
    };
    const rest = pauses();
    for (const kind of this.catalog.kinds.filter(({ name }) => names.has(name))) {
      for await (const path of this.records.paths(kind.template.filter(part => part !== '{id}').join('/'))) {
        if (this.catalog.kindOf(path) === kind) touched.push({ path, kind });
        if (touched.length < RECORDS_A_STEP) continue;
        await judge();
        await rest();
      }
    }
    await judge();
    return [...problems.values()];
  }

  /**
   * What no status can ask of all records: what would be refused in the one at `path` if somebody wrote it now, and what rules
   * for kinds of many records warn of.
   */
  async standingProblems(path: string): Promise<Problem[]> {
    const kind = this.catalog.kindOf(path);
    const value = await this.records.get(path);
    if (value === undefined) return [];
    const rules = this.options.rules.filter(
      ({ severity, inBackground }) =>
        severity === 'error' || severity === 'tightened' || (severity === 'warning' && inBackground === true),
    );
    const view = new FutureView(this.catalog, this.port, []);
    const values = this.catalog.problems(kind, path, value).map(problem => ({
      ...problem,
      code: storedValue.code,
      message: `${problem.message}; an earlier release took it`,
    }));
    return [...values, ...(await ruleProblems(view, [{ path, kind }], rules))];
  }

  /** What the record at `path` needs and is not there: never so after a commit, but after damage to the disk. */
  async danglingAt(path: string): Promise<Problem[]> {
    const halves = await this.records.split(path);
    const kind = this.catalog.kindOf(path);
    const view = new FutureView(this.catalog, this.port, []);
    return danglingProblems(view, { path, kind, before: halves, after: halves });
  }

  /** Paths of the records that refer to the one at `path`. */
  referrers(path: string): AsyncIterable<string> {
    return new FutureView(this.catalog, this.port, []).referrers(path);
  }

  async isReferredTo(path: string): Promise<boolean> {
    for await (const _source of this.referrers(path)) return true;
    return false;
  }

  /** What every start can afford to look at: the root of the digest tree against the head. */
  verifyRoot(): Promise<Finding[]> {
    return verifyRoot(this.port, this.head);
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

  /** Makes a fact of what it was, whoever else changes it meanwhile; `change` may be asked again. */
  async changeLocal<T extends object>(name: string, change: (before: T | undefined) => T): Promise<T> {
    const key = keys.local(name);
    for (;;) {
      const stored = await this.port.get(key);
      const next = change(fromBytes<T>(stored, `fact ${name}`));
      const expect = [{ key, value: stored }];
      if (await this.port.batch({ expect, put: [[key, toBytes(next)]], remove: [] })) return next;
    }
  }

  /** What the mirror remembers of its files; a plain list: the hashes of what it wrote, or is about to write. */
  async *readMirror(): AsyncIterable<[file: string, note: string[] | FileNote]> {
    const prefix = keys.mirror('');
    for await (const [key, value] of this.port.range(withPrefix(prefix))) {
      yield [key.slice(prefix.length), fromBytes<string[] | FileNote>(value, key) ?? []];
    }
  }

  /** Remember this of these files in one batch; undefined forgets a file. */
  async writeMirror(entries: { file: string; note: string[] | FileNote | undefined }[]): Promise<void> {
    const put: Entry[] = [];
    const remove: string[] = [];
    for (const { file, note } of entries) {
      if (note === undefined) remove.push(keys.mirror(file));
      else put.push([keys.mirror(file), toBytes(note)]);
    }
    await this.port.batch({ expect: [], put, remove });
  }

  async close(): Promise<void> {
    await this.writer.settled();
    await this.port.close();
  }

  private async writeMerge(branch: Branch, transitions: Transition[], request: MergeRequest): Promise<void> {
    const { author, reason } = request;
    const revision = this.head.revision + (transitions.length === 0 ? 0 : 1);
    const merged = { revision, at: this.options.now().toISOString(), author };
    // Everything in it came some other way: there is nothing to commit, and nothing left to merge.
    if (transitions.length === 0) return this.shelf.close(branch, merged);
    const merges = { branch: branch.name, unit: branch.unit, parent: branch.digest };
    const closing = await this.shelf.closing(branch, merged);
    const net = await this.underNet(transitions, request);
    const done = (): void => this.shelf.note({ ...branch, merged });
    const beside = { ...net, put: [...closing.put, ...net.put], remove: closing.remove, done };
    await this.writer.write(transitions, { kind: 'merge', author, reason, merges }, beside);
  }

  private seeing(seen: Witness | undefined): Partial<Head> {
    return seen === undefined ? {} : { witnessed: withWitness(this.head.witnessed, seen) };
  }

  private async isOlderThanSeen(seen: Witness | undefined): Promise<boolean> {
    if (seen === undefined || seen.store !== this.head.store) return this.head.fellBack !== undefined;
    return isOlderThan(seen, this.head, await this.digestAt(seen.revision));
  }

  /** With an update a store that fell back is mended: it is another one from then on, of which nothing was seen. */
  private afterUpdate(update: UpdateRequest, older: boolean): Partial<Head> {
    const mended = older ? { store: newStoreId(), fellBack: undefined } : {};
    return { ...this.seeing(witnessedIn(update)), ...mended };
  }

  private underNet(
    transitions: Transition[],
    { net, author, reason }: Pick<CommitRequest, 'net' | 'author' | 'reason'>,
  ): Promise<Beside> {
    const at = this.options.now().toISOString();
    return underNet(this.port, this.head, transitions, { net, author, reason, at });
  }

  private assertExpected(expected: number | undefined): void {
    if (expected !== undefined && expected !== this.head.revision) throw conflict(expected, this.head);
  }

  private async assertRevision(revision: number): Promise<void> {
    if (!Number.isInteger(revision) || revision < 0 || revision > this.head.revision)
      throw noSuchRevision(revision, this.head);
    await assertKept(this.port, revision);
    if (revision > 0 && (await readRevision(this.port, revision)) === undefined)
      throw noSuchRevision(revision, this.head);
  }

  private async problemsOf(changes: Change[]): Promise<Problem[]> {
    const transitions = await resolveChanges(this.catalog, this.records, changes);
    return this.writer.problems(transitions, 'new');
  }

  private result(transitions: Transition[], warnings: Problem[] = []): CommitResult {
    return {
      ...this.held(),
      warnings,
      changes: transitions.map(({ path, before, after }) => ({ path, before, after })),
    };
  }

  private held(): { digest: string; revision: number } {
    return { digest: this.head.digest, revision: this.head.revision };
  }
}

function fellBackWords(older: boolean, { revision, fellBack }: Head): string {
  return older ? `, after the disk of this unit fell back to revision ${fellBack?.revision ?? revision}` : '';
}
