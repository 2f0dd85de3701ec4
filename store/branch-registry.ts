import { LockstepError } from '../schema/error.ts';
import type { Branch, BranchChange } from './branch.ts';
import { keys } from './keys.ts';
import { type Batch, type Entry, type StorePort, withPrefix } from './port.ts';
import { fromBytes, toBytes } from './revision.ts';

/** Most branches that one greeting names. */
export const MAX_NAMED = 20;

type Entries = Pick<Batch, 'put' | 'remove'>;

/** What anybody may ask of it; what is written goes through the store, in its turn. */
export type Branches = Pick<BranchRegistry, 'all' | 'has' | 'open' | 'require' | 'changes'>;

/** The branches that a unit keeps: its own, and copies of its partner's. Whoever writes is in the store's turn. */
export class BranchRegistry {
  private readonly port: StorePort;
  private readonly headers = new Map<string, Branch>();

  private constructor(port: StorePort) {
    this.port = port;
  }

  static async open(port: StorePort): Promise<BranchRegistry> {
    const registry = new BranchRegistry(port);
    for await (const [, value] of port.range(withPrefix(keys.branch(''))))
      registry.note(fromBytes<Branch>(value) as Branch);
    return registry;
  }

  /** Newest first, merged ones too. */
  all(): Branch[] {
    return [...this.headers.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  }

  /** Also one that was merged. */
  has(name: string): boolean {
    return this.headers.has(name);
  }

  /** Names of those that wait to be merged: the newest 20. */
  open(): string[] {
    return this.all()
      .filter(({ merged }) => merged === undefined)
      .map(({ name }) => name)
      .slice(0, MAX_NAMED);
  }

  /** One that waits to be merged. Throws `no-such-branch`. */
  require(name: string): Branch {
    const branch = this.headers.get(name);
    if (branch !== undefined && branch.merged === undefined) return branch;
    const message =
      branch?.merged === undefined
        ? `There is no branch ${name}.`
        : `The branch ${name} was merged already, in revision ${branch.merged.revision}.`;
    throw new LockstepError('no-such-branch', message, { hint: 'lockstep branches lists them.' });
  }

  /** Changes from number `from` on. */
  async *changes(name: string, from = 0): AsyncIterable<BranchChange> {
    const { to } = withPrefix(keys.branchChanges(name));
    for await (const [, value] of this.port.range({ from: keys.branchChange(name, from), to }))
      yield fromBytes<BranchChange>(value) as BranchChange;
  }

  /** Keep a copy of a branch of the partner; of a merged one, its header. One that is kept already stays as it is. */
  async keep(branch: Branch, changes: BranchChange[]): Promise<void> {
    if (this.has(branch.name)) return;
    const kept = branch.merged === undefined ? changes : [];
    await this.port.batch({ expect: [], ...keeping(branch, kept) });
    this.note(branch);
  }

  async close(branch: Branch, merged: NonNullable<Branch['merged']>): Promise<void> {
    const closed = { ...branch, merged };
    await this.port.batch({ expect: [], ...(await this.closing(closed)) });
    this.note(closed);
  }

  /** What is written when `merged` was merged: its header stays, its changes go. */
  async closing(merged: Branch): Promise<Entries> {
    const remove: string[] = [];
    for await (const [key] of this.port.range(withPrefix(keys.branchChanges(merged.name)))) remove.push(key);
    return { put: [[keys.branch(merged.name), toBytes(merged)]], remove };
  }

  /** The header was written with something else. */
  note(branch: Branch): void {
    this.headers.set(branch.name, branch);
  }
}

export function keeping(branch: Branch, changes: BranchChange[]): Entries {
  const put: Entry[] = changes.map((change, index) => [
    keys.branchChange(branch.name, index),
    toBytes(change),
  ]);
  return { put: [[keys.branch(branch.name), toBytes(branch)], ...put], remove: [] };
}
