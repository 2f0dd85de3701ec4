/** What an operator may do. Pure. */
import type { Duplex } from 'node:stream';
import { LockstepError } from '../../schema/error.ts';
import { OPERATOR_ROLES, type OperatorRole } from './method.ts';

export function mayDo(role: OperatorRole, needed: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(role) >= OPERATOR_ROLES.indexOf(needed);
}

/** Names both roles. `what`: the beginning of the sentence. */
export function refuseRole(role: OperatorRole, needed: OperatorRole, what: string): LockstepError {
  return new LockstepError(
    'role-refused',
    `${what} needs the role ${needed}; this operator has the role ${role}.`,
    {
      hint: 'An admin changes the role with lockstep operator add NAME --key FILE --role ROLE.',
      facts: { role, needed },
    },
  );
}

/** Somebody who works on a unit from elsewhere. */
export interface Operator {
  name: string;
  role: OperatorRole;
}

/** Takes over one stream of an operator: HTTP is spoken on it. */
export type ServeOperator = (stream: Duplex, operator: Operator) => void;
