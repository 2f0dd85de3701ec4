import { EventEmitter } from 'node:events';
import type { BundleRecord } from '../../backup/bundle.ts';
import type { CreateOptions } from '../../backup/create.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Part } from '../../schema/kind.ts';
import { catalog, exampleOf, kindNamed } from '../schema/records-of.ts';
import { PASSPHRASE } from './forge.ts';

export { catalog };

/** One state of a configuration, held in memory and listed as a store lists it. */
export class State extends EventEmitter {
  readonly head = {
    revision: 41,
    epoch: 3,
    digest: 'ab'.repeat(32),
    role: 'active' as const,
    records: 0,
    common: '',
    commonRevision: 0,
  };
  closed = 0;
  readonly records: readonly BundleRecord[];

  constructor(records: readonly BundleRecord[]) {
    super();
    this.records = [...records].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async *list(path: string): AsyncGenerator<BundleRecord> {
    for (const record of this.records) {
      if (this.closed > 0) throw new Error('it was read after it was closed');
      if (path === '' || record.path === path || record.path.startsWith(`${path}/`)) yield record;
    }
  }

  close(): void {
    this.closed++;
    this.emit('closed');
  }
}

export const UNIT = { id: 'u', name: 'ha1', mode: 'first' as const, model: 'generic', release: '0.1.0' };

export function options(
  snapshot: CreateOptions['snapshot'],
  more: Partial<CreateOptions> = {},
): CreateOptions {
  return {
    snapshot,
    catalog,
    unit: UNIT,
    createdAt: new Date('2026-11-22T04:30:00Z'),
    passphrase: PASSPHRASE,
    ...more,
  };
}

export async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function partOf({ path }: BundleRecord, kinds: Catalog = catalog): Part {
  return kinds.kindOf(path).part;
}

const certificate = (more: JsonObject = {}): JsonObject => ({
  ...exampleOf(kindNamed('certificate')),
  ...more,
});
export const KEY = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n';

/** A little of each part. */
export const SITE: readonly BundleRecord[] = [
  { path: 'host', value: { hostname: 'ha1' } },
  { path: 'ha', value: { mode: 'first', sharedAddress: '10.0.0.10', virtualId: 10 } },
  { path: 'virtualServices/tcp:10.0.0.100:443', value: { enable: true, nickname: 'Büro – 日本' } },
  { path: 'virtualServices/tcp:10.0.0.100:443/realServers/10.0.1.7:8080', value: { weight: 1000 } },
  { path: 'certificates/shop', value: certificate({ key: KEY }) },
  { path: 'certificates/plain', value: certificate() },
  { path: `certificates/${'long'.repeat(60)}`, value: certificate() },
  { path: 'intermediates/issuing', value: exampleOf(kindNamed('intermediate')) },
];
