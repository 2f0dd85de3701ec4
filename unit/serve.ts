import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { loadCatalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { RULES } from '../schema/rules/index.ts';
import { openLmdb } from '../store/lmdb.ts';
import { Mirror } from '../store/mirror.ts';
import { Store } from '../store/store.ts';
import { loadOrCreateKey } from '../sync/keys.ts';
import type { Timers } from '../sync/requests.ts';
import type { UnitFace } from './face.ts';
import { assertKeysPrivate, assertUnit, lockFolder, makeFolder, unitFolder } from './folder.ts';
import { readIdentity, type UnitFacts } from './identity.ts';
import { type Log, openLog } from './log.ts';
import { machineClock } from './machine-clock.ts';
import { Metrics } from './metrics.ts';
import { Pair } from './pair.ts';
import { StartBook } from './start-book.ts';
import { notifySystemd } from './systemd.ts';
import { Unit } from './unit.ts';

export interface ServeOptions {
  dir: string;
  /** Seconds between periodic updates. */
  intervalSeconds: number;
  /** Default: the unit's own address on the update interface; without one, all addresses. */
  listenAddress?: string;
  /** Default: what `init` was told. */
  port?: number;
  /** Send an update on every commit too. */
  everyCommit: boolean;
  /** Keep the files under config/. */
  mirror: boolean;
  logLevel: string;
}

/** Opens the face that people and programs reach the unit by; handed in, because unit/ does not know its faces. */
export type StartApi = (unit: UnitFace, socketPath: string, log: Log) => Promise<{ close(): Promise<void> }>;

/**
 * Run a unit until SIGTERM or SIGINT. Resolves once it serves; `stopped` resolves when everything is closed.
 * Throws `no-unit`, `unit-busy`, `port-in-use`, `bad-schema`, `damaged-store`, `lax-permissions`.
 */
export async function serveUnit(
  options: ServeOptions,
  startApi: StartApi,
): Promise<{ stopped: Promise<void> }> {
  process.umask(0o077);
  const folder = unitFolder(options.dir);
  assertUnit(folder);
  assertKeysPrivate(folder);
  makeFolder(folder);
  const closers: (() => void | Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    closers.push(await lockFolder(folder));
    const { log, reopen } = openLog(folder.log, options.logLevel);
    mkdirSync(folder.siteSchemas, { recursive: true, mode: 0o700 });
    const catalog = loadCatalog(folder.siteSchemas);
    const now = (): Date => new Date();
    const store = await Store.open({ port: openLmdb(folder.store), catalog, rules: RULES, now });
    closers.push(() => store.close());
    const facts = await readFacts(store, options.dir);
    const starts = await StartBook.open(store, machineClock(), log);
    closers.push(() => starts.close());
    const identity = await readIdentity(store, facts.id);
    const hostKey = await loadOrCreateKey(folder.hostKey);
    const clientKey = await loadOrCreateKey(folder.clientKey);
    const metrics = new Metrics();
    const pair = await Pair.start({
      store,
      catalog,
      dir: options.dir,
      facts,
      identity,
      hostKey,
      clientKey,
      partnerFile: folder.partner,
      address: options.listenAddress ?? (await ownAddress(store)) ?? '::',
      port: options.port ?? facts.port,
      intervalSeconds: options.intervalSeconds,
      everyCommit: options.everyCommit,
      timers: realTimers,
      now,
      clock: machineClock,
      starts,
      log,
      metrics,
    });
    closers.push(() => pair.stop());
    const mirror = options.mirror
      ? await Mirror.start({ store, catalog, folder: folder.config, log })
      : undefined;
    closers.push(async () => mirror?.stop());
    const api = await startApi(
      new Unit({ store, catalog, pair, mirror, metrics, clock: machineClock }),
      folder.socket,
      log,
    );
    closers.push(() => api.close());
    process.on('SIGHUP', reopen);
    log.info({ dir: options.dir, ...pair.address, mode: identity.mode, ...store.head }, 'serving');
    notifySystemd('READY=1');
    return { stopped: untilSignal(log, closeAll) };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function readFacts(store: Store, dir: string): Promise<UnitFacts> {
  const facts = await store.readLocal<UnitFacts>('unit');
  if (facts !== undefined) return facts;
  throw new LockstepError('damaged-store', `The store in ${dir} does not know its unit.`, {
    hint: 'Restore a bundle, or make the unit anew with lockstep init.',
  });
}

/** Where updates travel: the unit's address on the update interface (docs/DOMAIN.md, Promises). */
async function ownAddress(store: Store): Promise<string | undefined> {
  const chosen = (await store.read('ha'))?.updateInterface;
  if (typeof chosen !== 'string') return undefined;
  const address = (await store.read(`interfaces/${chosen}`))?.address;
  return typeof address === 'string' && isIP(address) > 0 ? address : undefined;
}

const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

function untilSignal(log: Log, closeAll: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      log.info({ signal }, 'stopping');
      notifySystemd('STOPPING=1');
      closeAll().then(resolve, reject);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
