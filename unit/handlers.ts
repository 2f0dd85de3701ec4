/** What a running unit does for each method of the API. Secrets are masked in everything that comes back. */

import type { Handlers } from '../api/contract/methods.ts';
import { refuseRole } from '../api/contract/roles.ts';
import type { Status } from '../api/contract/status.ts';
import type { RebuildAnswer } from '../api/contract/store-care.ts';
import { realTimers } from '../host/timers.ts';
import type { Store } from '../store/store.ts';
import { BalProof } from './access/bal-proof.ts';
import { backUp } from './backups/backing-up.ts';
import type { BundleFolder } from './backups/bundle-folder.ts';
import type { Drills } from './backups/drills.ts';
import { type OpenBundle, Restoring } from './backups/restoring.ts';
import { type SendBundle, sendFromFolder } from './backups/runner.ts';
import type { Incoming } from './backups/uploads.ts';
import { CertificateRestoring } from './certificates/restoring.ts';
import type { ChangeAnswers } from './changes/change-answers.ts';
import { Changing } from './changes/changing.ts';
import type { Committing } from './changes/committing.ts';
import { historyAnswer } from './changes/history-answer.ts';
import { describeTarget, showTarget } from './changes/reading.ts';
import { changeView } from './changes/views.ts';
import { Examining } from './doctor/examining.ts';
import type { Events } from './events.ts';
import type { UnitFolder } from './folder.ts';
import { Followers } from './followers.ts';
import { gaugesOf } from './gauges.ts';
import type { Log } from './log/log.ts';
import type { Metrics } from './metrics.ts';
import { pageOf } from './pages.ts';
import { answersAt } from './pair/answers-at.ts';
import { type StatusSources, wholeStatus } from './status.ts';

export interface UnitParts extends StatusSources {
  id: string;
  store: Store;
  metrics: Metrics;
  committing: Committing;
  incoming: Incoming;
  openBundle: OpenBundle;
  drills: Drills;
  send: SendBundle;
  bundles: BundleFolder;
  folder: UnitFolder;
  events: Events;
  /** Of the host key. */
  fingerprint: string;
  log: Log;
  answers: ChangeAnswers;
  /** Ends everything, puts an empty store in place, and starts again. */
  startEmpty(): Promise<RebuildAnswer>;
  /** Ends everything and starts again, once what is answered now is out. */
  startAgain(): void;
}

/** What the handlers of several nouns share. */
interface Shared extends UnitParts {
  bal: BalProof;
  changing: Changing;
  status(): Promise<Status>;
  /** Throws the error again, with the active unit in its hint. */
  nameActive(error: unknown): never;
}

type Some<Names extends keyof Handlers> = Pick<Handlers, Names>;

const now = (): Date => new Date();

/** `examine`: how this unit is, for its partner. */
export function makeHandlers(parts: UnitParts): { handlers: Handlers; examine: Examining['examination'] } {
  const bal = new BalProof({ ...parts, pairId: () => parts.pair.pairId });
  const shared: Shared = {
    ...parts,
    bal,
    changing: new Changing({ ...parts, bal }),
    status: () => wholeStatus(parts),
    nameActive: error => parts.committing.nameActive(error),
  };
  const examining = examiningOf(shared);
  const handlers: Handlers = {
    ...configuration(shared),
    ...changes(shared),
    ...thePair(shared),
    ...bundles(shared),
    ...certificates(shared),
    ...looks(shared, examining),
    ...care(shared),
  };
  return { handlers, examine: nonce => examining.examination(nonce) };
}

function configuration({ store }: Shared): Some<'show' | 'describe' | 'history' | 'diff'> {
  const { catalog } = store;
  return {
    show: async ({ path = '', defaults = false, ...page }) => {
      const { revision } = store.head;
      return { path, revision, ...(await showTarget(store, catalog, catalog.resolve(path), defaults, page)) };
    },
    describe: async ({ path = '', startsWith = '' }) =>
      describeTarget(store, catalog, catalog.resolve(path), startsWith),
    history: asked => historyAnswer(store, asked),
    diff: async ({ from, to = store.head.revision }) => {
      const changes = await store.diff(from, to);
      return { from, to, changes: changes.map(change => changeView(catalog, change)) };
    },
  };
}

type Changes = 'change' | 'apply' | 'importLoadMaster' | 'rollback' | 'confirm' | 'restoreFile' | 'adoptFile';

function changes({ store, changing }: Shared): Some<Changes | 'branches' | 'merge'> {
  return {
    change: asked => changing.change(asked),
    apply: asked => changing.apply(asked),
    importLoadMaster: asked => changing.importLoadMaster(asked),
    rollback: asked => changing.rollback(asked),
    confirm: asked => changing.confirm(asked),
    restoreFile: ({ file }) => changing.restoreFile(file),
    adoptFile: asked => changing.adoptFile(asked),
    branches: async asked => {
      const { items: branches, ...rest } = pageOf(store.branches.all(), asked, ({ name }) => name);
      return { branches, ...rest };
    },
    merge: asked => changing.merge(asked),
  };
}

type OfThePair =
  | 'forceUpdate'
  | 'takeover'
  | 'pause'
  | 'resume'
  | 'confirmSource'
  | 'invite'
  | 'join'
  | 'unpair';

