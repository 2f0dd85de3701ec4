/** Where the history that is kept begins; what is older is not there for anybody, whatever of it still lies on the disk. */
import { damagedStore, parseStored } from './damage.ts';
import { keys } from './keys.ts';
import type { Entry, Reader } from './port.ts';
import { historyPruned } from './refusals.ts';

interface Oldest {
  revision: number;
}

/** The oldest revision that is kept; 0: all are, and so is the empty state before the first. */
export async function oldestRevision(reader: Reader): Promise<number> {
  const stored = await reader.get(keys.oldest);
  if (stored === undefined) return 0;
  const { revision } = parseStored<Oldest>(stored, 'oldest revision');
  if (Number.isSafeInteger(revision) && revision > 0) return revision;
  throw damagedStore({ path: 'oldest revision', reason: 'is no number' });
}

/** What is written to keep nothing older than `revision`. */
export function oldestEntry(revision: number): Entry {
  return [keys.oldest, Buffer.from(JSON.stringify({ revision } satisfies Oldest))];
}

/** Throws `history-pruned` for a state that older revisions would have to tell. */
export async function assertKept(reader: Reader, revision: number): Promise<void> {
  const oldest = await oldestRevision(reader);
  if (revision < oldest) throw historyPruned(revision, oldest);
}
