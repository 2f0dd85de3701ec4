import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { JsonObject } from '../schema/json.ts';
import { placeNames } from '../schema/places.ts';
import type { Head } from './head.ts';
import { keys } from './keys.ts';
import { PLACED } from './links.ts';
import { type Entry, type StorePort, withPrefix } from './port.ts';

/**
 * Puts the place names of all records into the index of a store that was last written by a release which knew none; once, when
 * it is opened. What cannot be read is left to those who look for damage.
 */
export async function indexPlaces(catalog: Catalog, port: StorePort, head: Readonly<Head>): Promise<void> {
  const kind = catalog.kindNamed(PLACED);
  if (head.revision === 0 || head.indexed === head.revision || kind === undefined) return;
  const [collection = ''] = kind.template;
  const put: Entry[] = [];
  const rest = pauses();
  for await (const [key, stored] of port.range(withPrefix(keys.pair(`${collection}/`)))) {
    await rest();
    const path = key.slice(keys.pair('').length);
    if (path.split('/').length !== kind.template.length) continue;
    for (const name of placeNames(readable(stored))) put.push([keys.referrer(name, path), Buffer.alloc(0)]);
  }
  if (put.length > 0) await port.batch({ expect: [], put, remove: [] });
}

function readable(stored: Buffer): JsonObject {
  try {
    return JSON.parse(stored.toString()) as JsonObject;
  } catch {
    return {};
  }
}
