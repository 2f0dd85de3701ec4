import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { JsonObject } from '../schema/json.ts';
import { parentPath } from '../schema/path.ts';
import type { Branch, BranchChange } from './branch.ts';
import type { Branches } from './branch-registry.ts';
import { type Merged, merge, type Side } from './merge.ts';
import type { RecordReader } from './view.ts';

/** Reads what a merge looks at, and merges. */
export async function mergeBranch(
  catalog: Catalog,
  records: RecordReader,
  shelf: Branches,
  branch: Branch,
  choose: (place: string) => Side | undefined,
): Promise<Merged> {
  const parent = (path: string): string | undefined => parentPath(catalog.kindOf(path), path);
  const changes: BranchChange[] = [];
  const ours = new Map<string, JsonObject | undefined>();
  const below = new Map<string, string[]>();
  const rest = pauses();
  const read = async (path: string | undefined): Promise<void> => {
    if (path !== undefined && !ours.has(path)) ours.set(path, (await records.split(path)).pair);
  };
  for await (const change of shelf.changes(branch.name)) {
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
