/**
 * What the mirror does next, as values: it looks at all files, commits what somebody saved, or writes files, one act at a time and
 * in this order, so that nobody's edit is written over. Knows no clock and no file.
 */
import type { AfterReboot } from './verdict.ts';

export type Act = 'look' | 'take-edits' | 'write' | 'mark';

export interface MirrorState {
  /** All files are to be compared. */
  look: boolean;
  /** What was touched is to be judged. */
  edits: boolean;
  acting: Act | undefined;
  /** When it was written down how far the files have come (monotonic milliseconds). */
  markedAt: number;
  /** Until everything that was there at the start is judged, after a start of the machine. */
  reboot: AfterReboot | undefined;
  /** What was saved before this is judged (milliseconds since 1970); `looking`: once what the last look found is judged. */
  judgedUntil: number | undefined;
  looking: number | undefined;
}

/** How it stands when an event is told. */
export interface MirrorFacts {
  /** Monotonic, and milliseconds since 1970. */
  now: number;
  wall: number;
  /** Some files can be written now. */
  writable: boolean;
  /** No file waits to be judged or written. */
  clean: boolean;
  /** Something that the disk or the system refused is to be tried again; `unread`: files are among it. */
  failing: boolean;
  unread: boolean;
}

export type MirrorEvent =
  /** Begun: the files were compared by `lookedAt` (milliseconds since 1970). */
  | { type: 'opened'; reboot: AfterReboot | undefined; lookedAt: number }
  /** Something happened in a folder, and nobody knows to which file. */
  | { type: 'blind' }
  /** What somebody saved is whole by now; or it is time to look at it all the same. */
  | { type: 'saved' }
  /** Commits touched what files show. */
  | { type: 'committed' }
  /** All files are to be compared, in case an event was lost. */
  | { type: 'reconcile' }
  | { type: 'acted' }
  /** The store or the folder did not answer. */
  | { type: 'failed' };

export type MirrorEffect =
  | { do: 'act'; act: Act }
  /** Everything that the last look found is judged: what a power cut may have done is known. */
  | { do: 'judged-all' }
  /** What was written is to be made durable some time. */
  | { do: 'flush' }
  | { do: 'retry-later' }
  | { do: 'retry-no-more' }
  /** There is nothing to do. */
  | { do: 'rest' };

export type MirrorStep = { state: MirrorState; effects: MirrorEffect[] };

const MARK_EVERY_MS = 60_000;
/** An event can come so much later than what it tells of, and the clock of a file be so much behind. */
const EVENT_LAG_MS = 1_000;

export function newMirror(): MirrorState {
  const unknown = { reboot: undefined, judgedUntil: undefined, looking: undefined };
  return { look: false, edits: false, acting: undefined, markedAt: Number.NEGATIVE_INFINITY, ...unknown };
}

export function stepMirror(state: MirrorState, event: MirrorEvent, facts: MirrorFacts): MirrorStep {
  switch (event.type) {
    case 'opened': {
      const { reboot, lookedAt } = event;
      return goOn({ ...state, reboot, looking: lookedAt - EVENT_LAG_MS, edits: true }, facts);
    }
    case 'blind':
      return { state: { ...state, look: true }, effects: [] };
    case 'saved':
      return goOn({ ...state, edits: true }, facts);
    case 'committed':
      return goOn(state, facts);
    case 'reconcile':
      return goOn({ ...state, look: true, markedAt: Number.NEGATIVE_INFINITY }, facts);
    case 'acted':
      return acted({ ...state, acting: undefined }, state.acting, facts);
    case 'failed': {
      // Whatever was touched may not be judged.
      const look = state.look || state.acting === 'look' || state.acting === 'take-edits';
      return {
        state: { ...state, acting: undefined, look },
        effects: [{ do: 'retry-later' }, { do: 'rest' }],
      };
    }
  }
}

/** Whether there is something to do now. */
export function isDue({ look, edits }: MirrorState, { writable }: Pick<MirrorFacts, 'writable'>): boolean {
  return look || edits || writable;
}

/** Whether the files show all that was given to the mirror, so that a next start may go on from there. */
export function isInStep(state: MirrorState, facts: MirrorFacts): boolean {
  return facts.clean && !facts.failing && state.reboot === undefined && !isDue(state, facts);
}

function acted(state: MirrorState, act: Act | undefined, facts: MirrorFacts): MirrorStep {
  if (act === 'look') return goOn({ ...state, edits: true }, facts);
  if (act === 'mark') return goOn({ ...state, markedAt: facts.now }, facts);
  if (act !== 'take-edits' || state.looking === undefined || facts.unread) return goOn(state, facts);
  const judged = { judgedUntil: state.looking, looking: undefined, reboot: undefined };
  const { state: next, effects } = goOn({ ...state, ...judged }, facts);
  return { state: next, effects: [{ do: 'judged-all' }, ...effects] };
}

function goOn(state: MirrorState, facts: MirrorFacts): MirrorStep {
  if (state.acting !== undefined) return { state, effects: [] };
  if (state.look) return act({ ...state, look: false, looking: facts.wall - EVENT_LAG_MS }, 'look');
  if (state.edits) return act({ ...state, edits: false }, 'take-edits');
  if (facts.writable) return act(state, 'write');
  if (facts.now - state.markedAt > MARK_EVERY_MS && isInStep(state, facts)) return act(state, 'mark');
  return {
    state,
    effects: [
      // Before everything is judged, what may have come back must stay known.
      ...(state.reboot === undefined ? [{ do: 'flush' } as const] : []),
      { do: facts.failing ? 'retry-later' : 'retry-no-more' },
      { do: 'rest' },
    ],
  };
}

function act(state: MirrorState, next: Act): MirrorStep {
  return { state: { ...state, acting: next }, effects: [{ do: 'act', act: next }] };
}
