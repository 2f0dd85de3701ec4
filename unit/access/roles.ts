/** What an operator may do. Pure. */
import type { OperatorRole } from '../../api/contract/method.ts';
import { mayDo, refuseRole } from '../../api/contract/roles.ts';
import { LockstepError } from '../../schema/error.ts';
import { isSameJson } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';
import { joinRecord } from '../../schema/record.ts';
import type { Guard } from '../../store/requests.ts';

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
  const { message, hint, facts } = refuseRole(role, needed, `Changing ${place}`);
  const silent = kind.site && !kind.saysChangedBy;
  throw new LockstepError('role-refused', message, {
    hint: silent
      ? `The kind ${kind.name} of this site does not say who may change it: add "changedBy": "operate" to its file in schema.d.`
      : hint,
    facts: { ...facts, path: place },
  });
}
