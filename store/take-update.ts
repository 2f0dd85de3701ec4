import { partedSince } from './branch.ts';
import { keeping } from './branch-registry.ts';
import { type Head, newStoreId, type Witness } from './head.ts';
import { type Proposal, propose, type StoreParts } from './propose.ts';
import { provisionalOfUpdate } from './provisional-state.ts';
import { baseDiffers, digestDiffers } from './refusals.ts';
import type { TrialUpdate, UpdateRequest } from './requests.ts';
import { type Beside, nothingBeside } from './revision-writer.ts';
import { assertMayTake, assertNotOlder, takenTransitions } from './taken-records.ts';
import { digestAt, isOlderThan, withWitness, witnessedIn } from './witness.ts';

export interface Taken {
  result: 'applied' | 'already-applied';
  digest: string;
  revision: number;
}

/**
 * Takes an update from the active unit, in the store's turn: all of it, or nothing.
 * Throws `not-standby`, `stale-epoch`, `fallen-back`, `base-differs`, `unit-scope`, `digest-differs`, and what propose throws.
 */
export async function takeUpdate(parts: StoreParts, update: UpdateRequest): Promise<Taken> {
  const { options, writer } = parts;
  const { head } = writer;
  const { target, epoch, from } = update;
  assertMayTake(update, head);
  assertNotOlder(update, head);
  const waiting = await provisionalOfUpdate(options.catalog, options.port, head, update);
  const older = await isOlderThanSeen(parts, update.source?.seen);
  const facts = { ...waiting.head, ...factsAfter(head, update, older) };
  if (head.digest === target) {
    const confirmed = { epoch, common: target, commonRevision: head.revision, unconfirmed: undefined };
    await keepFacts(parts, { ...head, ...facts, ...confirmed }, waiting);
    return { result: 'already-applied', digest: target, revision: head.revision };
  }
  const { digest, revision } = await propose(parts, {
    ...proposalOf(parts, update),
    why: ({ length }) => ({
      kind: 'update',
      author: from,
      reason: `update of ${length} records from ${from}${older ? fellBackWords(head) : ''}`,
      brought: update.brought,
      epoch,
    }),
    beside: async () => {
      const to = { unit: update.to, at: options.now().toISOString(), source: update.source?.store };
      const parted = await partedSince(options.port, head, update.common, to);
      const kept = parted === undefined ? nothingBeside : keeping(parted.branch, parted.changes);
      return {
        target,
        head: facts,
        put: [...kept.put, ...waiting.put],
        remove: [...kept.remove, ...waiting.remove],
        done: () => parted !== undefined && parts.branches.note(parted.branch),
      };
    },
    unchanged: async () => {
      throw digestDiffers(head.digest, target);
    },
  });
  return { result: 'applied', digest, revision };
}

/** Throws what takeUpdate throws, and writes nothing. */
export async function tryUpdate(parts: StoreParts, trial: TrialUpdate): Promise<void> {
  assertMayTake(trial, parts.writer.head);
  const why = { kind: 'update' as const, author: trial.from, reason: '' };
  await propose(parts, { ...proposalOf(parts, trial), why: () => why, dryRun: true });
}

/** Throws `base-differs`. */
function proposalOf({ options, records, writer }: StoreParts, update: TrialUpdate): Omit<Proposal, 'why'> {
  const { head } = writer;
  if (update.base !== head.digest) throw baseDiffers(update, head);
  return {
    transitions: () => takenTransitions(options.catalog, records, update.changes, head.records),
    onStandby: 'all',
    judged: 'held',
  };
}

async function keepFacts({ writer }: StoreParts, head: Head, { put, remove }: Beside): Promise<void> {
  const changed = put.length + remove.length > 0 || JSON.stringify(head) !== JSON.stringify(writer.head);
  if (changed) await writer.writeHead(head, { put, remove });
}

/** With an update a store that fell back is mended: it is another one from then on, of which nothing was seen. */
function factsAfter(head: Head, update: UpdateRequest, older: boolean): Partial<Head> {
  const mended = older ? { store: newStoreId(), fellBack: undefined } : {};
  return { ...seeing(head, witnessedIn(update)), ...mended };
}

export function seeing(head: Head, seen: Witness | undefined): Partial<Head> {
  return seen === undefined ? {} : { witnessed: withWitness(head.witnessed, seen) };
}

async function isOlderThanSeen(
  { options: { port }, writer: { head } }: StoreParts,
  seen: Witness | undefined,
): Promise<boolean> {
  if (seen === undefined || seen.store !== head.store) return head.fellBack !== undefined;
  return isOlderThan(seen, head, await digestAt(port, head, seen.revision));
}

function fellBackWords({ revision, fellBack }: Head): string {
  return `, after the disk of this unit fell back to revision ${fellBack?.revision ?? revision}`;
}
