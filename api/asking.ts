import type { IncomingHttpHeaders } from 'node:http';
import { LockstepError } from '../schema/error.ts';
import type { Operator, OperatorRole } from '../unit/contract.ts';
import { AUTHOR_HEADER, readAuthor } from './author.ts';

/** Who asks, and what he may. */
export interface Asking {
  /** Of every change that comes of it. */
  author: string;
  role: OperatorRole;
}

/** So that no operator has the name of a user of this machine. */
export function operatorAuthor(name: string): string {
  return `operator:${name}`;
}

/** Through which door somebody came; each door says it of its own connections, and nothing else does. */
export type Door = { by: 'socket' } | { by: 'operator'; operator: Operator };

/**
 * By the socket in the unit's folder, which only its owner can open: whoever the header names, with every right. By a channel of
 * an operator: they, whatever the header says. A connection that no door knows is refused.
 */
export function whoAsks(door: Door | undefined, headers: IncomingHttpHeaders): Asking {
  if (door?.by === 'operator')
    return { author: operatorAuthor(door.operator.name), role: door.operator.role };
  if (door?.by === 'socket') return { author: readAuthor(headers[AUTHOR_HEADER]), role: 'admin' };
  throw new LockstepError('role-refused', 'Nobody knows who asks.');
}
