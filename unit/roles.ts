/** What an operator may do. Pure. */
import { LockstepError } from '../schema/error.ts';
import type { Guard } from '../store/head.ts';

/** Each may do what those before it may. */
export const OPERATOR_ROLES = ['read', 'operate', 'admin'] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export function mayDo(role: OperatorRole, needed: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(role) >= OPERATOR_ROLES.indexOf(needed);
}

/** Throws `role-refused`, naming both roles. `what`: the beginning of the sentence. */
export function assertRole(role: OperatorRole, needed: OperatorRole, what: string): void {
  if (mayDo(role, needed)) return;
  throw new LockstepError(
    'role-refused',
    `${what} needs the role ${needed}; this operator has the role ${role}.`,
    {
      hint: 'An admin changes the role with lockstep operator add NAME --key FILE --role ROLE.',
      facts: { role, needed },
    },
  );
}

/**
 * What a change may touch. Kinds that say who may do what are for an admin, also when a rollback, a merge or a document
 * brings the change along: otherwise anybody who may change something could make himself admin.
 */
export function guardOf(role: OperatorRole): Guard | undefined {
  if (mayDo(role, 'admin')) return undefined;
  return changes => {
    const change = changes.find(({ kind }) => kind.changedByAdmin);
    if (change !== undefined) assertRole(role, 'admin', `Changing ${change.path}`);
  };
}
