import { LockstepError } from '../schema/error.ts';
import { called, type Letter, type Plan } from './plan.ts';

/**
 * Why there is no way back to the old units, and what can be done instead; undefined: there is one. It ends where an old unit
 * is given up for a new one: nobody can let it in again without giving the new one up.
 */
export function noWayBack(
  plan: Plan,
  begun: ReadonlySet<string>,
): { why: string; instead: string } | undefined {
  const name = (letter: Letter): string => called(plan, letter);
  const anew =
    'A unit that was given up comes back by a plan of its own, made anew with lockstep init: kind one';
  switch (plan.kind) {
    case 'both':
      return begun.has('connect-c')
        ? {
            why: `${name('C')} has taken the place of ${name('A')} as the partner of ${name('D')}, which serves`,
            instead: `lockstep replace run goes on. ${anew}.`,
          }
        : undefined;
    case 'one':
      return begun.has('connect-d')
        ? {
            why: `${name('A')} has given up ${name('B')}, which is dead, for ${name('D')}`,
            instead: `lockstep replace run goes on. ${anew}.`,
          }
        : undefined;
    case 'disaster':
      return {
        why: begun.has('confirm-c')
          ? `both old units are gone, and ${name('C')} serves`
          : 'both old units are gone, so there is nothing to go back to; the new ones serve nobody yet',
        instead: begun.has('confirm-c')
          ? `lockstep replace run goes on. ${anew}.`
          : 'lockstep replace run goes on. If an old unit lives after all, switch the new ones off and that one on. For other bundles, make the new units anew with lockstep init, and plan in another folder (--state).',
      };
    case 'grow':
      return begun.has('connect-d')
        ? {
            why: `${name('D')} is the partner of ${name('A')}`,
            instead:
              'lockstep replace run goes on. lockstep replace plan --shrink makes a single unit of the pair again.',
          }
        : undefined;
    case 'shrink':
      return begun.has('unpair')
        ? {
            why: `${name('A')} has given ${name('B')} up`,
            instead: `lockstep replace run goes on. ${anew}.`,
          }
        : undefined;
  }
}

/** Throws `replace-step` where there is no way back. */
export function assertWayBack(plan: Plan, begun: ReadonlySet<string>): void {
  const none = noWayBack(plan, begun);
  if (none === undefined) return;
  throw new LockstepError('replace-step', `There is no way back to the old units from here: ${none.why}.`, {
    hint: none.instead,
  });
}
