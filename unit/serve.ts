import { mkdirSync } from 'node:fs';
import { spreadOf } from '../backup/schedule.ts';
import { machineClock } from '../host/clock.ts';
import { realTimers } from '../host/timers.ts';
import { type Catalog, loadCatalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { NOTICES, RULES } from '../schema/rules/index.ts';
import { DAMAGE_HINT, damagedStore } from '../store/damage.ts';
import { openLmdb } from '../store/lmdb/lmdb.ts';
import { Mirror } from '../store/mirror/mirror.ts';
import { Store } from '../store/store.ts';
import { watchedPort } from '../store/watched-port.ts';
import { fingerprint, loadOrCreateKey } from '../sync/ssh/keys.ts';
import { Auditing } from './audits/auditing.ts';
import { runHook } from './audits/hook.ts';
import { sendMail } from './audits/mail.ts';
import { Shelf } from './backups/bundle-folder.ts';
import { Drills } from './backups/drills.ts';
import { openBundle } from './backups/open-bundle.ts';
import { BackupRunner } from './backups/runner.ts';
import { sendBundle } from './backups/send-bundle.ts';
import { Incoming } from './backups/uploads.ts';
import { CertificateRoom } from './certificates/service.ts';
import { Committing } from './changes/committing.ts';
import type { RebuildAnswer, ServeOperator, UnitFace } from './contract.ts';
import { diskOf } from './doctor/machine-facts.ts';
import { Events } from './events.ts';
import {
  assertKeysPrivate,
  assertUnit,
  lockFolder,
  makeFolder,
  type UnitFolder,
  unitFolder,
} from './folder.ts';
import { readIdentity, type UnitFacts } from './identity.ts';
import type { Rotation } from './log/file.ts';
import { type Log, openLog } from './log/log.ts';
import { Metrics } from './metrics.ts';
import { Pair } from './pair/pair.ts';
import { StandingProblems } from './pair/problems.ts';
import { DiskWatch } from './store-care/disk-watch.ts';
import { Growth } from './store-care/growth.ts';
import { Health, noting } from './store-care/health.ts';
import { HistoryKeeper } from './store-care/history-keeper.ts';
import { historyNeeds } from './store-care/history-needs.ts';
import { finishRebuild, rebuildStore } from './store-care/rebuild.ts';
import { pageFindings, Scrub } from './store-care/scrub.ts';
import { StartBook } from './store-care/starts.ts';
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
  logRotation: Rotation;
  /** Time in which the scrub verifies the whole store; 0: only when somebody asks. */
  scrubHours: number;
}

