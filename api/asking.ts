import type { IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import { LockstepError } from '../schema/error.ts';
import type { Operator, OperatorRole } from '../unit/face.ts';
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

/**
 * Over the socket in the unit's folder, which only its owner can open: whoever the header names, with every right. Over a channel of
 * an operator: he, whatever the header says. Anything else is refused.
 */
export function whoAsks(
  connection: object,
  operator: Operator | undefined,
  headers: IncomingHttpHeaders,
): Asking {
  if (operator !== undefined) return { author: operatorAuthor(operator.name), role: operator.role };
  if (connection instanceof Socket) return { author: readAuthor(headers[AUTHOR_HEADER]), role: 'admin' };
  throw new LockstepError('role-refused', 'Nobody knows who asks.');
}
