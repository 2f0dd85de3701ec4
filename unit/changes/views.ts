import type { ChangeAnswer, ChangeView } from '../../api/contract/changes.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';
import { joinRecord, MASK, mapSecrets, maskSecrets, valueAt } from '../../schema/record.ts';
import type { RecordChange } from '../../store/revision.ts';

const MAX_VIEWS = 1_000;
const MAX_WARNINGS = 100;
/** Stands for a secret that differs from the one before. */
const OTHER_MASK = `${MASK} (changed)`;

/** A record before and after a change, whole; undefined: it is not there. */
export interface RecordStep {
  path: string;
  before: JsonObject | undefined;
  after: JsonObject | undefined;
}

export function recordStep(catalog: Catalog, { path, before, after }: RecordChange): RecordStep {
  const kind = catalog.kindOf(path);
  return { path, before: joinRecord(kind, before), after: joinRecord(kind, after) };
}

/** What an operator may see of a change: both sides, masked. */
export function changeView(catalog: Catalog, change: RecordChange): ChangeView {
  const { path, before: was, after: is } = recordStep(catalog, change);
  const kind = catalog.kindOf(path);
  return {
    path,
    change: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed',
    ...(was === undefined ? {} : { before: maskSecrets(kind, was) }),
    ...(is === undefined ? {} : { after: maskAgainst(kind, is, was) }),
  };
}

function maskAgainst(kind: Kind, value: JsonObject, before: JsonObject | undefined): JsonObject {
  return mapSecrets(kind, value, (secret, field) => {
    const old = before === undefined ? undefined : valueAt(before, field);
    return old === undefined || JSON.stringify(old) === JSON.stringify(secret) ? MASK : OTHER_MASK;
  });
}

export function changeAnswer(
  catalog: Catalog,
  result: { revision: number; digest: string; changes: RecordChange[]; warnings?: Problem[] },
  dryRun: boolean,
): ChangeAnswer {
  const counts = { added: 0, changed: 0, removed: 0 };
  for (const change of result.changes) {
    const { before: was, after: is } = recordStep(catalog, change);
    counts[was === undefined ? 'added' : is === undefined ? 'removed' : 'changed']++;
  }
  const { revision, digest, warnings = [] } = result;
  return {
    revision,
    digest,
    dryRun,
    counts,
    changes: result.changes.slice(0, MAX_VIEWS).map(change => changeView(catalog, change)),
    ...(warnings.length === 0 ? {} : { warnings: warnings.slice(0, MAX_WARNINGS) }),
  };
}
