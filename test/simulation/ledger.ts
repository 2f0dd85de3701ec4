import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Head } from '../../store/head.ts';
import { keys } from '../../store/keys.ts';
import { type Batch, withPrefix } from '../../store/port.ts';
import { fromBytes, type Revision } from '../../store/revision.ts';
import type { Disk } from './disk.ts';
import { changesOn, digestOf, faultOfHistory, historyOn, oldestOn } from './on-disk.ts';

/** A commit of shared records: once it is durable somebody may have been told that it is done. */
interface Commit {
  disk: Disk;
  revision: number;
  /** Of one that its disk has no more: the digests that stood there from it on. The partner held it when the disk fell back. */
  line?: string[];
}

/** How a unit came to be active. */
interface Activation {
  disk: Disk;
  cutOff: boolean;
  /** Set up as active: it took over from nobody, and is no source. */
  isNew: boolean;
}

/** What a unit was doing when it became active. */
export interface Circumstances {
  forced: boolean;
  cutOff: boolean;
  /** It was made just now: it is active, but took over from nobody. */
  isNew: boolean;
}

/**
 * Sees every batch that becomes durable and every answer that somebody got, and says when a promise is broken.
 * It knows nothing of messages: only what lies on the disks counts.
 */
export class Ledger {
  private readonly heads = new Map<Disk, Head>();
  /** With what was pruned since: a commit counts for as long as there is a pair. */
  private readonly histories = new Map<Disk, Revision[]>();
  /** Every header that was ever written to a disk. */
  private readonly everWritten = new Map<Disk, Revision[]>();
  /** Digest → digests of all states that led to it. */
  private readonly led = new Map<string, Set<string>>([[EMPTY_DIGEST, new Set([EMPTY_DIGEST])]]);
  /** Digest → epochs in which an active unit held it. */
  private readonly heldByActive = new Map<string, Set<number>>();
  private readonly activations = new Map<number, Activation[]>();
  /** Disks of units that were replaced: nothing that happens there counts for the pair. */
  private readonly retired = new Set<Disk>();
  private live: Commit[] = [];
  readonly broken: string[] = [];
  /** What was saved by hand and is not committed. */
  private readonly waiting = new Map<Disk, Set<string>>();
  /** What was saved by hand → the revision that took it. */
  private readonly takenWith = new Map<string, Revision>();
  commits = 0;
  updates = 0;
  replacements = 0;
  fallBacks = 0;
  /** How often old revisions were let go. */
  prunings = 0;
  /** Disks that fell back and were not made equal to another since. */
  private readonly fallen = new Set<Disk>();
  /** What a person decided against, beside a disk that had fallen back: it must be in a branch. */
  private left: string[] = [];
  private readonly circumstances: (disk: Disk) => Circumstances;

  constructor(circumstances: (disk: Disk) => Circumstances) {
    this.circumstances = circumstances;
  }

  headOf(disk: Disk): Head | undefined {
    return this.heads.get(disk);
  }

  async written(disk: Disk, batch: Batch): Promise<void> {
    if (batch.put.some(([key]) => key === keys.oldest)) await this.shortened(disk);
    const head = fromBytes<Head>(batch.put.find(([key]) => key === keys.head)?.[1]);
    if (head === undefined) return;
    const before = this.heads.get(disk);
    this.heads.set(disk, head);
    const header = fromBytes<Revision>(batch.put.find(([key]) => key.startsWith('r '))?.[1]);
    if (header !== undefined) await this.revised(disk, header);
    if (header?.kind === 'file') await this.taken(disk, header.revision);
    if (header?.kind === 'update' && touchesOwnHalves(batch))
      this.breaks(`an update changed what belongs to ${disk.name} alone`);
    this.epochKept(disk, before, head);
    if (this.retired.has(disk)) return;
    this.roleTaken(disk, before, head);
    if (head.role !== 'active') return;
    const epochs = this.heldByActive.get(head.digest) ?? new Set();
    this.heldByActive.set(head.digest, epochs.add(head.epoch));
  }

  /** Somebody was told that this revision is done. */
  acknowledge(disk: Disk, revision: number, digest: string): void {
    const header = this.histories.get(disk)?.find(one => one.revision === revision);
    if (header === undefined || header.digest !== digest) {
      this.breaks(`revision ${revision} of ${disk.name} was acknowledged and is not in its history`);
      return;
    }
    this.commits++;
  }

