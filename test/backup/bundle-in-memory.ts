import { type Bundle, type BundleRecord, FORMAT, type Manifest } from '../../backup/bundle.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { PARTS } from '../../schema/kind.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Store } from '../../store/store.ts';

export type ManifestFacts = Partial<Omit<Manifest, 'unit'>> & { unit?: Partial<Manifest['unit']> };

/** A bundle of these records that needs no file. */
export function bundleOf(catalog: Catalog, records: BundleRecord[], facts: ManifestFacts = {}): Bundle {
  const partOf = (path: string): string | undefined => {
    try {
      return catalog.kindOf(path).part;
    } catch {
      return 'base'; // a kind that nobody knows
    }
  };
  const manifest: Manifest = {
    format: FORMAT,
    kind: 'configuration',
    createdAt: '2026-01-02T03:04:05.000Z',
    schemaDigest: catalog.digest,
    kinds: { ...catalog.kindDigests },
    revision: 7,
    epoch: 1,
    digest: EMPTY_DIGEST,
    parts: PARTS.map(part => ({ part, file: `parts/${part}.ndjson`, records: 0, bytes: 0, sha256: '' })),
    withKeys: true,
    ...facts,
    unit: { id: 'a', name: 'lb-old', mode: 'single', model: 'generic', release: '1.0.0', ...facts.unit },
  };
  return {
    manifest,
    async *records(parts = PARTS) {
      for (const part of parts) for (const record of records) if (partOf(record.path) === part) yield record;
    },
  };
}

/** What a backup of the whole store would hold. */
export async function bundleFrom(store: Store, facts: ManifestFacts = {}): Promise<Bundle> {
  const records: BundleRecord[] = [];
  for await (const record of store.list()) records.push(record);
  return bundleOf(store.catalog, records, { digest: store.head.digest, ...facts });
}
