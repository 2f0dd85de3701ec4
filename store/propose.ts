import { pauses } from '../host/event-loop.ts';
import type { Problem } from '../schema/error.ts';
import type { Judged } from '../schema/tightened.ts';
import type { BranchRegistry } from './branch-registry.ts';
import { broughtWarnings, findProblems, refusal } from './check.ts';
import type { Head } from './head.ts';
import { assertRevision, foldChanges } from './history.ts';
import { provisionalRemoval, undoing } from './provisional.ts';
import { provisionalBeside, settledHead, toSettle } from './provisional-state.ts';
import { conflict, notActive } from './refusals.ts';
import type { CommitRequest, CommitResult, Guard } from './requests.ts';
import { resolveChanges } from './resolve-changes.ts';
import {
  type Beside,
  nothingBeside,
  type RevisionWriter,
  type StoreOptions,
  type Why,
} from './revision-writer.ts';
import { type Change, hasEffect, type Transition, touchesPair } from './transition.ts';
import { FutureView, type RecordReader } from './view.ts';

/** What every act of a store works with. */
export interface StoreParts {
  options: StoreOptions;
  records: RecordReader;
  writer: RevisionWriter;
  branches: BranchRegistry;
}

/** What is to become one revision, and what it takes. */
export interface Proposal {
  /** Refused with `conflict` when the configuration is no longer at this revision. */
  expected?: number | undefined;
  /** What it does to records, as they stand when its turn comes. */
  transitions(): Promise<Transition[]>;
  guard?: Guard | undefined;
  /** What it may change on a standby. */
  onStandby: 'nothing' | 'own' | 'all';
  judged: Judged;
  /** Somebody has to decide first: nothing is judged or written. */
  isUndecided?: boolean;
  /** Judge and tell, but write nothing. */
  dryRun?: boolean | undefined;
  why(transitions: Transition[]): Why;
  /** Asked for once everything is judged. */
  beside?(transitions: Transition[]): Promise<Beside>;
  /** In place of the revision where no record changes. */
  unchanged?(): Promise<void>;
}

/**
 * The one way to a revision; to be called in the store's turn. Resolves when it is durable.
 * Throws what `transitions` and `guard` throw, `conflict`, `not-active`, `disk`, and what broken rules are refused with.
 */
export async function propose({ options, writer }: StoreParts, proposal: Proposal): Promise<CommitResult> {
  const { onStandby, judged, dryRun } = proposal;
  assertExpected(writer.head, proposal.expected);
  const transitions = await proposal.transitions();
  proposal.guard?.(transitions);
  const isClosed = onStandby === 'nothing' || (onStandby === 'own' && transitions.some(touchesPair));
  if (writer.head.role === 'standby' && isClosed) throw notActive(transitions);
  if (proposal.isUndecided) return resultOf(writer.head, transitions, []);
  const warnings = await judge(options, transitions, judged);
  if (dryRun) return resultOf(writer.head, transitions, warnings);
  if (transitions.length === 0) await proposal.unchanged?.();
  else {
    const beside = (await proposal.beside?.(transitions)) ?? nothingBeside;
    await writer.write(transitions, proposal.why(transitions), beside);
  }
  return resultOf(writer.head, transitions, warnings);
}

/** Throws `conflict` when the configuration is no longer at the revision that somebody looked at. */
export function assertExpected(head: Head, expected: number | undefined): void {
  if (expected !== undefined && expected !== head.revision) throw conflict(expected, head);
}

/** Resolves to what the rules warn of in what is new. */
async function judge(options: StoreOptions, transitions: Transition[], judged: Judged): Promise<Problem[]> {
  const { catalog, port, rules } = options;
  const view = new FutureView(catalog, port, transitions);
  const problems = await findProblems(catalog, view, port, transitions, rules, judged);
  if (problems.length > 0) throw refusal(problems);
  return judged === 'held' ? [] : broughtWarnings(view, transitions, rules);
}