  /** A unit was replaced: what it alone has is not expected any more, and must not come back. */
  retire(disk: Disk): void {
    this.replacements++;
    this.retired.add(disk);
    this.left = [];
    for (const all of this.activations.values()) {
      const at = all.findIndex(one => one.disk === disk);
      if (at >= 0) all.splice(at, 1);
    }
    const rest = this.members().map(([, { digest }]) => digest);
    this.live = this.live.filter(one => rest.some(digest => this.isIn(one, digest)));
  }

  /**
   * The disk shows an earlier state: what it lost counts on where another disk holds it. What nobody holds any more, nobody
   * can be asked for.
   */
  async fellBack(disk: Disk): Promise<Head> {
    const head = fromBytes<Head>(await disk.bytes.get(keys.head)) as Head;
    const before = this.histories.get(disk) ?? [];
    const history = this.withPruned(disk, await historyOn(disk));
    const isLost = (one: Commit): boolean => {
      const [was, is] = [before[one.revision - 1], history[one.revision - 1]];
      return (
        one.disk === disk && one.line === undefined && (was?.at !== is?.at || was?.digest !== is?.digest)
      );
    };
    const isHeld = (one: Commit): boolean =>
      this.members().some(([at, { digest }]) => this.isIn(one, digest) && this.cameTo(at, one));
    const held = this.live.filter(isHeld);
    const rest = this.live.filter(one => !held.includes(one));
    this.histories.set(disk, history);
    this.heads.set(disk, head);
    this.waitsAgain(disk, history);
    const line = (one: Commit): Commit =>
      isLost(one) ? { ...one, line: lostLine(before, one.revision) } : one;
    this.live = [...rest, ...held.map(line).filter(isHeld)];
    // An epoch that it has not seen it may take once more, where nobody is seen to tell it.
    for (const [epoch, all] of this.activations)
      if (epoch > head.epoch) for (const one of all) one.cutOff = true;
    this.fallBacks++;
    this.fallen.add(disk);
    this.left = [];
    return head;
  }

  /** By force, which may be an order of long ago that arrives late: what the unit alone holds is left behind, as a branch. */
  stoodDown(disk: Disk, digest: string): void {
    this.live = this.live.filter(one => one.disk !== disk || this.isIn(one, digest));
  }

  /** When everything has come to rest: on each disk, and all of them taken together. */
  async close(): Promise<void> {
    const heads = this.members().map(([, head]) => head);
    // In step, both hold the same. Else a person still decides, and each unit keeps what is its own.
    for (const one of this.live) {
      if (!heads.some(({ digest }) => this.isIn(one, digest)))
        this.breaks(`revision ${one.revision} of ${one.disk.name} is not in effect`);
    }
    for (const disk of this.heads.keys()) await this.readBack(disk);
  }

  /** The pair is in step: whatever was decided against beside a fall-back is in effect, or in a branch of both. */
  async closeInStep(): Promise<void> {
    for (const digest of this.left) {
      for (const [disk, head] of this.members()) {
        const branches: string[] = [];
        for await (const [, value] of disk.bytes.range(withPrefix('b ')))
          branches.push(fromBytes<{ digest: string }>(value)?.digest ?? '');
        if (![head.digest, ...branches].some(kept => this.led.get(kept)?.has(digest)))
          this.breaks(`what was decided against (${digest.slice(0, 8)}) is in no branch of ${disk.name}`);
      }
    }
  }

  /** Somebody saved a file with this text in it. */
  saved(disk: Disk, work: string): void {
    const waiting = this.waiting.get(disk) ?? new Set();
    this.waiting.set(disk, waiting.add(work));
  }

  /** What was taken from the files of a disk after the moment that it fell back to is to be taken once more. */
  private waitsAgain(disk: Disk, history: Revision[]): void {
    for (const name of disk.files?.names() ?? []) {
      const work = disk.files?.read(name)?.work;
      const taken = work === undefined ? undefined : this.takenWith.get(work);
      const isThere = history.some(one => one.revision === taken?.revision && one.digest === taken.digest);
      if (work !== undefined && !isThere) this.saved(disk, work);
    }
  }

