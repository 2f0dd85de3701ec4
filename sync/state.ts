import type { ErrorBody, LockstepError } from '../schema/error.ts';
import type { Witness } from '../store/head.ts';
import type { Head } from '../store/store.ts';
import type { Difference, NodePair } from '../store/tree-walk.ts';
import type { Evidence, HistoryAnswer } from './fall-back.ts';
import type { Hello } from './message.ts';
import type { Pause } from './pause.ts';

/**
 * What a unit knows of its partner and does about it: `step(state, event)` gives the next state and the effects
 * to carry out. No clock, socket or store in here; sync/README.md draws the states.
 */
export interface SyncState {
  own: OwnFacts;
  link: 'down' | 'greeting' | 'up';
  /** Why the link is down. */
  downBecause: string;
  /** What the last attempt to reach the partner was refused with, where it was refused rather than failed. */
  downRefusal: ErrorBody | undefined;
  /** The last that was heard of the partner; kept when the link goes down. */
  partner: Hello | undefined;
  work: Work;
  /** Forced updates that wait for the next run. */
  waiting: Ticket[];
  /** The partner wants to take over; answered when the last update is in. */
  stepDown: StepDown | undefined;
  /** Why the last update did not get in; kept until one does. */
  refusal: ErrorBody | undefined;
  /** What the last update left out; while both units hold the same as then, there is nothing more to send. */
  held: Held | undefined;
  /** The partner has seen more of this store than it holds: known from the first greeting that says so until it is mended. */
  fallen: Evidence | undefined;
  /** The partner keeps a branch that is not copied yet: only then is all that it held here. */
  copying: boolean;
  run: number;
}

/** Records whose kinds the partner describes differently: they wait until both units run one release. */
export interface HeldBack {
  records: number;
  /** The first 20. */
  paths: string[];
}

export interface Held extends HeldBack {
  own: string;
  partner: string;
  partnerSchema: string;
}

export interface OwnFacts extends Omit<Hello, 'clock' | 'paused' | 'branches' | 'heldBack' | 'pacified'> {
  /** Send an update on every commit instead of waiting for the interval. */
  everyCommit: boolean;
  pause: Pause | undefined;
  /** Digest that an old release confirmed, and that somebody decided against. */
  overruled?: string | undefined;
}

/** What the head of the store says for a greeting. */
export function factsOf(head: Head): Pick<OwnFacts, FactOfHead> {
  const { role, epoch, revision, digest, common, provisional, unconfirmed, store, witnessed, overruled } =
    head;
  const { fellBack } = head;
  return {
    role,
    epoch,
    revision,
    digest,
    common,
    established: common !== '',
    provisional: provisional?.id ?? '',
    unconfirmed: unconfirmed !== undefined,
    store,
    witnessed: witnessed ?? [],
    fellBack: fellBack && {
      revision: fellBack.revision,
      from: fellBack.from,
      at: fellBack.at,
      own: fellBack.digest !== digest,
    },
    overruled,
  };
}

type FactOfHead =
  | ('role' | 'epoch' | 'revision' | 'digest' | 'common' | 'established' | 'provisional' | 'unconfirmed')
  | ('store' | 'witnessed' | 'fellBack' | 'overruled');

/** What a unit says of itself. */
export function greetingOf(
  { everyCommit: _every, pause, overruled: _decided, ...facts }: OwnFacts,
  clock: number,
  { branches = [], heldBack: held = 0 }: Partial<Pick<Hello, 'branches' | 'heldBack'>> = {},
): Hello {
  return { ...facts, paused: pause !== undefined, clock, branches, heldBack: held };
}

/** Names one request of the outside, so that its answer finds the way back. */
export type Ticket = number;

export interface StepDown {
  ticket: Ticket;
  epoch: number;
  force: boolean;
}

export type Work =
  | { step: 'idle' }
  /** Finding out what the partner lacks. `walk`: the second attempt, by the digest tree whatever the history says. */
  | {
      step: 'preparing' | 'comparing' | 'sending';
      serving: Ticket[];
      walk: boolean;
      /** What the partner held when the run began; it may say already what the update made of that. */
      base: string;
      target: string;
      revision: number;
      /** What this unit holds, when some of it is held back. */
      held?: (HeldBack & { own: string }) | undefined;
    }
  | { step: 'taking-over'; ticket: Ticket; epoch: number; force: boolean };

