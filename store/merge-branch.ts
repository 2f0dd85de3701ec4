import { pauses } from '../host/event-loop.ts';
import type { JsonObject } from '../schema/json.ts';
import { parentPath } from '../schema/path.ts';
import type { Branch, BranchChange } from './branch.ts';
import { type Merged, merge } from './merge.ts';
import { assertExpected, besideOf, propose, type StoreParts } from './propose.ts';
import type { MergeRequest, MergeResult } from './requests.ts';
import { resolveChanges } from './resolve-changes.ts';
import type { RecordReader } from './view.ts';

/** Lays a branch over what stands now, in the store's turn. Throws `no-such-branch`, and what propose throws. */
export async function mergeBranch(parts: StoreParts, request: MergeRequest): Promise<MergeResult> {
  const { options, records, writer, branches } = parts;
  const { author, reason, guard, dryRun } = request;
  assertExpected(writer.head, request.expected);
  const branch = branches.require(request.branch);
  const { changes, conflicts } = request.none
    ? { changes: [], conflicts: [] }
    : await mergeWithStore(parts, branch, request);
  const merged = (revision: number) => ({ revision, at: options.now().toISOString(), author });
  const result = await propose(parts, {
    transitions: () => resolveChanges(options.catalog, records, changes),
    guard,
    onStandby: 'nothing',
    isUndecided: conflicts.length > 0,
    judged: 'held',
    dryRun,
    why: () => ({
      kind: 'merge',
      author,
      reason,
      merges: { branch: branch.name, unit: branch.unit, parent: branch.digest },
    }),
    beside: async transitions => {
      const closed = { ...branch, merged: merged(writer.head.revision + 1) };
      const { put, remove } = await branches.closing(closed);
      const beside = await besideOf(parts, transitions, request);
      return { ...beside, put: [...put, ...beside.put], remove, done: () => branches.note(closed) };
    },
    // Everything in it came some other way: there is nothing to commit, and nothing left to merge.
    unchanged: () => branches.close(branch, merged(writer.head.revision)),
  });
  return { ...result, conflicts };
}

/** Reads what a merge looks at, and merges. */
async function mergeWithStore(
  { options: { catalog }, records, branches }: StoreParts,
  branch: Branch,
  { choose }: MergeRequest,
): Promise<Merged> {
  const parent = (path: string): string | undefined => parentPath(catalog.kindOf(path), path);
  const changes: BranchChange[] = [];
  const ours = new Map<string, JsonObject | undefined>();
  const below = new Map<string, string[]>();
  const rest = pauses();
  const read = async (path: string | undefined): Promise<void> => {
    if (path !== undefined && !ours.has(path)) ours.set(path, (await records.split(path)).pair);
  };
  for await (const change of branches.changes(branch.name)) {
    await rest();
    changes.push(change);
    await read(change.path);
    await read(parent(change.path));
    if (change.theirs === null) below.set(change.path, await pathsBelow(records, change.path));
  }
  return merge({
    changes,
    choose,
    parent,
    ours: path => ours.get(path),
    below: path => below.get(path) ?? [],
  });
}

async function pathsBelow(records: RecordReader, path: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const below of records.pathsWith(`${path}/`)) paths.push(below);
  return paths;
}