  /** It was saved there, and is not committed. */
  waits(disk: Disk, work: string): boolean {
    return this.waiting.get(disk)?.has(work) === true;
  }

  /** What comes from files was saved by somebody, and comes once. */
  private async taken(disk: Disk, revision: number): Promise<void> {
    for (const { path, after } of await changesOn(disk, revision)) {
      const text = JSON.stringify(after);
      const work = [...(this.waiting.get(disk) ?? [])].find(one => text.includes(`"${one}"`));
      if (work === undefined)
        this.breaks(`${disk.name} committed a file of ${path} that nobody saved: ${text}`);
      else {
        this.waiting.get(disk)?.delete(work);
        this.takenWith.set(work, this.histories.get(disk)?.at(-1) as Revision);
      }
    }
  }

  /** Revisions go for good: what came after the last receipt must not be among them, nor what the unit holds. */
  private async shortened(disk: Disk): Promise<void> {
    const { revision, common, commonRevision } = this.heads.get(disk) as Head;
    const oldest = await oldestOn(disk);
    this.prunings++;
    if (oldest > revision) this.breaks(`${disk.name} keeps nothing of its history`);
    if (common !== '' && oldest > commonRevision)
      this.breaks(`${disk.name} does not keep what came after its last receipt (revision ${commonRevision})`);
  }

  /** The history of a disk that fell back, with what had been pruned from it. */
  private withPruned(disk: Disk, kept: Revision[]): Revision[] {
    const history = [...kept];
    const all = this.everWritten.get(disk) ?? [];
    for (let first = history[0]; first !== undefined && first.revision > 1; first = history[0]) {
      const { revision, parent } = first;
      const before = all.findLast(one => one.revision === revision - 1 && one.digest === parent);
      if (before === undefined) throw new Error(`${disk.name} never wrote revision ${revision - 1}`);
      history.unshift(before);
    }
    return history;
  }

  private members(): [Disk, Head][] {
    return [...this.heads].filter(([disk]) => !this.retired.has(disk));
  }

  breaks(promise: string): void {
    this.broken.push(promise);
  }

  private async revised(disk: Disk, header: Revision): Promise<void> {
    const history = this.histories.get(disk) ?? [];
    this.histories.set(disk, history);
    if (header.revision !== (history.at(-1)?.revision ?? 0) + 1)
      this.breaks(`${disk.name} wrote revision ${header.revision} out of order`);
    const before = history.at(-1)?.digest ?? EMPTY_DIGEST;
    if (header.parent !== before)
      this.breaks(`revision ${header.revision} of ${disk.name} has another parent`);
    history.push(header);
    const all = this.everWritten.get(disk) ?? [];
    this.everWritten.set(disk, all);
    all.push(header);
    if (header.kind !== 'update') {
      const led = this.led.get(header.digest) ?? new Set([header.digest]);
      for (const digest of this.led.get(header.parent) ?? []) led.add(digest);
      this.led.set(header.digest, led);
      // What was restored was old before: an update of the partner may take its place.
      // What a unit takes back by itself after its disk fell back is no change of anybody.
      const byItself = this.fallen.has(disk) && header.author === 'lockstep';
      const counts =
        !['init', 'restore'].includes(header.kind) && header.parent !== header.digest && !byItself;
      if (counts && !this.retired.has(disk)) this.live.push({ disk, revision: header.revision });
      return;
    }
    this.updates++;
    this.fallen.delete(disk);
    if (!this.heldByActive.get(header.digest)?.has(header.epoch))
      this.breaks(
        `${disk.name} took a state that no active unit held in that epoch (revision ${header.revision})`,
      );
    if ((await digestOf(disk)) !== header.digest)
      this.breaks(`${disk.name} does not hold what its digest says after an update`);
    if (!this.retired.has(disk)) this.nothingOverwritten(disk, before, header.digest);
  }

  private nothingOverwritten(disk: Disk, before: string, after: string): void {
    const others = this.members()
      .filter(([other]) => other !== disk)
      .map(([, { digest }]) => digest);
    for (const one of this.live) {
      if (this.isIn(one, before) && ![after, ...others].some(digest => this.isIn(one, digest)))
        this.breaks(`an update of ${disk.name} overwrote revision ${one.revision} of ${one.disk.name}`);
    }
  }

