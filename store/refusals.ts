/** Why the store does not take a commit or an update. */
import { LockstepError } from '../schema/error.ts';
import type { Head } from './head.ts';
import { type Transition, touchesPair } from './transition.ts';

export function notActive(transitions: Transition[]): LockstepError {
  const paths = transitions.filter(touchesPair).map(({ path }) => path);
  return new LockstepError(
    'not-active',
    `This unit is standby: ${paths[0]} is shared, so it is changed on the active unit.`,
    {
      hint: 'Type the command on the active unit, or make this one active with lockstep takeover.',
      facts: { paths: paths.slice(0, 10) },
    },
  );
}

export function baseDiffers(update: { base: string }, head: Head): LockstepError {
  return new LockstepError('base-differs', 'The update starts from another state than this unit holds.', {
    facts: { base: update.base, digest: head.digest },
  });
}

export function digestDiffers(digest: string, target: string): LockstepError {
  return new LockstepError(
    'digest-differs',
    'The update would not give the state that it promises; nothing was changed.',
    {
      facts: { target, digest },
    },
  );
}

export function unitScope(path: string, fields: string[]): LockstepError {
  return new LockstepError(
    'unit-scope',
    `The update holds what never leaves a unit: ${path} (${fields.join(', ')}).`,
    {
      hint: 'The sender runs another schema or has been tampered with.',
      facts: { path, fields },
    },
  );
}

export function notStandby({ from }: { from: string }, { epoch }: Head): LockstepError {
  return new LockstepError('not-standby', `This unit is active; it takes no update from ${from}.`, {
    facts: { epoch },
  });
}

export function staleEpoch({ epoch }: { epoch: number }, head: Head): LockstepError {
  return new LockstepError('stale-epoch', `Epoch ${epoch} is over; this unit has seen epoch ${head.epoch}.`, {
    hint: 'The sender was active before the last takeover and must become standby.',
    facts: { epoch, known: head.epoch },
  });
}

export function noSuchRevision(revision: number, head: Head): LockstepError {
  return new LockstepError(
    'no-such-revision',
    `There is no revision ${revision}; the newest is ${head.revision}.`,
    {
      hint: 'lockstep history lists them.',
    },
  );
}

/** `oldest`: what is kept begins with it. */
export function historyPruned(revision: number, oldest: number): LockstepError {
  return new LockstepError(
    'history-pruned',
    `Revision ${revision} is older than the history that is kept; that begins with revision ${oldest}.`,
    {
      hint: 'An older state may be in a bundle: lockstep backup list. To keep more from now on: lockstep set history/most 200000.',
      facts: { revision, oldest },
    },
  );
}

export function conflict(expected: number, { revision }: Head): LockstepError {
  return new LockstepError(
    'conflict',
    `You looked at revision ${expected}; revision ${revision} stands now.`,
    {
      hint: 'Look again, then repeat the change.',
      facts: { expected, revision },
    },
  );
}

/** Something else wrote to the store of this unit since it was read. */
export function headMoved(before: Head, now: Head): LockstepError {
  const facts = (Object.keys({ ...before, ...now }) as (keyof Head)[])
    .filter(fact => JSON.stringify(before[fact]) !== JSON.stringify(now[fact]))
    .sort();
  return new LockstepError(
    'conflict',
    `The store was changed in another place meanwhile (${facts.join(', ')}); nothing was written here.`,
    {
      hint: 'Look again, then repeat the change.',
      facts: { expected: before.revision, revision: now.revision, changed: facts },
    },
  );
}

/** The disk of the sender fell back: what it sends is older than what was taken from it. */
export function senderFellBack(from: string, revision: number, seen: number): LockstepError {
  return new LockstepError(
    'fallen-back',
    `${from} fell back to an older state of its disk: it is at revision ${revision}, and this unit has taken revision ${seen} of it.`,
    {
      hint: 'Type lockstep takeover --force on the unit whose configuration is to stay; what only the other one holds becomes a branch.',
      facts: { revision, seen },
    },
  );
}
