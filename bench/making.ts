import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { SchemaCheck } from '../backup/check.ts';
import { type CreateOptions, createBundle } from '../backup/create.ts';
import { openBundle } from '../backup/read.ts';
import { BundleSource } from '../backup/source.ts';
import { loadCatalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { seeded } from './site.ts';

export const catalog = loadCatalog();
export const PASSPHRASE = 'correct horse battery staple';

const UNIT = { id: 'u', name: 'ha1', mode: 'single' as const, model: 'generic', release: '0.1.0' };

export async function create(snapshot: CreateOptions['snapshot'], file: string): Promise<void> {
  const options = { snapshot, catalog, unit: UNIT, createdAt: new Date(0), passphrase: PASSPHRASE };
  const { bytes } = await createBundle(options);
  await pipeline(bytes, createWriteStream(file));
}

export async function verify(file: string): Promise<void> {
  const source = await BundleSource.open(file);
  const check = new SchemaCheck(catalog);
  await openBundle(source, PASSPHRASE, { look: check.look });
  await source.close();
}

/** Records that pack about as badly as certificates do, as many as make `bytes`. */
export function incompressible(bytes: number): CreateOptions['snapshot'] {
  const random = seeded(2);
  const text = (): string => Array.from({ length: 1000 }, () => random(64).toString(36)).join('');
  const texts = Array.from({ length: 997 }, text);
  async function* list(top: string): AsyncGenerator<ConfigRecord> {
    if (top !== 'intermediates') return;
    for (let index = 0, made = 0; made < bytes; index++) {
      const certificate = `${index * 7919} ${texts[index % 997]?.slice(index % 500)}${texts[(index * 31) % 997]}`;
      made += certificate.length;
      yield { path: `intermediates/c${1e9 + index}`, value: { certificate } };
    }
  }
  const head = {
    revision: 1,
    epoch: 1,
    digest: '',
    role: 'active' as const,
    records: 0,
    common: '',
    commonRevision: 0,
  };
  return { head, list, close: () => undefined };
}