function thePair({ pair, changing, nameActive }: Shared): Some<OfThePair> {
  return {
    forceUpdate: () => pair.updates.force(),
    takeover: ({ force = false }) => pair.takeover.takeOver(force),
    pause: ({ author, reason, seconds }) =>
      pair.pause(author, reason, seconds === undefined ? undefined : seconds * 1000).catch(nameActive),
    resume: ({ author }) => pair.resume(author),
    confirmSource: async ({ author }) => ({ confirmed: (await pair.confirmSource(author)) ?? null }),
    invite: ({ replaces }) => pair.invite(replaces),
    join: async ({ author, role: _any, code, ...place }) => {
      if (code !== undefined) return pair.join({ ...place, code });
      const { answer, record } = await pair.connections.movedTo(place.host, place.port);
      if (record === undefined) return answer;
      const field = 'partnerAddress';
      const change = { op: 'set' as const, path: record, field: [field], value: place.host };
      await changing.commit([change], 'change', { author }, 'the partner has moved');
      return {
        ...answer,
        moved: { from: answer.moved?.from ?? answer.partner, record: `${record}/${field}` },
      };
    },
    unpair: () => pair.unpair(),
  };
}

type OfBundles = 'backup' | 'drill' | 'sendBackup' | 'bundles' | 'pruneBackups' | 'upload' | 'dropUpload';

function bundles(shared: Shared): Some<OfBundles | 'restore'> {
  const { store, pair, backups, bundles, drills, incoming, nameActive } = shared;
  const { catalog } = store;
  const restoring = new Restoring({
    ...shared,
    catalog,
    unitId: shared.id,
    partner: () => pair.knownPartner,
    answersAt: address => answersAt(address, pair.address.address),
  });
  return {
    backup: async asked => backUp(await store.snapshot(), catalog, shared.id, now(), asked),
    drill: async ({ upload, name, passphrase }) =>
      drills.drill(await incoming.find(upload), name, passphrase).finally(() => incoming.drop(upload)),
    sendBackup: async ({ author: _who, role: _any, name, ...target }) => ({
      to: await sendFromFolder(shared, name, target),
    }),
    bundles: async () => ({ bundles: await bundles.bundles() }),
    pruneBackups: asked => bundles.prune(backups.policy, backups.timeZone, asked),
    upload: ({ bytes, author }) => incoming.receive(bytes, author),
    dropUpload: async ({ upload }) => {
      await incoming.drop(upload);
      return { upload };
    },
    restore: asked => restoring.restore(asked).catch(nameActive),
  };
}

type OfCertificates =
  | 'certificates'
  | 'certificate'
  | 'addCertificate'
  | 'removeCertificate'
  | 'exportCertificate'
  | 'restoreCertificates';

function certificates(shared: Shared): Some<OfCertificates> {
  const { records } = shared.certificates;
  const restoring = new CertificateRestoring({ ...shared, catalog: shared.store.catalog, now });
  return {
    certificates: asked => records.certificates(asked),
    certificate: asked => records.certificate(asked),
    addCertificate: (asked, left) => records.addCertificate(asked, left),
    removeCertificate: asked => records.removeCertificate(asked),
    exportCertificate: async asked => {
      if (asked.withKey === true && asked.role !== 'admin')
        throw refuseRole(asked.role, 'admin', 'A private key');
      return records.exportCertificate(asked);
    },
    restoreCertificates: asked => restoring.restore(asked),
  };
}

function examiningOf(shared: Shared): Examining {
  const { pair } = shared;
  return new Examining({
    ...shared,
    catalog: shared.store.catalog,
    examinePartner: async nonce => pair.connections.linked().examine(nonce),
    roundTrip: async () => pair.connections.linked().roundTrip(),
    now,
  });
}

type Looks =
  | 'status'
  | 'metrics'
  | 'events'
  | 'audit'
  | 'auditHistory'
  | 'auditAsk'
  | 'auditProof'
  | 'doctor';

function looks(shared: Shared, examining: Examining): Some<Looks> {
  const { auditing, certificates, metrics, status } = shared;
  const followers = new Followers({ ...shared, timers: realTimers, now });
  return {
    status,
    metrics: async () => {
      metrics.certificateDays(certificates.days());
      return metrics.render(gaugesOf(await status(), auditing.driftRecords));
    },
    events: (asked, left) => followers.follow(asked, left),
    audit: asked => auditing.audit(asked),
    auditHistory: asked => auditing.auditHistory(asked),
    auditAsk: ({ author: _who, role: _any, ...question }) => auditing.auditAsk(question),
    auditProof: () => auditing.auditProof(),
    doctor: ({ before }) => examining.doctor(before),
  };
}

function care({
  scrub,
  pair,
  log,
  startEmpty,
  startAgain,
}: Shared): Some<'verifyStore' | 'rebuild' | 'restart'> {
  return {
    verifyStore: () => scrub.verify(),
    rebuild: async ({ force = false }) => {
      pair.assertMayRebuild(force);
      return startEmpty();
    },
    restart: async ({ author }) => {
      log.warn({ by: author }, 'this unit starts again');
      startAgain();
      return { startedAt: pair.startedAt };
    },
  };
}
