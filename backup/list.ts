import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../schema/error.ts';
import type { BundleKind } from './bundle.ts';
import { dateNamed, kindNamed, SUFFIX } from './name.ts';
import { HEAD_BYTES, type Profile, readHead } from './packets.ts';
import { BundleSource } from './source.ts';

/** What can be told of a bundle without its passphrase. */
export interface ListedBundle {
  file: string;
  /** As its name says. */
  kind: BundleKind;
  bytes: number;
  /** ISO 8601: the date in its name where there is one, because a copy of a file is newer than what is in it; else when it was written. */
  madeAt: string;
  /** null: it has not the form of a bundle. */
  profile: Profile | null;
  /** Why it has not. */
  reason?: string;
}

/** The bundles in a folder, newest first; none when there is no folder. */
export async function listBundles(folder: string): Promise<ListedBundle[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new LockstepError('bad-usage', `${folder} cannot be read: ${error.message}.`);
  });
  const bundles = [];
  for (const name of names.filter(each => each.endsWith(SUFFIX)).sort())
    bundles.push(await look(join(folder, name)));
  return bundles.sort((a, b) => (a.madeAt < b.madeAt ? 1 : -1));
}

async function look(file: string): Promise<ListedBundle> {
  const kind = kindNamed(file);
  let source: BundleSource | undefined;
  try {
    source = await BundleSource.open(file);
    const facts = {
      file,
      kind,
      bytes: source.size,
      madeAt: (dateNamed(file) ?? source.modifiedAt).toISOString(),
    };
    try {
      return { ...facts, profile: readHead(await source.head(HEAD_BYTES)).profile };
    } catch (error) {
      return { ...facts, profile: null, reason: (error as Error).message };
    }
  } catch (error) {
    return { file, kind, bytes: 0, madeAt: '', profile: null, reason: (error as Error).message };
  } finally {
    await source?.close();
  }
}
