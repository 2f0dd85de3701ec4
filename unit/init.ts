import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { syncFolder } from '../host/durable-file.ts';
import { loadCatalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { RULES } from '../schema/rules/index.ts';
import { openLmdb } from '../store/lmdb/lmdb.ts';
import { Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import { fingerprint, loadOrCreateKey } from '../sync/ssh/keys.ts';
import { WEB_CERTIFICATE } from './certificates/registry.ts';
import { isThere, lockFolder, makeFolder, unitFolder } from './folder.ts';
import { DEFAULT_MODEL, DEFAULT_PORT, packageVersion, type UnitFacts } from './identity.ts';

export interface InitOptions {
  dir: string;
  mode: 'single' | 'first' | 'second';
  /** Host name of the unit; default the machine's. */
  name?: string;
  /** Own address with prefix: `10.20.0.11/24`. */
  address?: string;
  /** Shared address of the pair. */
  shared?: string;
  /** The partner's own address. */
  partner?: string;
  virtualId?: number;
  port?: number;
}

import { makeWebCertificate } from './certificates/web-certificate.ts';

/** The interface that `init` describes; more are added with `lockstep set`. */
const INTERFACE = 'eth0';

/**
 * Make a unit: folders, keys, and the records that the options say. The first unit of a pair and a single
 * unit start as active, the second as standby. Throws `unit-exists`, `bad-usage`, and what a commit throws.
 */
export async function initUnit(
  options: InitOptions,
): Promise<{ dir: string; fingerprint: string; mode: InitOptions['mode'] }> {
  const folder = unitFolder(options.dir);
  if (isThere(folder.hostKey)) {
    throw new LockstepError('unit-exists', `There is a unit in ${options.dir} already.`, {
      hint: 'Choose another --dir, or start it with lockstep serve.',
    });
  }
  process.umask(0o077);
  const changes = initialChanges(options);
  makeFolder(folder);
  const unlock = await lockFolder(folder);
  const store = await Store.open({
    port: openLmdb(folder.store),
    catalog: loadCatalog(folder.siteSchemas),
    rules: RULES,
    now: () => new Date(),
  });
  try {
    const facts: UnitFacts = {
      id: randomUUID(),
      port: options.port ?? DEFAULT_PORT,
      createdAt: new Date().toISOString(),
    };
    await store.writeLocal('unit', facts);
    await store.commit({
      changes,
      kind: 'init',
      author: userInfo().username,
      reason: `lockstep init --mode ${options.mode}`,
    });
    if (options.mode !== 'second') await store.setRole('active', 1);
    await loadOrCreateKey(folder.clientKey, `lockstep client ${facts.id}`);
    // The host key comes last: it is what makes the folder a unit.
    const hostKey = await loadOrCreateKey(folder.hostKey, `lockstep host ${facts.id}`);
    // What was made lives in its folder, and the folder in the one above.
    for (const made of [folder.store, folder.dir]) await syncFolder(made);
    await syncFolder(dirname(folder.dir)).catch(() => undefined); // it may be closed to whoever makes a unit below it
    return { dir: options.dir, fingerprint: fingerprint(hostKey.public), mode: options.mode };
  } finally {
    await store.close();
    unlock();
  }
}

function initialChanges(options: InitOptions): Change[] {
  const pair = options.mode !== 'single';
  const name = options.name ?? (hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-') || 'unit');
  const changes: Change[] = [
    { op: 'put', path: 'host', value: { hostname: name } },
    { op: 'put', path: 'licence', value: { model: DEFAULT_MODEL, release: packageVersion() } },
    { op: 'put', path: 'ha', value: haRecord(options) },
    // There from the start, so that each unit can be given a password of its own before it ever meets its partner.
    { op: 'put', path: 'users/bal', value: {} },
  ];
  const address: JsonObject = options.address === undefined ? {} : splitAddress(options.address);
  const reached = [address.address, options.shared].filter(each => typeof each === 'string');
  const web = makeWebCertificate({ hostname: name, addresses: reached }, new Date());
  changes.push({ op: 'put', path: WEB_CERTIFICATE, value: web });
  const addresses: JsonObject = {
    ...address,
    ...(options.shared === undefined ? {} : { sharedAddress: options.shared }),
    ...(options.partner === undefined ? {} : { partnerAddress: options.partner }),
  };
  if (Object.keys(addresses).length > 0) {
    changes.push({
      op: 'put',
      path: `interfaces/${INTERFACE}`,
      value: { ...addresses, ...(pair ? { haChecks: true } : {}) },
    });
  }
  return changes;
}

function haRecord({ mode, shared, virtualId, address, partner }: InitOptions): JsonObject {
  const id = virtualId ?? (shared === undefined ? undefined : virtualIdOf(shared));
  const hasInterface = (address ?? partner ?? shared) !== undefined;
  return {
    mode: mode === 'single' ? 'none' : mode,
    ...(id === undefined ? {} : { virtualId: id }),
    ...(mode !== 'single' && hasInterface ? { updateInterface: INTERFACE } : {}),
  };
}

/** The last 8 bits of the shared address (docs/DOMAIN.md, HA parameters); 0 is no Virtual ID. */
function virtualIdOf(shared: string): number | undefined {
  const last = shared.includes(':')
    ? Number.parseInt(shared.split(':').at(-1) ?? '', 16) & 0xff
    : Number(shared.split('.').at(-1));
  return last >= 1 && last <= 255 ? last : undefined;
}

function splitAddress(text: string): JsonObject {
  const [address, prefix, ...rest] = text.split('/');
  if (!address || !prefix || rest.length > 0 || !/^\d+$/.test(prefix)) {
    throw new LockstepError('bad-usage', `"${text}" is not an address with its prefix.`, {
      hint: 'For example: --address 10.20.0.11/24',
    });
  }
  return { address, prefix: Number(prefix) };
}
