import { LockstepError } from '../schema/error.ts';
import type { Part } from '../schema/kind.ts';
import type { Manifest } from './bundle.ts';

/** Whose the things are that belong to one unit: those of the unit restored on, or those in the bundle. */
export type Whose = 'this-unit' | 'the-old-unit';

export interface Choice {
  parts: readonly Part[];
  as: Whose;
}

/** What decides whether a bundle fits a unit, before any record is looked at. */
interface Target {
  /** `ha/mode` of the unit that is restored on; undefined: it has none. */
  haMode: string | undefined;
}

/** All parts that the bundle holds, or those that were named. Throws `restore-no-part`. */
export function chooseParts({ parts }: Manifest, named: readonly Part[] | undefined): Part[] {
  const held = parts.map(({ part }) => part);
  const absent = named?.filter(part => !held.includes(part)) ?? [];
  if (absent.length > 0)
    throw new LockstepError('restore-no-part', `The bundle does not hold: ${absent.join(', ')}.`, {
      hint: `It holds: ${held.join(', ')}.`,
      facts: { absent, held },
    });
  return named === undefined ? held : held.filter(part => named.includes(part));
}

/**
 * Refuses a bundle that does not belong on the unit (docs/DOMAIN.md, Backup and restore).
 * Throws `restore-certificates`, `restore-single-on-ha`, `restore-ha-on-single`, `restore-not-in-ha-mode`.
 */
export function assertFits({ kind, unit }: Manifest, { parts }: Choice, { haMode = 'none' }: Target): void {
  if (kind === 'certificates')
    throw new LockstepError(
      'restore-certificates',
      'This is a certificate bundle, not a configuration bundle.',
      {
        hint: 'Restore it with lockstep certs restore FILE --select full; lockstep backup inspect FILE tells what it holds.',
      },
    );
  if (!parts.includes('base')) return;
  const facts = { bundle: unit.mode, here: haMode };
  const isPairHere = haMode === 'first' || haMode === 'second';
  if (unit.mode === 'single') {
    if (haMode === 'none') return;
    throw new LockstepError(
      'restore-single-on-ha',
      `The base of a single unit (${unit.name}) does not go onto a unit of a pair (HA ${haMode} mode). Nothing was changed.`,
      { hint: 'Restore the other parts: --parts vs,geo,sso,certs. Or restore it on a single unit.', facts },
    );
  }
  if (isPairHere) return;
  if (haMode === 'none')
    throw new LockstepError(
      'restore-ha-on-single',
      `The base of a unit of a pair (${unit.name}, HA ${unit.mode} mode) does not go onto a single unit. Nothing was changed.`,
      {
        hint: `Put this unit into HA mode first: lockstep set interfaces/ETH/haChecks true for its interface ETH, then lockstep set ha/mode ${unit.mode}; or begin in a new folder with lockstep init --mode ${unit.mode}. Or restore the other parts: --parts vs,geo,sso,certs.`,
        facts,
      },
    );
  throw new LockstepError(
    'restore-not-in-ha-mode',
    `The base of a unit of a pair (${unit.name}, HA ${unit.mode} mode) does not go onto a unit in ${haMode} mode. Nothing was changed.`,
    {
      hint: `Put this unit into HA first or HA second mode first: lockstep set ha/mode ${unit.mode}.`,
      facts,
    },
  );
}
