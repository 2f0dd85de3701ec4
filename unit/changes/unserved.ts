import { fingerprintOf } from '../../backup/certificate-keys.ts';
import { pauses } from '../../host/event-loop.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';
import { joinRecord } from '../../schema/record.ts';
import { linksOf } from '../../store/links.ts';
import type { RecordChange } from '../../store/revision.ts';
import type { Store } from '../../store/store.ts';

/** A Virtual Service that shows a certificate whose private key is not here. */
export interface Unserved {
  path: string;
  /** Path of the certificate. */
  certificate: string;
  fingerprint?: string;
}

const MAX_NAMED = 100;
/** Kinds of records that show certificates to clients, in the field of this name. */
const SHOWING: ReadonlySet<string> = new Set(['virtualService', 'subVirtualService']);
const FIELD = 'certificates';

/**
 * Virtual Services that cannot be served once `changes` are made, or were: a certificate of theirs has no key. The first
 * 100 of `count`.
 */
export async function unservedAfter(
  store: Pick<Store, 'list' | 'read' | 'referrers'>,
  catalog: Catalog,
  changes: readonly RecordChange[],
): Promise<{ services: Unserved[]; count: number }> {
  const rest = pauses();
  const certificates = new Map<string, JsonObject | undefined>();
  const services = new Map<string, JsonObject | undefined>();
  for (const { path, after } of changes) {
    const pause = rest();
    if (pause !== undefined) await pause;
    const kind = catalog.kindOf(path);
    if (kind.name === 'certificate') certificates.set(path, joinRecord(kind, after));
    else if (SHOWING.has(kind.name)) services.set(path, joinRecord(kind, after));
  }
  for await (const { path, value } of store.list('certificates'))
    if (!certificates.has(path)) certificates.set(path, value);
  const keyless = [...certificates].filter(([, value]) => value !== undefined && value.key === undefined);
  const found: Unserved[] = [];
  const look = (path: string, value: JsonObject | undefined, only: ReadonlySet<string>): void => {
    if (value === undefined) return;
    for (const certificate of shownBy(catalog.kindOf(path), value).filter(shown => only.has(shown))) {
      const fingerprint = fingerprintOf(certificates.get(certificate) as JsonObject);
      found.push({ path, certificate, ...(fingerprint === undefined ? {} : { fingerprint }) });
    }
  };
  for (const [certificate] of keyless)
    for await (const source of store.referrers(certificate)) {
      await rest();
      if (!services.has(source)) look(source, await store.read(source), new Set([certificate]));
    }
  const all = new Set(keyless.map(([path]) => path));
  if (all.size > 0) for (const [path, value] of services) look(path, value, all);
  found.sort((one, other) => (one.path < other.path ? -1 : 1));
  return { services: found.slice(0, MAX_NAMED), count: found.length };
}

function shownBy(kind: Kind, value: JsonObject): string[] {
  if (!SHOWING.has(kind.name)) return [];
  return linksOf(kind, value).flatMap(({ field, targets }) => (field === FIELD ? targets : []));
}