export type SyncEvent =
  | { type: 'linked' }
  | { type: 'unlinked'; reason: string; refusal?: ErrorBody }
  /** The partner said who it is, on either connection. `greeting`: on ours, so the link is usable. */
  /** `history`: what the own history says to it, where that was asked; `unknown`: it keeps branches that are not kept here. */
  | { type: 'heard'; hello: Hello; greeting: boolean; history?: HistoryAnswer | undefined; unknown?: boolean }
  /** The branches that the partner keeps are kept here too. */
  | { type: 'copied' }
  | { type: 'own'; own: OwnFacts }
  /** The update interval has passed. */
  | { type: 'due' }
  | { type: 'force'; ticket: Ticket }
  | { type: 'take-over'; ticket: Ticket; force: boolean }
  | { type: 'asked-to-step-down'; ticket: Ticket; epoch: number; force: boolean; digest: string }
  | { type: 'prepared'; run: number; route: 'send' | 'compare'; target: string; revision: number }
  | { type: 'compared'; run: number; nodes: NodePair[] }
  /** `heldBack.target`: what the partner will hold, which is less than this unit holds. */
  | { type: 'listed'; run: number; difference: Difference; heldBack?: HeldBack & { target: string } }
  /** `revision`: the partner's own. */
  | {
      type: 'receipt';
      run: number;
      result: 'applied' | 'already-applied';
      digest: string;
      revision?: number;
    }
  | { type: 'failed'; run: number; error: ErrorBody }
  | { type: 'stepped-down'; run: number }
  | { type: 'not-stepped-down'; run: number; error: ErrorBody };

export type RunEvent = Extract<
  SyncEvent,
  { type: 'prepared' | 'compared' | 'listed' | 'receipt' | 'failed' }
>;
export type Running = Extract<Work, { serving: Ticket[] }>;

export type Effect =
  /** Say who we are and ask who they are. */
  | { do: 'greet' }
  /**
   * Look for the way from `base` to what stands now; `walk`: take the digest tree. `otherSchema`: schema digest of a
   * partner that describes some kinds differently.
   */
  | { do: 'prepare'; run: number; base: string; walk: boolean; otherSchema: string | undefined }
  | { do: 'compare'; run: number; nodes: [level: number, index: number][] }
  | { do: 'list'; run: number; buckets: number[] }
  | { do: 'send'; run: number; base: string; epoch: number; difference: Difference | undefined }
  | {
      do: 'remember';
      digest: string;
      revision: number;
      result: 'applied' | 'already-applied';
      forced: boolean;
      tickets: Ticket[];
      heldBack: HeldBack | undefined;
      /** What the receipt says of the partner's store. */
      seen?: Witness;
    }
  | { do: 'answer'; ticket: Ticket; error: LockstepError }
  | { do: 'ask-step-down'; run: number; epoch: number; force: boolean }
  /** `overrules`: digest that the partner confirmed, where somebody decided for a unit that had fallen back. */
  | { do: 'become-active'; ticket: Ticket; epoch: number; partnerSteppedDown: boolean; overrules?: string }
  /** Find out from where this unit went its own way, and keep that it fell back. */
  | { do: 'find-fork'; evidence: Evidence }
  /** What was restored here is what the partner holds. Only while the digest is still `digest`. */
  | { do: 'drop-unconfirmed'; digest: string }
  /** Only while the digest is still `digest`: a commit may have come in between. */
  | { do: 'become-standby'; ticket: Ticket | undefined; epoch: number; digest: string };

export interface Step {
  state: SyncState;
  effects: Effect[];
}

export function initialState(own: OwnFacts): SyncState {
  return {
    own,
    link: 'down',
    downBecause: 'no connection yet',
    downRefusal: undefined,
    partner: undefined,
    work: { step: 'idle' },
    waiting: [],
    stepDown: undefined,
    refusal: undefined,
    held: undefined,
    fallen: undefined,
    copying: false,
    run: 0,
  };
}

export function still(state: SyncState): Step {
  return { state, effects: [] };
}

/** Everything that may cross has crossed; the rest waits for one release on both units. */
export function heldBack({ own, partner, held }: SyncState): HeldBack | undefined {
  const stands =
    held !== undefined &&
    held.own === own.digest &&
    held.partner === partner?.digest &&
    held.partnerSchema === partner.schemaDigest;
  return stands ? held : undefined;
}

export function serving({ work }: SyncState): Ticket[] {
  return 'serving' in work ? work.serving : [];
}
