import { pauses } from '../host/event-loop.ts';
import { Turn } from '../host/turn.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { LockstepError } from '../schema/error.ts';
import type { Rule } from '../schema/rule.ts';
import { type Finding, findingIn } from './damage.ts';
import { type LeafChange, updateTree } from './digest.ts';
import { grown, halfEntries, indexEntries } from './entries.ts';
import { type Head, headOf, newStoreId } from './head.ts';
import { keys } from './keys.ts';
import type { Batch, StorePort } from './port.ts';
import { digestDiffers, headMoved } from './refusals.ts';
import { type Revision, revisionEntries, toBytes } from './revision.ts';
import { type SpelledTransition, spell } from './spelling.ts';
import type { Transition } from './transition.ts';

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

/** Makes revisions, one after the other; each is durable with all that belongs to it, or not there at all. */
export class RevisionWriter {
  private readonly options: StoreOptions;
  private readonly listeners = new Set<CommitListener>();
  private readonly turn = new Turn();
  private current: Head;
  /** The head as it was read or written last: `current` was made of it. */
  private stored: Buffer | undefined;

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
  settled(): Promise<void> {
    return this.turn.settled();
  }

  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.turn.take(act);
    done.catch(error => {
      const finding = findingIn(error);
      if (finding !== undefined) this.options.onDamage?.(finding);
    });
    return done;
  }

  /** Throws `digest-differs`, `disk`, `damaged-store`. */
  async write(
    transitions: Transition[],
    why: Why,
    { target, head: facts, put, remove, done }: Beside = nothingBeside,
  ): Promise<void> {
    const { port, assertGood } = this.options;
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
    const revision = this.current.revision + 1;
    const head: Head = {
      ...this.current,
      // What the partner has sent needs no confirmation.
      ...(target === undefined ? {} : { unconfirmed: undefined, common: target, commonRevision: revision }),
      ...facts,
      revision,
      indexed: revision,
      digest,
      epoch: why.epoch ?? this.current.epoch,
      records: this.current.records + grown(spelled),
    };
    const header = this.header(head, why, transitions.length, leaves.length);
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

  private header(
    { revision, digest, epoch }: Head,
    why: Why,
    records: number,
    pairRecords: number,
  ): Revision {
    const { kind, author, reason, brought, merges } = why;
    return {
      revision,
      at: this.options.now().toISOString(),
      kind,
      author,
      reason,
      parent: this.current.digest,
      digest,
      epoch,
      records,
      pairRecords,
      ...(brought === undefined ? {} : { brought }),
      ...(merges === undefined ? {} : { merges }),
    };
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
  async writeHead(head: Head, rest: Pick<Batch, 'put' | 'remove'> = nothingBeside): Promise<void> {
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