/** Opens the face that people and programs reach the unit by; handed in, because unit/ does not know its faces. */
export type StartApi = (
  unit: UnitFace,
  socketPath: string,
  log: Log,
) => Promise<{ close(): Promise<void>; serveOperator: ServeOperator }>;

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
  finishRebuild(folder);
  assertUnit(folder);
  assertKeysPrivate(folder);
  makeFolder(folder);
  const unlock = await lockFolder(folder);
  try {
    const { log, reopen } = openLog(folder.log, options.logLevel, options.logRotation);
    const around = { options, folder, log, startApi };
    const running = await start(around);
    process.on('SIGHUP', reopen);
    notifySystemd('READY=1');
    return { stopped: serveOn(around, running).finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}

interface Surroundings {
  options: ServeOptions;
  folder: UnitFolder;
  log: Log;
  startApi: StartApi;
}

/** An answer is out by then. */
const ANSWER_OUT_MS = 50;
/** What is being answered when the store is lost gets this long to go out. */
const LOST_MS = 500;

/** What runs, until it is closed. */
interface Running {
  close(): Promise<void>;
  /** Resolves when a rebuild has put another store in place and wants a start on it; rejects when the store is lost. */
  replaced: Promise<void>;
}

/** Serves until a signal; after a rebuild everything is closed and started again on the new store. */
async function serveOn(around: Surroundings, first: Running): Promise<void> {
  const signal = nextSignal(around.log);
  for (let running = first; ; ) {
    const why = await Promise.race([
      signal.then(() => 'stop' as const),
      running.replaced.then(
        () => 'replaced' as const,
        (lost: LockstepError) => lost,
      ),
    ]);
    if (why instanceof LockstepError) {
      running.close().catch(() => undefined);
      setTimeout(() => process.exit(), LOST_MS).unref(); // whatever still waits for the store waits in vain
      throw why;
    }
    await running.close();
    if (why === 'stop') return;
    running = await start(around);
  }
}

async function start({ options, folder, log, startApi }: Surroundings): Promise<Running> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    mkdirSync(folder.siteSchemas, { recursive: true, mode: 0o700 });
    const catalog = loadCatalog(folder.siteSchemas);
    for (const { name } of catalog.kinds.filter(kind => !kind.saysChangedBy))
      log.warn({ kind: name }, 'a kind of this site is for admins only: it does not say who may change it');
    const now = (): Date => new Date();
    const events = new Events(log);
    const health = Health.open({ file: folder.damage, events, log, now });
    closers.push(() => health.settled());
    let replace: () => void = () => undefined;
    let giveUp: (error: LockstepError) => void = () => undefined;
    const replaced = new Promise<void>((resolve, reject) => {
      replace = resolve;
      giveUp = reject;
    });
    replaced.catch(() => undefined); // told to whoever waits for it
    const disk = new DiskWatch({
      folder: folder.store,
      health,
      events,
      timers: realTimers,
      now,
      log,
      freeBytes: async () => (await diskOf(folder.dir))?.freeBytes,
    });
    closers.push(() => disk.stop());
    const lost = (error: LockstepError): void => {
      log.error({ code: error.code, reason: error.message }, 'the store is lost to this process');
      setImmediate(giveUp, error);
    };
    const store = await openStore(folder, catalog, health, now, lost, error => disk.refused(error));
    closers.push(() => store.close());
    closers.push(events.follow(store));
    const facts = await readFacts(store, options.dir);
    const starts = await StartBook.open(store, machineClock(), log);
    closers.push(() => starts.close());
    const identity = await readIdentity(store, facts.id);
    const hostKey = await loadOrCreateKey(folder.hostKey);
    const clientKey = await loadOrCreateKey(folder.clientKey);
    const metrics = new Metrics();
    metrics.follow(events);
    const incoming = new Incoming(folder.incoming, realTimers);
    closers.push(() => incoming.clear());
    events.on('operatorGone', ({ name }) => void incoming.dropOf(`operator:${name}`).catch(() => undefined));
    let mirror: Mirror | undefined;
    const auditing = await Auditing.open({
      store,
      catalog,
      health,
      incoming,
      openBundle,
      hostKey,
      troubles: () => mirror?.troubles() ?? [],
      runHook: (name, facts, timeoutMs) => runHook(folder.hooks, name, facts, timeoutMs),
      sendMail,
      events,
      timers: realTimers,
      now,
      log,
    });
    closers.push(() => auditing.stop());
    const pair = await Pair.start({
      store,
      catalog,
      dir: options.dir,
      facts,
      identity,
      hostKey,
      clientKey,
      partnerFile: folder.partner,
      listenAddress: options.listenAddress,
      port: options.port ?? facts.port,
      intervalSeconds: options.intervalSeconds,
      everyCommit: options.everyCommit,
      timers: realTimers,
      now,
      clock: machineClock,
      starts,
      log,
      metrics,
      health,
      events,
      audit: auditing,
      fileCounts: () => mirror?.counts() ?? { waiting: 0, unwritten: 0 },
    });
    const stopPair = once(() => pair.stop());
    closers.push(stopPair);
    mirror = options.mirror
      ? await Mirror.start({ store, catalog, folder: folder.config, log, clock: machineClock })
      : undefined;
    const stopMirror = once(async () => mirror?.stop());
    closers.push(stopMirror);
    const scrub = Scrub.start({
      store,
      health,
      folder: folder.store,
      file: folder.scrub,
      hours: options.scrubHours,
      timers: realTimers,
      now,
      log,
    });
    closers.push(() => scrub.stop());
    // The old store stays open, so that the unit answers to the end.
    const startEmpty = async (): Promise<RebuildAnswer> => {
      try {
        await stopCertificates();
        await stopMirror();
        await stopPair();
        const rebuilt = await rebuildStore(folder, now());
        log.warn(rebuilt, 'the store is rebuilt from the partner');
        return rebuilt;
      } finally {
        setImmediate(replace);
      }
    };
    const drills = await Drills.open({ store, catalog, openBundle, log, now });
    const shelf = new Shelf(folder.backups, drills, log);
    const backups = await BackupRunner.start({
      store,
      catalog,
      unitId: facts.id,
      spread: isSecond => spreadOf(pair.pairId || facts.id, isSecond),
      drills,
      shelf,
      send: sendBundle,
      timers: realTimers,
      now,
      log,
      events,
    });
    closers.push(() => backups.stop());
    const growth = await Growth.start({
      store,
      folder,
      timers: realTimers,
      now,
      log,
      onSample: () => keeper.look(),
    });
    closers.push(() => growth.stop());
    const keeper = await HistoryKeeper.start({
      store,
      catalog,
      timers: realTimers,
      aged: days => growth.aged(days),
      needs: () => historyNeeds(store, pair, options.mirror),
      isBusy: () => pair.isUpdating,
      log,
    });
    closers.push(() => keeper.stop());
    const committing = new Committing(pair, machineClock, () => realTimers.now());
    const certificates = new CertificateRoom({
      store,
      catalog,
      committing,
      events,
      folder: folder.certificates,
      bootId: machineClock().bootId,
      timers: realTimers,
      now,
      log,
    });
    const stopCertificates = once(() => certificates.stop());
    closers.push(stopCertificates);
    const standing = new StandingProblems({ store, catalog, rules: RULES, timers: realTimers, log });
    closers.push(() => standing.stop());
    const unit = noting(
      new Unit({
        id: facts.id,
        store,
        catalog,
        pair,
        mirror,
        metrics,
        committing,
        scrub,
        startEmpty,
        startAgain: () => void setTimeout(replace, ANSWER_OUT_MS),
        incoming,
        openBundle,
        drills,
        send: sendBundle,
        shelf,
        backups,
        certificates,
        folder,
        fingerprint: fingerprint(hostKey.public),
        log,
        auditing,
        keeper,
        growth,
        standing,
        disk,
      }),
      health,
    );
    const api = await startApi(unit, folder.socket, log);
    closers.push(() => api.close());
    pair.serveOperators(api.serveOperator);
    certificates.start();
    standing.start();
    log.info({ dir: options.dir, ...pair.address, mode: identity.mode, ...store.head }, 'serving');
    return { close, replaced };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * LMDB is let at the file only when its pages are good: it trusts them, and may take the process along. What is
 * wrong with the configuration in them leaves the unit damaged, but able to answer.
 */
async function openStore(
  folder: UnitFolder,
  catalog: Catalog,
  health: Health,
  now: () => Date,
  onLost: (error: LockstepError) => void,
  onRefused: (error: LockstepError) => void,
): Promise<Store> {
  const [fault] = await pageFindings(folder.store);
  if (fault !== undefined) throw damagedStore(fault);
  const store = await Store.open({
    port: watchedPort(openLmdb(folder.store, onLost), onRefused),
    catalog,
    rules: [...RULES, ...NOTICES],
    now,
    onDamage: finding => health.found('a commit or an update', [finding]),
    assertGood: () => health.assertGood(),
  });
  health.found('the start', await store.verifyRoot());
  return store;
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}

async function readFacts(store: Store, dir: string): Promise<UnitFacts> {
  const facts = await store.readLocal<UnitFacts>('unit');
  if (facts !== undefined) return facts;
  throw new LockstepError('damaged-store', `The store in ${dir} does not know its unit.`, {
    hint: DAMAGE_HINT,
  });
}

function nextSignal(log: Log): Promise<void> {
  return new Promise(resolve => {
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      log.info({ signal }, 'stopping');
      notifySystemd('STOPPING=1');
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
