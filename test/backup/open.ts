import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import type { BundleRecord, Manifest } from '../../backup/bundle.ts';
import { type OpenOptions, openBundle } from '../../backup/read.ts';
import { BundleSource } from '../../backup/source.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Part } from '../../schema/kind.ts';
import { PASSPHRASE } from './forge.ts';

/** All of a bundle, as the reader gives it. */
export async function read(
  bytes: Buffer | AsyncIterable<Buffer>,
  { passphrase = PASSPHRASE, parts, ...options }: OpenOptions & { passphrase?: string; parts?: Part[] } = {},
): Promise<{ manifest: Manifest; records: BundleRecord[] }> {
  const source = await BundleSource.keep(
    Buffer.isBuffer(bytes) ? Readable.from([bytes]) : bytes,
    tmpdir(),
    'a bundle',
  );
  try {
    const opened = await openBundle(source, passphrase, options);
    const records: BundleRecord[] = [];
    for await (const record of opened.records(parts)) records.push(record);
    return { manifest: opened.manifest, records };
  } finally {
    await source.close();
  }
}

/** The refusal of a bundle; fails when it is taken. */
export async function refusal(bytes: Buffer, passphrase?: string): Promise<LockstepError> {
  try {
    await read(bytes, passphrase === undefined ? {} : { passphrase });
  } catch (error) {
    assert.ok(error instanceof LockstepError, String((error as Error).stack));
    return error;
  }
  throw new assert.AssertionError({ message: 'the bundle was taken' });
}
