/** A file below `certs.d/`, as a listing tells of it. */
export interface DroppedFile {
  /** `shop.pem`, or `shop/fullchain.pem`. */
  path: string;
  /** Changes whenever the file may have. */
  stamp: string;
  /** A symbolic link, or in a folder that is one. */
  linked?: boolean;
  /** Why it cannot be read: a folder in a folder, a link that leads nowhere. */
  fault?: string | undefined;
}

/** All files that are about one certificate. */
export interface Drop {
  name: string;
  /** Paths of everything that may hold certificates and keys, to be read together. */
  files: string[];
  /** Those that are symbolic links. */
  links?: string[];
  /** What lies there and cannot be read. */
  blocked?: LeftOut[];
  /** Path of the file with the passphrase. */
  passphrase: string | undefined;
  stamp: string;
  /** Why it cannot even be read. */
  fault: DropFault | undefined;
}

export interface DropFault {
  code: string;
  message: string;
  /** What to do about it. */
  hint?: string | undefined;
}

/** A file that is not taken, and why. */
export interface LeftOut {
  file: string;
  why: string;
}

/** What became of reading and committing a drop. */
export type Outcome =
  /** It is in the configuration, now or already. */
  | { result: 'taken'; leftOut?: LeftOut[] }
  /** The files changed while they were read. */
  | { result: 'changed' }
  /** Shared configuration is changed on the active unit only. */
  | { result: 'standby' }
  /** `passes`: the files are not what is wrong. `againInMs`: time alone mends it, after so long. */
  | ({ result: 'refused'; passes: boolean; againInMs?: number | undefined } & DropFault);

interface Watched {
  drop: Drop;
  phase: 'settling' | 'trying' | 'taken' | 'standby' | 'refused';
  /** When its files last changed, or when it is to be tried again. */
  since: number;
  refusal: DropFault | undefined;
  told: boolean;
  /** When a refusal may be over. */
  again?: number | undefined;
  /** Of what was taken. */
  leftOut?: LeftOut[];
}

export type DropState = ReadonlyMap<string, Watched>;

export type DropEvent =
  | { type: 'listed'; at: number; drops: Drop[] }
  | { type: 'tried'; at: number; name: string; stamp: string; outcome: Outcome }
  /** Time has passed. */
  | { type: 'due'; at: number }
  /** The unit became active. */
  | { type: 'active'; at: number };

export type DropEffect =
  | { do: 'try'; drop: Drop }
  /** Nothing of it is there any more. */
  | { do: 'forget'; name: string }
  | ({ do: 'tell'; name: string } & DropFault);

/** Files are left alone until nothing about them has changed for so long: they are written in any order. */
export const QUIET_MS = 500;
/** What is not good may still become so: a key that comes later, a chain that is being written. */
export const PATIENCE_MS = 2_500;
/** What failed for another reason than its files is tried again. */
const AGAIN_MS = 60_000;
/** Clocks are set meanwhile. */
const LONGEST_WAIT_MS = 600_000;

export const noDrops: DropState = new Map();

/** One step: what to do now, and the state afterwards. Knows no clock and no file. */
export function stepDrops(state: DropState, event: DropEvent): { state: DropState; effects: DropEffect[] } {
  switch (event.type) {
    case 'listed':
      return listed(state, event.drops, event.at);
    case 'tried':
      return tried(state, event);
    case 'due':
      return due(state, event.at);
    case 'active':
      return {
        state: mapped(state, watched =>
          watched.phase === 'standby' ? settling(watched.drop, event.at) : watched,
        ),
        effects: [],
      };
  }
}

