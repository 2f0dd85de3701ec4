/**
 * What one side changed while the pair was divided, kept when that side was made equal to the other
 * (docs/DOMAIN.md, Branches).
 */
import type { JsonObject } from '../schema/json.ts';
import { parseStored } from './damage.ts';
import type { Head } from './head.ts';
import { foldChanges, readHistory, revisionWithDigest } from './history.ts';
import { keys } from './keys.ts';
import { oldestRevision } from './oldest.ts';
import { type Reader, withPrefix } from './port.ts';
import { type BroughtRevision, brought, readRevision } from './revision.ts';
import { touchesPair } from './transition.ts';

export interface Branch {
  name: string;
  /** Name of the unit on which the changes were made. */
  unit: string;
  /** ISO 8601: when the unit was made equal to its partner. */
  at: string;
  /** Digest from which both sides went their ways, and the one that the branch ended with. */
  base: string;
  digest: string;
  /** Records that the branch changed. */
  records: number;
  /** Newest first, at most 100. */
  revisions: BroughtRevision[];
  /** The revision that merged it; a merged branch keeps its header only. */
  merged?: { revision: number; at: string; author: string };
}

/** The shared half of one record, where both sides parted and where the branch ended; null: not there. */
export interface BranchChange {
  path: string;
  base: JsonObject | null;
  theirs: JsonObject | null;
}

const MAX_REVISIONS = 100;

/**
 * What was changed here since both units were known to be equal; undefined when nothing was. `confirmed`: the digest in the
 * last receipt that the partner gave, which may never have come here. `source`: id of the store that the update comes from.
 */
export async function partedSince(
  reader: Reader,
  head: Pick<Head, 'revision' | 'digest' | 'commonRevision' | 'witnessed' | 'fellBack'>,
  confirmed: string,
  { unit, at, source = '' }: { unit: string; at: string; source?: string | undefined },
): Promise<{ branch: Branch; changes: BranchChange[] } | undefined> {
  if (head.digest === confirmed) return undefined;
  const from = Math.max(
    await revisionOfInit(reader),
    isOfAnother(head, source) ? 0 : head.commonRevision,
    head.fellBack?.revision ?? 0,
    (await revisionWithDigest(reader, confirmed)) ?? 0,
  );
  const changes =
    from < (await oldestRevision(reader))
      ? await everything(reader)
      : [...(await foldChanges(reader, from, head.revision)).values()]
          .filter(touchesPair)
          .map(({ path, before, after }) => ({
            path,
            base: before.pair ?? null,
            theirs: after.pair ?? null,
          }));
  if (changes.length === 0) return undefined;
  const branch: Branch = {
    name: `r${head.revision}-${head.digest.slice(0, 8)}`,
    unit,
    at,
    base: (await readRevision(reader, from))?.digest ?? '',
    digest: head.digest,
    records: changes.length,
    revisions: await latestRevisions(reader, from),
  };
  return { branch, changes };
}

/** Where the history does not reach back to where both sides parted: nothing of it may be left out, so a merge asks more. */
async function everything(reader: Reader): Promise<BranchChange[]> {
  const changes: BranchChange[] = [];
  for await (const [key, value] of reader.range(withPrefix(keys.pair('')))) {
    const path = key.slice(keys.pair('').length);
    changes.push({ path, base: null, theirs: parseStored<JsonObject>(value, path) });
  }
  return changes;
}

/** The last receipt was exchanged with another store than the sender's, which need not hold what that one held. */
function isOfAnother({ witnessed }: Pick<Head, 'witnessed'>, source: string): boolean {
  const last = witnessed?.[0]?.store ?? '';
  return last !== '' && source !== '' && last !== source;
}

/** What init made is no change of anybody. */
export async function revisionOfInit(reader: Reader): Promise<number> {
  return (await readRevision(reader, 1))?.kind === 'init' ? 1 : 0;
}

async function latestRevisions(reader: Reader, after: number): Promise<BroughtRevision[]> {
  const latest: BroughtRevision[] = [];
  for await (const revision of readHistory(reader, '')) {
    if (revision.revision <= after || latest.length >= MAX_REVISIONS) break;
    if (revision.pairRecords > 0) latest.push(brought(revision));
  }
  return latest;
}
