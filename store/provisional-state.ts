import { randomUUID } from 'node:crypto';
import type { Catalog } from '../schema/catalog.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Head, Provisional } from './head.ts';
import type { StorePort } from './port.ts';
import {
  entriesOfUpdate,
  type Halves,
  nothingToConfirm,
  pairBefore,
  provisionalEntries,
  provisionalRemoval,
  waitsToBeConfirmed,
} from './provisional.ts';
import type { ProvisionalTerms, UpdateRequest } from './requests.ts';
import { type Beside, nothingBeside } from './revision-writer.ts';
import { assertShared } from './taken-records.ts';
import type { Transition } from './transition.ts';

/** What waits to be confirmed in the present state. */
export interface Waiting {
  revision: number;
  provisional: Provisional | undefined;
  /** What each shared half was before. */
  undo: Map<string, JsonObject | null>;
}

/** What a commit writes beside its revision; refused with `provisional` while another change waits to be confirmed. */
export async function provisionalBeside(
  port: StorePort,
  head: Head,
  transitions: Transition[],
  {
    provisional: terms,
    author,
    reason,
    at,
  }: { provisional?: ProvisionalTerms | undefined; author: string; reason: string; at: string },
): Promise<Beside> {
  const waiting = blocking(head);
  if (terms === undefined) {
    if (waiting === undefined) return nothingBeside;
    throw waitsToBeConfirmed(waiting);
  }
  const { pair, unit, ...entries } = await provisionalEntries(port, transitions);
  const provisional: Provisional = { id: waiting?.id ?? randomUUID(), author, reason, at, ...terms };
  return {
    ...entries,
    head: {
      provisional: pair || head.provisional !== undefined ? provisional : undefined,
      ownProvisional: unit || head.ownProvisional !== undefined ? provisional : undefined,
    },
  };
}

/** What waits here and is this unit's to settle. Throws `nothing-to-confirm`, or `not-active`. */
export function toSettle(head: Head): { waiting: Provisional; halves: Halves } {
  const { role, provisional, ownProvisional } = head;
  const waiting = blocking(head);
  if (waiting === undefined) throw nothingToConfirm(provisional);
  const pair = role === 'active' && provisional !== undefined;
  return { waiting, halves: { pair, unit: ownProvisional !== undefined } };
}

/** The same for a confirmation, which on a standby is the active unit's business. */
export function toConfirm(head: Head): ReturnType<typeof toSettle> {
  if (head.role === 'standby' && head.provisional !== undefined) throw nothingToConfirm(head.provisional);
  return toSettle(head);
}

/**
 * What the active unit says of changes that wait to be confirmed takes the place of what this unit knew.
 * Throws `unknown-path`, and `unit-scope`: what would be undone here is shared as well.
 */
export async function provisionalOfUpdate(
  catalog: Catalog,
  port: StorePort,
  head: Head,
  update: UpdateRequest,
): Promise<Beside> {
  const { provisional, confirmed, changes } = update;
  for (const { path, undo } of changes)
    if (undo !== undefined) assertShared(catalog.kindOf(path), path, undo);
  const kept = confirmed !== '' && head.ownProvisional?.id === confirmed;
  const taken = await entriesOfUpdate(port, provisional === undefined ? [] : changes);
  const own = kept ? await provisionalRemoval(port, { pair: false, unit: true }) : nothingBeside;
  return {
    put: taken.put,
    remove: [...taken.remove, ...own.remove],
    head: { provisional, ...(kept ? { ownProvisional: undefined } : {}) },
  };
}

export async function waitingNow(port: StorePort, { revision, provisional }: Head): Promise<Waiting> {
  const undo = new Map<string, JsonObject | null>();
  if (provisional !== undefined) for await (const [path, half] of pairBefore(port)) undo.set(path, half);
  return { revision, provisional, undo };
}

/** Facts of the head once these halves wait no more. */
export function settledHead({ pair, unit }: Halves): Partial<Head> {
  return {
    ...(pair ? { provisional: undefined } : {}),
    ...(unit ? { ownProvisional: undefined } : {}),
  };
}

function blocking({ role, provisional, ownProvisional }: Head): Provisional | undefined {
  return (role === 'active' ? provisional : undefined) ?? ownProvisional;
}
