import { importLoadMaster, type LeftOut } from '../../loadmaster/import.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { canonicalize, type JsonObject } from '../../schema/json.ts';
import { MASK } from '../../schema/record.ts';
import { goesByFtp } from '../../schema/rules/backup-schedule.ts';
import type { ProblemsOf } from '../../store/requests.ts';
import type { Change } from '../../store/transition.ts';
import type { RecordReader } from '../../store/view.ts';
import { fittingChanges } from './import-fitting.ts';

type Put = Extract<Change, { op: 'put' }>;

export interface CaptureChanges {
  /** Filled by `changes`, anew each time. */
  leftOut: LeftOut[];
  /** With `problemsOf`: without what it speaks against, which costs a check of everything beforehand. */
  changes(records: RecordReader, problemsOf?: ProblemsOf): Promise<Change[]>;
}

/**
 * What an import of LoadMaster captures changes here. Captures describe another machine: where this unit has a
 * value of its own (name, HA mode, licence, addresses), it keeps it, and the captured one is listed.
 */
export function captureChanges(catalog: Catalog, files: { name: string; text: string }[]): CaptureChanges {
  const imported = importLoadMaster(
    files,
    catalog.kinds.map(kind => kind.schema),
    (kind, path, value) => catalog.problems(kind, path, value),
  );
  const leftOut = [...imported.leftOut];
  const changes: CaptureChanges['changes'] = async (records, problemsOf) => {
    const made: Put[] = [];
    leftOut.splice(imported.leftOut.length);
    for (const record of imported.records)
      made.push({
        op: 'put',
        path: record.path,
        value: withoutFtp(record.path, await keepOwn(catalog, records, record, leftOut), leftOut),
      });
    return problemsOf === undefined ? made : fittingChanges(catalog, records, made, problemsOf, leftOut);
  };
  return { leftOut, changes };
}

async function keepOwn(
  catalog: Catalog,
  records: RecordReader,
  { path, value }: ConfigRecord,
  leftOut: LeftOut[],
): Promise<JsonObject> {
  const kind = catalog.kindOf(path);
  const current = await records.get(path);
  const own = Object.entries(current ?? {}).filter(([field]) => kind.unitFields.has(field));
  for (const [field, kept] of own) {
    const captured = value[field];
    if (captured === undefined || canonicalize(captured) === canonicalize(kept)) continue;
    const secret = kind.secrets.some(([name]) => name === field);
    leftOut.push({
      source: path,
      parameter: field,
      value: secret ? MASK : typeof captured === 'string' ? captured : JSON.stringify(captured),
      reason: 'this unit keeps its own',
    });
  }
  // Captures of a unit do not name everything: what they pass over (the Virtual ID, a secret) stays as it is.
  const kept = kind.schema.loadmaster === 'getall' ? current : {};
  return { ...kept, ...value, ...Object.fromEntries(own) };
}

/** An appliance may send bundles by FTP, which is refused here: such a schedule comes in switched off. */
function withoutFtp(path: string, value: JsonObject, leftOut: LeftOut[]): JsonObject {
  if (path !== 'backupSchedule' || !goesByFtp(value)) return value;
  leftOut.push({
    source: path,
    parameter: 'enabled',
    value: 'true',
    reason: 'no bundle goes by FTP: set method sftp, then switch it on',
  });
  return { ...value, enabled: false };
}
