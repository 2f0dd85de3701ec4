/** A merge as its faces see it: the operator's choices going in, masked conflicts coming out. */

import type { ConflictView } from '../../api/contract/branches.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import { maskSecrets } from '../../schema/record.ts';
import type { Conflict, Side } from '../../store/merge.ts';

const MAX_CONFLICTS = 1_000;

/** The choice for the nearest place at or above: a field, its record, a collection; `''` is everything. */
export function chooser(choices: Record<Side, string[]>): (place: string) => Side | undefined {
  const chosen = new Map<string, Side>();
  for (const side of ['ours', 'theirs'] as const) {
    for (const path of choices[side]) {
      const place = path.replace(/^\/+|\/+$/g, '');
      if (chosen.get(place) !== undefined && chosen.get(place) !== side)
        throw new LockstepError('bad-usage', `Both sides were chosen for ${place || 'everything'}.`);
      chosen.set(place, side);
    }
  }
  return place => {
    for (let at = place; ; at = at.slice(0, Math.max(at.lastIndexOf('/'), 0))) {
      const side = chosen.get(at);
      if (side !== undefined || at === '') return side;
    }
  };
}

export function conflictViews(catalog: Catalog, conflicts: Conflict[]): ConflictView[] {
  return conflicts.slice(0, MAX_CONFLICTS).map(conflict => {
    const view: ConflictView = { ...conflict };
    for (const side of ['base', 'ours', 'theirs'] as const) {
      const value = conflict[side];
      if (value !== undefined) view[side] = masked(catalog, conflict, value);
    }
    return view;
  });
}

function masked(catalog: Catalog, { path, field }: Conflict, value: Json): Json {
  const kind = catalog.kindOf(path);
  if (field !== undefined) return maskSecrets(kind, { [field]: value })[field] as Json;
  return isObject(value) ? maskSecrets(kind, value as JsonObject) : value;
}

/** Conflicts that nobody decided: nothing was changed. */
export function mergeConflict(branch: string, conflicts: ConflictView[], count: number): LockstepError {
  const [first] = conflicts;
  const place =
    first === undefined ? '' : [first.path, ...(first.field === undefined ? [] : [first.field])].join('/');
  return new LockstepError(
    'merge-conflict',
    count === 1
      ? `Both sides changed ${place}, and not alike; nothing was merged.`
      : `Both sides changed ${count} things, and not alike; nothing was merged.`,
    {
      hint: `Decide with --ours ${place} or --theirs ${place}; a collection or a whole record can be named too.`,
      facts: { branch, conflicts, count },
    },
  );
}