/** When time alone makes a difference next; undefined: never. */
export function nextDue(state: DropState): number | undefined {
  const times = [...state.values()].flatMap(({ phase, since, told, again }) => {
    if (phase === 'settling') return [since + QUIET_MS];
    if (phase !== 'refused') return [];
    return [...(told ? [] : [since + PATIENCE_MS]), ...(again === undefined ? [] : [again])];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What lies there and is not in the configuration, as far as it was told. */
export function dropTroubles(state: DropState): ({ name: string } & DropFault)[] {
  return [...state].flatMap(([name, { phase, refusal, told, leftOut = [] }]) => {
    if (phase === 'taken')
      return leftOut.map(({ file, why }) => ({ name: file, code: 'certificate-left-out', message: why }));
    if (phase === 'standby') return [{ name, code: 'not-active', message: STANDBY }];
    return refusal !== undefined && told ? [{ name, ...refusal }] : [];
  });
}

const STANDBY = 'it waits: this unit is standby, and shared configuration is changed on the active unit only';

function listed(state: DropState, drops: Drop[], at: number): ReturnType<typeof stepDrops> {
  const next = new Map<string, Watched>();
  for (const drop of drops) {
    const known = state.get(drop.name);
    next.set(
      drop.name,
      known?.drop.stamp === drop.stamp
        ? known
        : { ...settling(drop, at), refusal: known?.refusal, told: known?.told ?? false },
    );
  }
  const gone = [...state.keys()].filter(name => !next.has(name));
  return { state: next, effects: gone.map(name => ({ do: 'forget', name })) };
}

function due(state: DropState, at: number): ReturnType<typeof stepDrops> {
  const effects: DropEffect[] = [];
  const next = mapped(state, watched => {
    const { drop, phase, since, refusal, told, again } = watched;
    if (phase === 'refused' && again !== undefined && at >= again) {
      effects.push({ do: 'try', drop });
      return { ...watched, phase: 'trying', again: undefined };
    }
    if (phase === 'settling' && at >= since + QUIET_MS) {
      if (drop.fault !== undefined) return refused(watched, drop.fault, since);
      effects.push({ do: 'try', drop });
      return { ...watched, phase: 'trying' };
    }
    if (phase === 'refused' && !told && refusal !== undefined && at >= since + PATIENCE_MS) {
      effects.push({ do: 'tell', name: drop.name, ...refusal });
      return { ...watched, told: true };
    }
    return watched;
  });
  return { state: next, effects };
}

function tried(
  state: DropState,
  { at, name, stamp, outcome }: Extract<DropEvent, { type: 'tried' }>,
): ReturnType<typeof stepDrops> {
  const watched = state.get(name);
  // Files that changed meanwhile are looked at anew anyway.
  if (watched === undefined || watched.phase !== 'trying' || watched.drop.stamp !== stamp)
    return { state, effects: [] };
  const next = after(watched, outcome, at);
  const tells = next.told && next.refusal !== undefined && next.refusal.message !== told(watched);
  return {
    state: new Map(state).set(name, next),
    effects: tells ? [{ do: 'tell', name, ...(next.refusal as DropFault) }] : [],
  };
}

function told({ told: isTold, refusal }: Watched): string | undefined {
  return isTold ? refusal?.message : undefined;
}

function after(watched: Watched, outcome: Outcome, at: number): Watched {
  switch (outcome.result) {
    case 'taken':
      return { ...watched, phase: 'taken', refusal: undefined, told: false, leftOut: outcome.leftOut ?? [] };
    case 'standby':
      return { ...watched, phase: 'standby', refusal: undefined, told: false };
    case 'changed':
      return { ...watched, phase: 'settling', since: at };
    case 'refused': {
      const { code, message, hint, passes, againInMs } = outcome;
      const next = refused(watched, { code, message, ...(hint && { hint }) }, watched.since);
      if (againInMs !== undefined) return { ...next, again: at + Math.min(againInMs, LONGEST_WAIT_MS) };
      return passes ? { ...next, phase: 'settling', since: at + AGAIN_MS - QUIET_MS, told: true } : next;
    }
  }
}

/** Another reason than the one that was told is told again. */
function refused(watched: Watched, refusal: DropFault, since: number): Watched {
  return { ...watched, phase: 'refused', since, refusal, told: told(watched) === refusal.message };
}

function settling(drop: Drop, since: number): Watched {
  return { drop, phase: 'settling', since, refusal: undefined, told: false };
}

function mapped(state: DropState, change: (watched: Watched) => Watched): DropState {
  return new Map([...state].map(([name, watched]) => [name, change(watched)]));
}
