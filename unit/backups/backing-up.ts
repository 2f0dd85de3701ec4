import { Readable } from 'node:stream';
import type { BackupAnswer, BackupRequest } from '../../api/contract/backups.ts';
import { createBundle } from '../../backup/create.ts';
import { bundleName } from '../../backup/name.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { StoreSnapshot } from '../../store/snapshot.ts';
import { readIdentity } from '../identity.ts';

/** Whoever takes nothing for so long has gone: what they hold back lets the store grow. */
const STALLED_MS = 5 * 60_000;

/**
 * A bundle of what `snapshot` holds, which is closed however this ends.
 * Throws what createBundle throws.
 */
export async function backUp(
  snapshot: StoreSnapshot,
  catalog: Catalog,
  unitId: string,
  createdAt: Date,
  request: BackupRequest,
): Promise<BackupAnswer> {
  const unit = await identityIn(snapshot, unitId);
  const { manifest, bytes, estimatedBytes } = await createBundle({
    ...request,
    snapshot,
    catalog,
    unit,
    createdAt,
  });
  return {
    bytes: untilStalled(bytes),
    facts: {
      kind: manifest.kind,
      name: bundleName(unit.name, createdAt, manifest.kind),
      revision: manifest.revision,
      records: manifest.parts.reduce((sum, { records }) => sum + records, 0),
      keysLeftOut: manifest.keysLeftOut?.length ?? 0,
      estimatedBytes,
    },
  };
}

/** What the unit was called in the state that is kept, whatever it is called now. */
async function identityIn(snapshot: StoreSnapshot, id: string): ReturnType<typeof identified> {
  try {
    return await identified(snapshot, id);
  } catch (error) {
    snapshot.close();
    throw error;
  }
}

async function identified(snapshot: StoreSnapshot, id: string) {
  const read = async (path: string): Promise<JsonObject | undefined> => {
    for await (const record of snapshot.list(path)) return record.path === path ? record.value : undefined;
    return undefined;
  };
  return { id, ...(await readIdentity({ read }, id)) };
}

/** `bytes`, ended when nobody takes any. */
function untilStalled(bytes: Readable): Readable {
  let taken = false;
  async function* taking(): AsyncGenerator<unknown> {
    for await (const chunk of bytes) {
      taken = true;
      yield chunk;
    }
  }
  const watched = Readable.from(taking(), { objectMode: false });
  const watch = setInterval(() => {
    if (!taken) watched.destroy(new Error('nobody takes the bundle'));
    taken = false;
  }, STALLED_MS);
  watched.once('close', () => {
    clearInterval(watch);
    bytes.destroy();
  });
  return watched;
}