function resultOf({ revision, digest }: Head, transitions: Transition[], warnings: Problem[]): CommitResult {
  const changes = transitions.map(({ path, before, after }) => ({ path, before, after }));
  return { revision, digest, warnings, changes };
}

export function committing(parts: StoreParts, request: CommitRequest): Proposal {
  const { options, records } = parts;
  const { changes, kind, author, reason, expected, guard, dryRun } = request;
  const restored = kind === 'restore' && request.unconfirmed === true;
  const { catalog, port, rules } = options;
  const resolved = (given: Change[]) => resolveChanges(catalog, records, given);
  const problemsOf = async (given: Change[]): Promise<Problem[]> => {
    const transitions = await resolved(given);
    const view = new FutureView(catalog, port, transitions);
    return findProblems(catalog, view, port, transitions, rules, 'new');
  };
  return {
    expected,
    transitions: async () => resolved(Array.isArray(changes) ? changes : await changes(records, problemsOf)),
    guard,
    onStandby: kind === 'init' || restored ? 'all' : 'own',
    judged: kind === 'restore' ? 'held' : 'new',
    dryRun,
    why: () => ({ kind, author, reason }),
    beside: async transitions => {
      const beside = await besideOf(parts, transitions, request);
      if (!restored) return beside;
      const unconfirmed = { since: options.now().toISOString(), by: author, why: reason };
      return { ...beside, head: { ...beside.head, unconfirmed } };
    },
  };
}

export type RollbackRequest = Pick<
  CommitRequest,
  'author' | 'reason' | 'dryRun' | 'provisional' | 'expected' | 'guard'
>;

/** Makes the configuration what it was at `revision`. */
export function rollingBack(parts: StoreParts, revision: number, request: RollbackRequest): Proposal {
  const { author, reason, ...asked } = request;
  return {
    ...asked,
    transitions: () => transitionsBackTo(parts, revision),
    onStandby: 'own',
    judged: 'held',
    why: () => ({ kind: 'rollback', author, reason }),
    beside: transitions => besideOf(parts, transitions, request),
  };
}

async function transitionsBackTo(parts: StoreParts, revision: number): Promise<Transition[]> {
  const { options, records, writer } = parts;
  await assertRevision(options.port, writer.head, revision);
  const folded = await foldChanges(options.port, revision, writer.head.revision);
  const transitions: Transition[] = [];
  const rest = pauses();
  for (const { path, before } of folded.values()) {
    await rest();
    const kind = options.catalog.kindOf(path);
    const transition = { path, kind, before: await records.split(path, kind), after: before };
    if (hasEffect(transition)) transitions.push(transition);
  }
  return transitions;
}

/** Makes undone what was not confirmed. Throws `nothing-to-confirm`. */
export function undoingProvisional(
  { options: { catalog, port }, records, writer }: StoreParts,
  author: string,
  because: string,
  guard?: Guard,
): Proposal {
  const { waiting, halves } = toSettle(writer.head);
  const head = settledHead(halves);
  const removal = () => provisionalRemoval(port, halves);
  return {
    transitions: () => undoing(catalog, port, records, halves),
    guard,
    onStandby: 'all',
    judged: 'held',
    why: () => ({ kind: 'rollback', author, reason: `${because}: ${waiting.reason}` }),
    beside: async () => ({ ...(await removal()), head }),
    unchanged: async () => writer.writeHead({ ...writer.head, ...head }, await removal()),
  };
}

/** What a change of the configuration writes beside its revision. */
export function besideOf(
  { options: { port, now }, writer }: StoreParts,
  transitions: Transition[],
  { provisional, author, reason }: Pick<CommitRequest, 'provisional' | 'author' | 'reason'>,
): Promise<Beside> {
  return provisionalBeside(port, writer.head, transitions, {
    provisional,
    author,
    reason,
    at: now().toISOString(),
  });
}
