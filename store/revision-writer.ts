import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { LockstepError, Problem } from '../schema/error.ts';
import type { Rule } from '../schema/rule.ts';
import type { Judged } from '../schema/tightened.ts';
import { broughtWarnings, findProblems, refusal } from './check.ts';
import { damagedStore, type Finding, findingIn } from './damage.ts';
import { EMPTY_DIGEST, type LeafChange, updateTree } from './digest.ts';
import { grown, halfEntries, indexEntries } from './entries.ts';
import type { Head } from './head.ts';
import { keys } from './keys.ts';
import type { Batch, StorePort } from './port.ts';
import { digestDiffers, headMoved } from './refusals.ts';
import { fromBytes, type Revision, revisionEntries, toBytes } from './revision.ts';
import { type SpelledTransition, spell } from './spelling.ts';
import type { Transition } from './transition.ts';
import { FutureView } from './view.ts';
import { newStoreId } from './witness.ts';

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

export type CommitListener = (revision: Revision, paths: string[]) => void;

/** Why a revision is made. */
export type Why = Pick<Revision, 'kind' | 'author' | 'reason' | 'brought' | 'merges'> & { epoch?: number };

/** What is written together with a revision. `target`: the digest that must come out, which the partner holds. */
export type Beside = Pick<Batch, 'put' | 'remove'> & {
  target?: string;
  head?: Partial<Head> | undefined;
  /** Called when it is durable, before anybody is told of the revision. */
  done?: () => void;
};

export const nothingBeside: Beside = { put: [], remove: [] };

const NEW: Head = {
  revision: 0,
  digest: EMPTY_DIGEST,
  epoch: 0,
  role: 'standby',
  records: 0,
  common: '',
  commonRevision: 0,
};

/** Makes revisions, one after the other; each is durable with all that belongs to it, or not there at all. */
export class RevisionWriter {
  private readonly options: StoreOptions;
  private readonly listeners = new Set<CommitListener>();
  private current: Head;
  /** The head as it was read or written last: `current` was made of it. */
  private stored: Buffer | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(options: StoreOptions, stored: Buffer | undefined) {
    this.options = options;
    this.stored = stored;
    this.current = headOf(stored);
  }

  /** Throws `damaged-store` for an unreadable head. */
  static async open(options: StoreOptions): Promise<RevisionWriter> {
    const writer = new RevisionWriter(options, await options.port.get(keys.head));
    await writer.giveId();
    return writer;
  }

  /** A store that was made by a release without ids gets one when it is opened; where it cannot, it has none this time. */
  private async giveId(): Promise<void> {
    if (this.current.store !== undefined) return;
    const head = { ...this.current, store: newStoreId() };
    if (this.stored === undefined) this.current = head;
    else
      await Promise.resolve()
        .then(() => this.options.assertGood?.())
        .then(() => this.writeHead(head))
        .catch(() => undefined);
  }

  get head(): Readonly<Head> {
    return this.current;
  }

  /** Calls `listener` after each revision; returns how to stop. */
  watch(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Resolves when everything that was begun has ended. */
  async settled(): Promise<void> {
    await this.turn.catch(() => undefined);
  }

  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const next = this.turn.then(act, act);
    this.turn = next.catch(error => {
      const finding = findingIn(error);
      if (finding !== undefined) this.options.onDamage?.(finding);
    });
    return next;
  }

  /** Throws what broken rules are refused with. Resolves to what the rules warn of in what is changed. */
  async check(transitions: Transition[], judged: Judged): Promise<Problem[]> {
    const { catalog, port, rules } = this.options;
    const problems = await this.problems(transitions, judged);
    if (problems.length > 0) throw refusal(problems);
    if (judged === 'held') return [];
    return broughtWarnings(new FutureView(catalog, port, transitions), transitions, rules);
  }

  /** Everything that speaks against a change. */
  problems(transitions: Transition[], judged: Judged): Promise<Problem[]> {
    const { catalog, port, rules } = this.options;
    const view = new FutureView(catalog, port, transitions);
    return findProblems(catalog, view, port, transitions, rules, judged);
  }

