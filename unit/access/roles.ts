/** What an operator may do. Pure. */
import type { Duplex } from 'node:stream';
import { LockstepError } from '../../schema/error.ts';
import { isSameJson } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';
import { joinRecord } from '../../schema/record.ts';
import type { Guard } from '../../store/requests.ts';

/** Each may do what those before it may. */
export const OPERATOR_ROLES = ['read', 'operate', 'admin'] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export interface Operator {
  name: string;
  role: OperatorRole;
}

/** Takes over one stream of an operator: HTTP is spoken on it. */
export type ServeOperator = (stream: Duplex, operator: Operator) => void;

export function mayDo(role: OperatorRole, needed: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(role) >= OPERATOR_ROLES.indexOf(needed);
}

/** Throws `role-refused`, naming both roles. `what`: the beginning of the sentence. */
export function assertRole(role: OperatorRole, needed: OperatorRole, what: string): void {
  if (!mayDo(role, needed)) throw roleRefused(role, needed, what);
}

function roleRefused(role: OperatorRole, needed: OperatorRole, what: string): LockstepError {
  return new LockstepError(
    'role-refused',
    `${what} needs the role ${needed}; this operator has the role ${role}.`,
    {
      hint: 'An admin changes the role with lockstep operator add NAME --key FILE --role ROLE.',
      facts: { role, needed },
    },
  );
}

/**
 * What a change may touch, by what the kinds say (`changedBy`); also when a rollback, a merge or a document brings the change
 * along: otherwise anybody who may change something could make themselves admin.
 */
export function guardOf(role: OperatorRole): Guard | undefined {
  if (mayDo(role, 'admin')) return undefined;
  return changes => {
    for (const change of changes)
      for (const { place, needed } of touchedPlaces(change))
        assertMayChange(role, needed, place, change.kind);
  };
}

/** The record, and its fields that another role is said for; each with the role that it needs. */
function* touchedPlaces({
  path,
  kind,
  before,
  after,
}: Parameters<Guard>[0][number]): Generator<{ place: string; needed: OperatorRole }> {
  const [was, is] = [joinRecord(kind, before), joinRecord(kind, after)];
  if (was === undefined || is === undefined) yield { place: path, needed: kind.changedBy };
  for (const field of new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])) {
    if (isSameJson(was?.[field], is?.[field])) continue;
    const own = kind.fieldsChangedBy.get(field);
    if (own === undefined) yield { place: path, needed: kind.changedBy };
    else yield { place: `${path}/${field}`, needed: own };
  }
}

function assertMayChange(role: OperatorRole, needed: OperatorRole, place: string, kind: Kind): void {
  if (mayDo(role, needed)) return;
  const { message, hint, facts } = roleRefused(role, needed, `Changing ${place}`);
  const silent = kind.site && !kind.saysChangedBy;
  throw new LockstepError('role-refused', message, {
    hint: silent
      ? `The kind ${kind.name} of this site does not say who may change it: add "changedBy": "operate" to its file in schema.d.`
      : hint,
    facts: { ...facts, path: place },
  });
}
