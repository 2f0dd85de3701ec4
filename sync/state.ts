import type { ErrorBody, LockstepError } from '../schema/error.ts';
import type { Hello } from './message.ts';
import type { Pause } from './pause.ts';
import type { Difference, NodePair } from './walk.ts';

/**
 * What a unit knows of its partner and does about it: `step(state, event)` gives the next state and the effects
 * to carry out. No clock, socket or store in here; sync/README.md draws the states.
 */
export interface SyncState {
  own: OwnFacts;
  link: 'down' | 'greeting' | 'up';
  /** Why the link is down. */
  downBecause: string;
  /** The last that was heard of the partner; kept when the link goes down. */
  partner: Hello | undefined;
  work: Work;
  /** Forced updates that wait for the next run. */
  waiting: Ticket[];
  /** The partner wants to take over; answered when the last update is in. */
  stepDown: StepDown | undefined;
  /** Why the last update did not get in; kept until one does. */
  refusal: ErrorBody | undefined;
  run: number;
}

export interface OwnFacts extends Omit<Hello, 'clock' | 'paused'> {
  /** Digest in the last receipt that this unit got or gave: what both units are known to have held. */
  common: string;
  /** Send an update on every commit instead of waiting for the interval. */
  everyCommit: boolean;
  pause: Pause | undefined;
}

/** What a unit says of itself. */
export function greetingOf(
  { everyCommit: _every, common: _common, pause, ...facts }: OwnFacts,
  clock: number,
): Hello {
  return { ...facts, paused: pause !== undefined, clock };
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
      target: string;
      revision: number;
    }
  | { step: 'taking-over'; ticket: Ticket; epoch: number };

export type SyncEvent =
  | { type: 'linked' }
  | { type: 'unlinked'; reason: string }
  /** The partner said who it is, on either connection. `greeting`: on ours, so the link is usable. */
  | { type: 'heard'; hello: Hello; greeting: boolean }
  | { type: 'own'; own: OwnFacts }
  /** The update interval has passed. */
  | { type: 'due' }
  | { type: 'force'; ticket: Ticket }
  | { type: 'take-over'; ticket: Ticket; force: boolean }
  | { type: 'asked-to-step-down'; ticket: Ticket; epoch: number; force: boolean; digest: string }
  | { type: 'prepared'; run: number; route: 'send' | 'compare'; target: string; revision: number }
  | { type: 'compared'; run: number; nodes: NodePair[] }
  | { type: 'listed'; run: number; difference: Difference }
  | { type: 'receipt'; run: number; result: 'applied' | 'already-applied'; digest: string }
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
  /** Look for the way from `base` to what stands now; `walk`: take the digest tree. */
  | { do: 'prepare'; run: number; base: string; walk: boolean }
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
    }
  | { do: 'answer'; ticket: Ticket; error: LockstepError }
  | { do: 'ask-step-down'; run: number; epoch: number; force: boolean }
  | { do: 'become-active'; ticket: Ticket; epoch: number; partnerSteppedDown: boolean }
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
    partner: undefined,
    work: { step: 'idle' },
    waiting: [],
    stepDown: undefined,
    refusal: undefined,
    run: 0,
  };
}

export function still(state: SyncState): Step {
  return { state, effects: [] };
}

export function serving({ work }: SyncState): Ticket[] {
  return 'serving' in work ? work.serving : [];
}