  private epochKept(disk: Disk, before: Head | undefined, head: Head): void {
    if (before !== undefined && head.epoch < before.epoch)
      this.breaks(`${disk.name} went back from epoch ${before.epoch} to ${head.epoch}`);
  }

  private roleTaken(disk: Disk, before: Head | undefined, head: Head): void {
    if (head.role !== 'active' || (before?.role === 'active' && before.epoch === head.epoch)) return;
    const { forced, cutOff: alone, isNew } = this.circumstances(disk);
    const cutOff = alone || isNew;
    const inEpoch = this.activations.get(head.epoch) ?? [];
    inEpoch.push({ disk, cutOff, isNew });
    this.activations.set(head.epoch, inEpoch);
    for (const other of inEpoch) {
      const rival = this.heads.get(other.disk);
      if (other.disk === disk || rival?.role !== 'active' || rival.epoch !== head.epoch) continue;
      if (!isNew && !other.isNew && (!cutOff || !other.cutOff))
        this.breaks(`${disk.name} and ${other.disk.name} are both active in epoch ${head.epoch}`);
    }
    if (!isNew) this.tookOver(disk, head, forced || cutOff);
  }

  /** What is left behind by force, or because nobody could be asked, is not expected any more. */
  private tookOver(disk: Disk, head: Head, mayLeaveBehind: boolean): void {
    const rivals = this.members()
      .filter(([other, { role }]) => other !== disk && role === 'active')
      .map(([, rival]) => rival);
    if (rivals.some(({ epoch }) => epoch > head.epoch)) return; // it was overtaken by a later takeover
    const left = this.live.filter(one => !this.isIn(one, head.digest));
    if (!mayLeaveBehind && left.length > 0)
      this.breaks(
        `${disk.name} took over in epoch ${head.epoch} without ` +
          left.map(one => `revision ${one.revision} of ${one.disk.name}`).join(', '),
      );
    if (this.circumstances(disk).forced && !this.circumstances(disk).cutOff && this.fallen.size > 0)
      this.left.push(...this.members().map(([, { digest }]) => digest));
    if (rivals.length > 0 && !this.circumstances(disk).forced) return; // it may still be decided for the other
    this.live = this.live.filter(one => !left.includes(one));
  }

  /** Of a commit that its own disk has lost: whether the history of another shows it, and not only a state like an earlier one. */
  private cameTo(disk: Disk, { line }: Commit): boolean {
    return line === undefined || (this.histories.get(disk) ?? []).some(({ digest }) => line.includes(digest));
  }

  /** Whether the state with `digest` came from one that held this commit. */
  private isIn({ disk, revision, line }: Commit, digest: string): boolean {
    const led = this.led.get(digest);
    const states = line ?? lineFrom(this.histories.get(disk) ?? [], revision);
    return led !== undefined && states.some(state => led.has(state));
  }

  private async readBack(disk: Disk): Promise<void> {
    const head = this.heads.get(disk) as Head;
    if ((await digestOf(disk)) !== head.digest)
      this.breaks(`${disk.name} does not hold what its digest says`);
    const fault = await faultOfHistory(disk, head);
    if (fault !== undefined) this.breaks(`the history of ${disk.name} ${fault}`);
  }
}

/** Nothing of what was undone on the disk itself before: that is in effect wherever the earlier state has been. */
function lostLine(history: Revision[], revision: number): string[] {
  const earlier = new Set(history.slice(0, revision - 1).map(({ digest }) => digest));
  const states = lineFrom(history, revision);
  return states.some(digest => earlier.has(digest)) ? [] : states;
}

/** The digests that stood on a disk from a revision on, until an update replaced them. */
function lineFrom(history: Revision[], revision: number): string[] {
  const states: string[] = [];
  for (const later of history.slice(revision - 1)) {
    if (later.revision > revision && later.kind === 'update') break;
    states.push(later.digest);
  }
  return states;
}

function touchesOwnHalves({ put, remove }: Batch): boolean {
  return [...put.map(([key]) => key), ...remove].some(key => key.startsWith('u '));
}
