/** What makes the configuration say what a document says. */
import type { ApplyRequest } from '../../api/contract/changes.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import type { JsonObject } from '../../schema/json.ts';
import { mergeRecord } from '../../schema/record.ts';
import type { Change } from '../../store/transition.ts';
import type { RecordReader } from '../../store/view.ts';

/** `records`: those of the document. */
export async function documentChanges(
  catalog: Catalog,
  reader: RecordReader,
  request: Pick<ApplyRequest, 'document' | 'path' | 'replace'>,
  records: ConfigRecord[],
): Promise<Change[]> {
  if (request.replace) return [...(await leavings(catalog, reader, request, records)), ...records.map(putOf)];
  const merged: Change[] = [];
  for (const { path, value } of records)
    merged.push(putOf({ path, value: mergeRecord((await reader.get(path)) ?? {}, value) }));
  return merged;
}

/** What `replace` takes away: records under the names in the document that the document does not hold. */
async function leavings(
  catalog: Catalog,
  reader: RecordReader,
  { document, path = '' }: Pick<ApplyRequest, 'document' | 'path'>,
  records: ConfigRecord[],
): Promise<Change[]> {
  const kept = new Set(records.map(record => record.path));
  const target = catalog.resolve(path);
  const names = target.type === 'group' && path === '' ? Object.keys(document as JsonObject) : [path];
  const removed: Change[] = [];
  for (const name of names) {
    for await (const record of reader.list(name))
      if (!kept.has(record.path)) removed.push({ op: 'remove', path: record.path });
  }
  // A parent that goes takes what is below it along.
  const gone = new Set(removed.map(({ path: each }) => each));
  return removed.filter(({ path: each }) => !above(each).some(parent => gone.has(parent)));
}

export function putOf({ path, value }: ConfigRecord): Change {
  return { op: 'put', path, value };
}

/** `a/b/c` → `a`, `a/b`. */
function above(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}
