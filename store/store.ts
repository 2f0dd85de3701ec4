import type { Catalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { type Branch, type BranchChange, revisionOfInit } from './branch.ts';
import { type Branches, BranchRegistry } from './branch-registry.ts';
import type { Finding } from './damage.ts';
import {
  type FellBack,
  type Head,
  newStoreId,
  type Provisional,
  type Role,
  type Unconfirmed,
  type Witness,
} from './head.ts';
import { changesBetween, foldChanges, readHistory, stateWithDigest } from './history.ts';
import { indexPlaces } from './index-places.ts';
import { keys } from './keys.ts';
import * as local from './local-facts.ts';
import { mergeBranch } from './merge-branch.ts';
import { oldestEntry, oldestRevision } from './oldest.ts';
import type { StorePort, StoreSpace } from './port.ts';
import { prepareChanges } from './prepared-change.ts';
import {
  committing,
  propose,
  type RollbackRequest,
  rollingBack,
  type StoreParts,
  undoingProvisional,
} from './propose.ts';
import { provisionalRemoval } from './provisional.ts';
import { settledHead, toConfirm, type Waiting, waitingNow } from './provisional-state.ts';
import { pruneSome } from './pruning.ts';
import type {
  CommitRequest,
  CommitResult,
  Guard,
  MergeRequest,
  MergeResult,
  PairChange,
  TrialUpdate,
  UpdateRequest,
} from './requests.ts';
import { type RecordChange, type Revision, readRevision, toBytes } from './revision.ts';
import { type CommitListener, RevisionWriter, type StoreOptions } from './revision-writer.ts';
import { StoreSnapshot } from './snapshot.ts';
import { brokenRules, danglingAt, standingProblems, viewOf } from './standing-problems.ts';
import { seeing, type Taken, takeUpdate, tryUpdate } from './take-update.ts';
import { touchesPair } from './transition.ts';
import { verifyRoot } from './verify.ts';
import { RecordReader } from './view.ts';
import { digestAt } from './witness.ts';

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

/**
 * The configuration of one unit: records, revisions and digest. Commits come one after the other;
 * what was acknowledged is on the disk. No step costs more when the configuration is larger.
 */
export class Store {
  readonly catalog: Catalog;
  readonly branches: Branches;
  private readonly parts: StoreParts;
  private readonly options: StoreOptions;
  private readonly port: StorePort;
  private readonly records: RecordReader;
  private readonly writer: RevisionWriter;

  private constructor(parts: StoreParts) {
    const { options, records, writer, branches } = parts;
    this.parts = parts;
    this.options = options;
    this.catalog = options.catalog;
    this.port = options.port;
    this.records = records;
    this.writer = writer;
    this.branches = branches;
  }

  /** A store that was never used starts empty, as standby, in epoch 0. Throws `damaged-store` for an unreadable head. */
  static async open(options: StoreOptions): Promise<Store> {
    const { catalog, port } = options;
    const writer = await RevisionWriter.open(options);
    await indexPlaces(catalog, port, writer.head);
    const branches = await BranchRegistry.open(port);
    return new Store({ options, records: new RecordReader(catalog, port), writer, branches });
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
    return this.writer.inTurn(() => propose(this.parts, committing(this.parts, request)));
  }

  /** Make the configuration what it was at `revision`: a revision like any other, so it can be undone too. */
  rollback(revision: number, request: RollbackRequest): Promise<CommitResult> {
    return this.writer.inTurn(() => propose(this.parts, rollingBack(this.parts, revision, request)));
  }

  /**
   * Lay a branch over what stands now, as one revision with both parents named. With conflicts that nobody
   * decided, nothing is written. Throws `no-such-branch`, `not-active`, and what commit throws.
   */
  merge(request: MergeRequest): Promise<MergeResult> {
    return this.writer.inTurn(() => mergeBranch(this.parts, request));
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
      await this.parts.branches.keep(merged === undefined ? branch : { ...branch, merged }, changes);
    });
  }

  /** The partner merged it. Throws `no-such-branch`. */
  closeBranch(name: string, merged: NonNullable<Branch['merged']>): Promise<void> {
    return this.writer.inTurn(async () => this.parts.branches.close(this.branches.require(name), merged));
  }

  /** Make undone what was not confirmed, as a revision. Throws `nothing-to-confirm`, and what commit throws. */
  undoProvisional(author: string, because: string, guard?: Guard): Promise<CommitResult> {
    return this.writer.inTurn(async () =>
      propose(this.parts, undoingProvisional(this.parts, author, because, guard)),
    );
  }

  /** Keep what waits to be confirmed. Throws `nothing-to-confirm`, and `not-active` where that is the partner's business. */
  confirm(): Promise<{ provisional: Provisional }> {
    return this.writer.inTurn(async () => {
      const { waiting, halves } = toConfirm(this.head);
      const removal = await provisionalRemoval(this.port, halves);
      await this.writer.writeHead({ ...this.head, ...settledHead(halves), confirmed: waiting.id }, removal);
      return { provisional: waiting };
    });
  }

  /** What waits to be confirmed at this moment. */
  provisionalNow(): Promise<Waiting> {
    return this.writer.inTurn(() => waitingNow(this.port, this.head));
  }

  /**
   * Take an update from the active unit: all of it, or nothing.
   * Throws `not-standby`, `stale-epoch`, `fallen-back`, `base-differs`, `unit-scope`, `digest-differs`, and what commit throws.
   */
  applyUpdate(update: UpdateRequest): Promise<Taken> {
    return this.writer.inTurn(() => takeUpdate(this.parts, update));
  }

  /** Whether an update with these changes would be taken; throws what applyUpdate throws. Writes nothing. */
  tryUpdate(trial: TrialUpdate): Promise<void> {
    return this.writer.inTurn(() => tryUpdate(this.parts, trial));
  }

  /** Changes of an update that is still coming in: what can be found out about them now need not wait for its end. */
  prepare(changes: readonly PairChange[]): void {
    prepareChanges(this.catalog, changes);
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
      this.writer.keepInHead({ common: digest, commonRevision: revision, ...seeing(this.head, seen) }),
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

  /** The same as setCommon, and a fact of this unit alone, in one write. Without `common`: nothing was confirmed. */
  keepReceipt(
    common: { digest: string; revision: number } | undefined,
    name: string,
    receipt: object,
    seen?: Witness,
  ): Promise<void> {
    return this.writer.inTurn(() => {
      const confirmed =
        common === undefined ? {} : { common: common.digest, commonRevision: common.revision };
      const head = { ...this.head, ...confirmed, ...seeing(this.head, seen) };
      return this.writer.writeHead(head, { put: [[keys.local(name), toBytes(receipt)]], remove: [] });
    });
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

  /** undefined: there is none, or it is older than what is kept. */
  async revision(revision: number): Promise<Revision | undefined> {
    const found = await readRevision(this.port, revision);
    return revision < (await oldestRevision(this.port)) ? undefined : found;
  }

  /** 1 where the store began with what init made, which is no change of anybody; else 0. */
  revisionOfInit(): Promise<number> {
    return revisionOfInit(this.port);
  }

  /** The newest own revision that had this digest and is kept. */
  revisionWithDigest(digest: string): Promise<number | undefined> {
    return stateWithDigest(this.port, this.head, digest);
  }

  /** Digest at an own revision; undefined for one that is not kept, or not there. */
  digestAt(revision: number): Promise<string | undefined> {
    return digestAt(this.port, this.head, revision);
  }

  /** What changed from revision `from` to revision `to` (default: now), record by record; works in both directions. */
  diff(from: number, to = this.head.revision): Promise<RecordChange[]> {
    return changesBetween(this.port, this.head, from, to);
  }

  /** Paths of records that revisions after `revision` touched, also of those that are now what they were then. */
  async touchedSince(revision: number): Promise<string[]> {
    return [...(await foldChanges(this.port, revision, this.head.revision)).keys()];
  }

  /** What is to be sent to a unit that holds the state of revision `from`, to bring it to revision `to`. */
  async pairChanges(from: number, to: number): Promise<PairChange[]> {
    const folded = await foldChanges(this.port, from, to);
    return [...folded.values()]
      .filter(touchesPair)
      .map(({ path, after }) => ({ path, value: after.pair ?? null }));
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
    return brokenRules(this.parts, rule => rule.severity === 'warning' && rule.inBackground !== true);
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
    return brokenRules(this.parts, () => true);
  }

  /** See store/standing-problems.ts. */
  standingProblems(path: string): Promise<Problem[]> {
    return standingProblems(this.parts, path);
  }

  danglingAt(path: string): Promise<Problem[]> {
    return danglingAt(this.parts, path);
  }

  /** Paths of the records that refer to the one at `path`. */
  referrers(path: string): AsyncIterable<string> {
    return viewOf(this.options).referrers(path);
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
  readLocal<T>(name: string): Promise<T | undefined> {
    return local.readLocal<T>(this.port, name);
  }

  writeLocal(name: string, value: object | undefined): Promise<void> {
    return local.writeLocal(this.port, name, value);
  }

  changeLocal<T extends object>(name: string, change: (before: T | undefined) => T): Promise<T> {
    return local.changeLocal(this.port, name, change);
  }

  readMirror(): AsyncIterable<[file: string, note: local.MirrorNote]> {
    return local.readMirror(this.port);
  }

  writeMirror(notes: { file: string; note: local.MirrorNote | undefined }[]): Promise<void> {
    return local.writeMirror(this.port, notes);
  }

  async close(): Promise<void> {
    await this.writer.settled();
    await this.port.close();
  }
}