  /** Throws `digest-differs`, `disk`, `damaged-store`. */
  async write(
    transitions: Transition[],
    why: Why,
    { target, head: facts, put, remove, done }: Beside = nothingBeside,
  ): Promise<void> {
    const { port, now, assertGood } = this.options;
    assertGood?.();
    const rest = pauses();
    const spelled: SpelledTransition[] = [];
    const leaves: LeafChange[] = [];
    for (const transition of transitions) {
      const pause = rest();
      if (pause !== undefined) await pause;
      const each = spell(transition);
      spelled.push(each);
      if (each.before.pair !== each.after.pair) leaves.push(each);
    }
    const tree = await updateTree(port, leaves, this.current.digest);
    const { digest } = tree;
    if (target !== undefined && digest !== target) throw digestDiffers(digest, target);
    // What the partner has sent needs no confirmation.
    const { unconfirmed: _before, ...taken } = this.current;
    const head: Head = {
      ...(target === undefined ? this.current : taken),
      ...facts,
      revision: this.current.revision + 1,
      indexed: this.current.revision + 1,
      digest,
      epoch: why.epoch ?? this.current.epoch,
      ...(target === undefined ? {} : { common: target, commonRevision: this.current.revision + 1 }),
      records: this.current.records + grown(spelled),
    };
    const header: Revision = {
      revision: head.revision,
      at: now().toISOString(),
      kind: why.kind,
      author: why.author,
      reason: why.reason,
      parent: this.current.digest,
      digest,
      epoch: head.epoch,
      records: transitions.length,
      pairRecords: leaves.length,
      ...(why.brought === undefined ? {} : { brought: why.brought }),
      ...(why.merges === undefined ? {} : { merges: why.merges }),
    };
    await rest();
    const halves = halfEntries(spelled);
    await rest();
    const indexes = indexEntries(transitions);
    await rest();
    await this.writeHead(head, {
      put: [...halves.put, ...tree.put, ...indexes.put, ...revisionEntries(header, spelled), ...put],
      remove: [...halves.remove, ...tree.remove, ...indexes.remove, ...remove],
    });
    done?.();
    const paths = transitions.map(({ path }) => path);
    // Not in this call: what a listener throws must not look like a commit that failed.
    for (const listener of [...this.listeners]) queueMicrotask(() => listener(header, paths));
  }

  /** Changes facts of the head, if they are other than before. */
  async keepInHead(facts: Partial<Head>): Promise<void> {
    const head = JSON.stringify({ ...this.current, ...facts });
    if (head !== JSON.stringify(this.current)) await this.writeHead(JSON.parse(head) as Head);
  }

  /**
   * Throws `conflict`, with nothing written, when the head was written in another place since it was read here; what stands
   * is read then, so that a repetition starts from it.
   */
  async writeHead(head: Head, rest: Pick<Batch, 'put' | 'remove'> = { put: [], remove: [] }): Promise<void> {
    const { port } = this.options;
    const bytes = toBytes(head);
    const written = await port.batch({
      expect: [{ key: keys.head, value: this.stored }],
      put: [...rest.put, [keys.head, bytes]],
      remove: rest.remove,
    });
    if (!written) throw await this.readAgain();
    this.stored = bytes;
    this.current = head;
  }

  private async readAgain(): Promise<LockstepError> {
    const before = this.current;
    this.stored = await this.options.port.get(keys.head);
    this.current = headOf(this.stored);
    return headMoved(before, this.current);
  }
}

/** Throws `damaged-store`. */
function headOf(stored: Buffer | undefined): Head {
  const head = fromBytes<Head>(stored, 'head');
  if (head !== undefined && !isHead(head)) throw damagedStore({ path: 'head', reason: 'is not complete' });
  return { ...NEW, ...head };
}

function isHead({ revision, digest, epoch, role, records, common }: Head): boolean {
  return (
    [revision, epoch, records].every(count => Number.isSafeInteger(count) && count >= 0) &&
    /^[0-9a-f]{64}$/.test(digest) &&
    /^([0-9a-f]{64})?$/.test(common) &&
    (role === 'active' || role === 'standby')
  );
}
