/** The composition root: what a running unit is made of, in the order in which its parts need each other. */
import { mkdirSync } from 'node:fs';
import type { Handlers } from '../api/contract/methods.ts';
import type { ServeOperator } from '../api/contract/roles.ts';
import type { RebuildAnswer } from '../api/contract/store-care.ts';
import { spreadOf } from '../backup/schedule.ts';
import { machineClock } from '../host/clock.ts';
import { realTimers } from '../host/timers.ts';
import { type Catalog, loadCatalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { NOTICES, RULES } from '../schema/rules/index.ts';
import { DAMAGE_HINT, damagedStore } from '../store/damage.ts';
import { openLmdb } from '../store/lmdb/lmdb.ts';
import type { OnCommit } from '../store/mirror/edit.ts';
import { Mirror } from '../store/mirror/mirror.ts';
import { Store } from '../store/store.ts';
import { watchedPort } from '../store/watched-port.ts';
import { fingerprint, loadOrCreateKey } from '../sync/ssh/keys.ts';
import { Auditing } from './audits/auditing.ts';
import { runHook } from './audits/hook.ts';
import { sendMail } from './audits/mail.ts';
import { BundleFolder } from './backups/bundle-folder.ts';
import { Drills } from './backups/drills.ts';
import { openBundle } from './backups/open-bundle.ts';
import { BackupRunner } from './backups/runner.ts';
import { sendBundle } from './backups/send-bundle.ts';
import { Incoming } from './backups/uploads.ts';
import { CertificateService } from './certificates/service.ts';
import { ChangeAnswers } from './changes/change-answers.ts';
import { Committing } from './changes/committing.ts';
import { diskOf } from './doctor/machine-facts.ts';
import { Events } from './events.ts';
import type { UnitFolder } from './folder.ts';
import { makeHandlers } from './handlers.ts';
import { readIdentity, type UnitFacts } from './identity.ts';
import type { Log } from './log/log.ts';
import { Metrics } from './metrics.ts';
import { Pair } from './pair/pair.ts';
import { StandingProblems } from './pair/problems.ts';
import { DiskWatch } from './store-care/disk-watch.ts';
import { Growth } from './store-care/growth.ts';
import { Health, noting } from './store-care/health.ts';
import { HistoryKeeper } from './store-care/history-keeper.ts';
import { historyNeeds } from './store-care/history-needs.ts';
import { rebuildStore } from './store-care/rebuild.ts';
import { pageFindings, Scrub } from './store-care/scrub.ts';
import { StartCounter } from './store-care/starts.ts';

export interface ComposeOptions {
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
  /** Time in which the scrub verifies the whole store; 0: only when somebody asks. */
  scrubHours: number;
}

/**
 * Opens the API that people and programs reach the unit by; handed in, because unit/ does not know it. `beforeListening` is called
 * when it could answer, before anybody reaches it.
 */
export type StartApi = (
  unit: Handlers,
  socketPath: string,
  log: Log,
  beforeListening: (serveOperator: ServeOperator) => Promise<void>,
) => Promise<{ close(): Promise<void> }>;

export interface Surroundings {
  options: ComposeOptions;
  folder: UnitFolder;
  log: Log;
  startApi: StartApi;
}

/** What runs, until it is closed. */
export interface Running {
  close(): Promise<void>;
  /** Resolves when a rebuild has put another store in place and wants a start on it; rejects when the store is lost. */
  replaced: Promise<void>;
}

/** An answer is out by then. */
const ANSWER_OUT_MS = 50;

/** Throws `bad-schema`, `damaged-store`, `port-in-use`, and what opening the API throws. */
export async function compose({ options, folder, log, startApi }: Surroundings): Promise<Running> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  const closed = <Part extends { stop(): void | Promise<void> }>(part: Part): Part => {
    closers.push(() => part.stop());
    return part;
  };
  try {
    mkdirSync(folder.siteSchemas, { recursive: true, mode: 0o700 });
    const catalog = loadCatalog(folder.siteSchemas);
    for (const { name } of catalog.kinds.filter(kind => !kind.saysChangedBy))
      log.warn({ kind: name }, 'a kind of this site is for admins only: it does not say who may change it');
    const now = (): Date => new Date();
    const around = { catalog, timers: realTimers, now, clock: machineClock, events: new Events(log), log };
    const { events } = around;
    const replacement = new Replacement();
    const health = Health.open({ ...around, file: folder.damage });
    closers.push(() => health.settled());
    const disk = closed(
      new DiskWatch({
        ...around,
        folder: folder.store,
        health,
        freeBytes: async () => (await diskOf(folder.dir))?.freeBytes,
      }),
    );
    const lost = (error: LockstepError): void => {
      log.error({ code: error.code, reason: error.message }, 'the store is lost to this process');
      setImmediate(() => replacement.giveUp(error));
    };
    const store = await openStore(folder, catalog, health, now, lost, error => disk.refused(error));
    closers.push(() => store.close(), events.follow(store));
    const base = { ...around, store, health };
    const metrics = new Metrics();
    metrics.follow(events);
    logCommits(events, log);
    const facts = await readFacts(store, options.dir);
    const starts = await StartCounter.open(store, machineClock(), log);
    closers.push(() => starts.close());
    const identity = await readIdentity(store, facts.id);
    const hostKey = await loadOrCreateKey(folder.hostKey);
    const clientKey = await loadOrCreateKey(folder.clientKey);
    const incoming = new Incoming(folder.incoming, realTimers);
    closers.push(() => incoming.clear());
    events.on('operatorGone', ({ name }) => void incoming.dropOf(`operator:${name}`).catch(() => undefined));
    const onCommit: OnCommit = result => events.emit('filesCommitted', result);
    const mirror = options.mirror
      ? await Mirror.start({ ...base, folder: folder.config, onCommit })
      : undefined;
    const stopMirror = once(async () => mirror?.stop());
    closers.push(stopMirror);
    const pair = await Pair.open({
      ...base,
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
      starts,
      metrics,
      fileCounts: () => mirror?.counts() ?? { waiting: 0, unwritten: 0 },
    });
    const stopPair = once(() => pair.stop());
    closers.push(stopPair);
    const auditing = closed(
      await Auditing.open({
        ...base,
        incoming,
        openBundle,
        hostKey,
        troubles: () => mirror?.troubles() ?? [],
        runHook: (name, told, timeoutMs) => runHook(folder.hooks, name, told, timeoutMs),
        sendMail,
        pair: pair.audited,
      }),
    );
    const scrub = closed(
      Scrub.start({ ...base, folder: folder.store, file: folder.scrub, hours: options.scrubHours }),
    );
    const drills = await Drills.open({ ...base, openBundle });
    const bundles = new BundleFolder(folder.backups, drills, log);
    const backups = closed(
      await BackupRunner.start({
        ...base,
        unitId: facts.id,
        spread: isSecond => spreadOf(pair.pairId || facts.id, isSecond),
        drills,
        bundles,
        send: sendBundle,
      }),
    );
    const growth = closed(await Growth.start({ ...base, folder }));
    const keeper = closed(
      await HistoryKeeper.start({
        ...base,
        aged: days => growth.aged(days),
        needs: () => historyNeeds(store, pair.known, options.mirror),
        isBusy: () => pair.updates.isUnderWay,
      }),
    );
    const committing = new Committing(pair.updates, pair.connections, machineClock, () => realTimers.now());
    const certificates = new CertificateService({
      ...base,
      committing,
      folder: folder.certificates,
      bootId: machineClock().bootId,
    });
    const stopCertificates = once(() => certificates.stop());
    closers.push(stopCertificates);
    const standing = closed(new StandingProblems({ ...base, rules: RULES }));
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
        setImmediate(() => replacement.begin());
      }
    };
    const answers = new ChangeAnswers({
      ...base,
      causedBy: [steps => certificates.causedBy(steps), steps => backups.causedBy(steps)],
    });
    const { handlers, examine } = makeHandlers({
      answers,
      id: facts.id,
      store,
      pair,
      mirror,
      metrics,
      committing,
      scrub,
      startEmpty,
      startAgain: () => void setTimeout(() => replacement.begin(), ANSWER_OUT_MS),
      incoming,
      openBundle,
      drills,
      send: sendBundle,
      bundles,
      backups,
      certificates,
      folder,
      events,
      fingerprint: fingerprint(hostKey.public),
      log,
      auditing,
      keeper,
      growth,
      standing,
      disk,
    });
    const api = await startApi(noting(handlers, health), folder.socket, log, serveOperator =>
      pair.start({
        serveOperator,
        audit: auditing,
        examine: async nonce => (await examine(nonce)) as unknown as JsonObject,
      }),
    );
    closers.push(() => api.close());
    certificates.start();
    standing.start();
    log.info({ dir: options.dir, ...pair.address, mode: identity.mode, ...store.head }, 'serving');
    return { close, replaced: replacement.begun };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Something else is to run in place of what runs, or nothing can. */
class Replacement {
  begin: () => void = () => undefined;
  giveUp: (error: LockstepError) => void = () => undefined;
  readonly begun = new Promise<void>((resolve, reject) => {
    this.begin = resolve;
    this.giveUp = reject;
  });

  constructor() {
    this.begun.catch(() => undefined); // told to whoever waits for it
  }
}

/** The answer to whoever made the change goes out first. */
function logCommits(events: Events, log: Log): void {
  events.on('committed', ({ revision: { revision, kind, author, reason, records } }) =>
    setImmediate(() => log.info({ revision, kind, author, reason, records }, 'commit')),
  );
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
