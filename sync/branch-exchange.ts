import { asLockstepError, type LockstepError, LockstepError as Refusal } from '../schema/error.ts';
import type { Branch, BranchChange } from '../store/branch.ts';
import type { Branches } from '../store/branch-registry.ts';
import type { Store } from '../store/store.ts';
import type { Hello, Reply } from './message.ts';
import type { Requests } from './requests.ts';

/** Bytes of changes in one part of a branch. */
const PART_BYTES = 512 * 1024;
/** Largest change that goes with both its sides; a frame holds 8 MiB. */
const LARGEST_CHANGE_BYTES = 7 * 1024 * 1024;

/**
 * What is to be done about the branches that the partner keeps: those that are unknown here are copied, so that they outlive
 * the partner's disk and can be merged on either unit; those that were merged here are closed there, once the partner holds the
 * merge too (`inStep`): until then its copy may be the only one that outlives this unit.
 */
export function branchWork(
  ours: Branch[],
  theirs: string[],
  inStep: boolean,
): { copy: string[]; close: Branch[] } {
  const known = new Map(ours.map(branch => [branch.name, branch]));
  return {
    copy: theirs.filter(name => !known.has(name)),
    close: theirs
      .flatMap(name => known.get(name) ?? [])
      .filter(branch => inStep && branch.merged !== undefined),
  };
}

/** Does the work after a greeting, one at a time; what fails is done after a later one. */
export class BranchExchange {
  private readonly store: Store;
  private readonly onTrouble: (error: LockstepError) => void;
  private running = false;

  constructor(store: Store, onTrouble: (error: LockstepError) => void) {
    this.store = store;
    this.onTrouble = onTrouble;
  }

  async greeted(requests: Requests, { branches: theirs, digest }: Hello): Promise<void> {
    if (this.running || theirs.length === 0) return;
    this.running = true;
    try {
      const { copy, close } = branchWork(
        this.store.branches.all(),
        theirs,
        digest === this.store.head.digest,
      );
      for (const name of copy) await this.copy(requests, name);
      for (const { name, merged } of close)
        if (merged !== undefined)
          await requests.ask(
            id => ({ type: 'branch-merged', id, name, ...merged, author: merged.author.slice(0, 200) }),
            'branch-closed',
          );
    } catch (error) {
      this.onTrouble(asLockstepError(error));
    } finally {
      this.running = false;
    }
  }

  private async copy(requests: Requests, name: string): Promise<void> {
    const changes: BranchChange[] = [];
    for (;;) {
      const from = changes.length;
      const part = await requests.ask(id => ({ type: 'branch', id, name, from }), 'branch-part');
      changes.push(...part.changes);
      if (part.changes.length === 0 || changes.length > part.branch.records)
        throw new Refusal('bad-message', `The branch ${name} of the partner is not what its header says.`);
      if (part.last) return this.store.keepBranch({ ...part.branch, name }, changes);
    }
  }
}

/** Answers a request for one part of a branch. Throws `no-such-branch`. */
export async function branchPart(
  shelf: Branches,
  name: string,
  from: number,
): Promise<Pick<Extract<Reply, { type: 'branch-part' }>, 'branch' | 'changes' | 'last'>> {
  const branch = shelf.require(name);
  const changes: BranchChange[] = [];
  let bytes = 0;
  for await (const change of shelf.changes(name, from)) {
    const length = Buffer.byteLength(JSON.stringify(change));
    if (changes.length > 0 && bytes + length > PART_BYTES) return { branch, changes, last: false };
    // Without where it came from, a merge asks the operator instead of deciding by itself.
    changes.push(length > LARGEST_CHANGE_BYTES ? { ...change, base: null } : change);
    bytes += length;
  }
  return { branch, changes, last: true };
}
