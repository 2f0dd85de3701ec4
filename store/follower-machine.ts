/**
 * Following commits, as values. Commits that come while work goes on are done with the next work: none is done twice for
 * that, and none is left out. The sets of a state are handed on from step to step, so that a commit costs what it touched.
 */

/** What is to be done in one go. */
export interface Work {
  /** What commits touched; undefined: everything is to be looked at. */
  paths: readonly string[] | undefined;
}

export interface FollowerState {
  phase: 'starting' | 'idle' | 'waiting' | 'working' | 'ended';
  dirty: Set<string>;
  /** Everything is to be looked at: nobody knows what changed. */
  whole: boolean;
  /** The newest commit that was told of, the newest one in the work that goes on, and the newest one that is done. */
  seen: number;
  taken: number;
  done: number;
  work: Work | undefined;
  failures: number;
}

export type FollowerEvent =
  /** `paths`: what was touched since everything up to `since` was done; undefined: nobody knows. */
  | { type: 'opened'; since: number; revision: number; paths: readonly string[] | undefined }
  | { type: 'committed'; revision: number; paths: readonly string[] }
  /** To be done again, though no commit touched it. */
  | { type: 'touched'; paths: readonly string[] }
  | { type: 'everything' }
  /** The wait is over. */
  | { type: 'due' }
  | { type: 'worked' }
  | { type: 'failed' }
  | { type: 'ended' };

export type FollowerEffect =
  | { do: 'work'; work: Work }
  /** Tell `due` later: after the quiet time, or after a failure. */
  | { do: 'wait'; failures: number }
  /** Whoever waits until nothing is to be done need not wait any more. */
  | { do: 'rest' };

export function newFollower(): FollowerState {
  const nothing = { seen: 0, taken: 0, done: 0, work: undefined, failures: 0 };
  return { phase: 'starting', dirty: new Set(), whole: false, ...nothing };
}

export function stepFollower(
  state: FollowerState,
  event: FollowerEvent,
): { state: FollowerState; effects: FollowerEffect[] } {
  if (state.phase === 'ended') return { state, effects: [] };
  switch (event.type) {
    case 'opened': {
      const { since, revision, paths } = event;
      const next = paths === undefined ? everything(state) : touched(state, paths);
      return goOn({ ...next, phase: 'idle', done: since, seen: Math.max(state.seen, revision) });
    }
    case 'committed':
      return goOn({ ...touched(state, event.paths), seen: event.revision });
    case 'touched':
      return goOn(touched(state, event.paths));
    case 'everything':
      return goOn(everything(state));
    case 'due':
      return state.phase === 'waiting' ? take(state) : { state, effects: [] };
    case 'worked':
      // Work that made way for a look at everything is not done.
      return goOn({ ...rested(state), done: state.whole ? state.done : state.taken, failures: 0 });
    case 'failed': {
      const { paths } = state.work ?? { paths: [] };
      const again = paths === undefined ? everything(state) : touched(state, paths);
      return goOn({ ...rested(again), failures: state.failures + 1 });
    }
    case 'ended':
      return { state: { ...rested(state), phase: 'ended' }, effects: [{ do: 'rest' }] };
  }
}

/** Whether the work that goes on may stop early: it will be done anew, or not at all. */
export function isOver({ phase, whole }: FollowerState): boolean {
  return phase === 'ended' || whole;
}

function goOn(state: FollowerState): { state: FollowerState; effects: FollowerEffect[] } {
  if (state.phase !== 'idle') return { state, effects: [] };
  if (!state.whole && state.dirty.size === 0)
    return { state: { ...state, done: state.seen }, effects: [{ do: 'rest' }] };
  return { state: { ...state, phase: 'waiting' }, effects: [{ do: 'wait', failures: state.failures }] };
}

function take(state: FollowerState): { state: FollowerState; effects: FollowerEffect[] } {
  const work: Work = { paths: state.whole ? undefined : [...state.dirty] };
  const next = { ...state, dirty: new Set<string>(), whole: false, taken: state.seen, work };
  return { state: { ...next, phase: 'working' }, effects: [{ do: 'work', work }] };
}

function touched(state: FollowerState, paths: readonly string[]): FollowerState {
  if (!state.whole) for (const path of paths) state.dirty.add(path);
  return state;
}

function everything(state: FollowerState): FollowerState {
  return { ...state, dirty: new Set(), whole: true };
}

function rested(state: FollowerState): FollowerState {
  return { ...state, phase: 'idle', work: undefined };
}
