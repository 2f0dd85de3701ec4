import { LockstepError } from '../../schema/error.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Hello } from '../../sync/message.ts';
import type { SyncState } from '../../sync/state.ts';
import { activeUnit } from './rebuild.ts';

/** Throws why a unit cannot be emptied to be filled by its partner. `force`: although nothing is heard of that one. */
export function assertPartnerFills(
  { own, link, partner }: SyncState,
  pinnedName: string,
  force: boolean,
): void {
  const name = partner?.name ?? pinnedName;
  if (own.role === 'active') throw activeUnit(name, 'repeat this');
  if (link !== 'up' || partner === undefined) {
    if (force) return;
    throw new LockstepError(
      'partner-unreachable',
      `${name} is not seen: whether it holds a configuration is not known.`,
      {
        hint: 'With --force this unit is emptied all the same, and filled when the partner is back.',
      },
    );
  }
  const { role, established, damaged, digest } = partner;
  if (role === 'active' && established && !damaged && digest !== EMPTY_DIGEST) return;
  throw new LockstepError('never-a-source', `${name} cannot be the source: it is ${unfitness(partner)}.`, {
    hint:
      role === 'standby'
        ? `Type lockstep takeover on ${name} first.`
        : 'Mend that one first, or restore a bundle there.',
  });
}

function unfitness({ role, damaged, established }: Hello): string {
  if (damaged) return 'damaged too';
  if (role === 'standby') return 'standby';
  return established ? 'empty' : 'new to the pair';
}
