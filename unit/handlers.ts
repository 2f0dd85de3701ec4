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

/** `examine`: how this unit is, for its partner. */
export function makeHandlers(parts: UnitParts): { handlers: Handlers; examine: Examining['examination'] } {
  const { store, pair, log, committing, certificates, auditing, backups, bundles, incoming } = parts;
  const { catalog } = store;
  const now = (): Date => new Date();
  const status = (): Promise<Status> => wholeStatus(parts);
  const bal = new BalProof({ ...parts, pairId: () => pair.pairId });
  const examining = new Examining({
    ...parts,
    catalog,
    bal,
    status,
    examinePartner: async nonce => pair.connections.linked().examine(nonce),
    roundTrip: async () => pair.connections.linked().roundTrip(),
    now,
  });
  const followers = new Followers({ store, status, events: parts.events, timers: realTimers, now, log });
  const changing = new Changing({
    ...parts,
    bal,
  });
  const restoring = new Restoring({
    ...parts,
    catalog,
    unitId: parts.id,
    partner: () => pair.knownPartner,
    answersAt: address => answersAt(address, pair.address.address),
  });
  const certificateRestoring = new CertificateRestoring({ ...parts, catalog, now });
  const nameActive = (error: unknown): never => committing.nameActive(error);

  const handlers: Handlers = {
    status,
    metrics: async () => {
      parts.metrics.certificateDays(certificates.days());
      return parts.metrics.render(gaugesOf(await status(), auditing.driftRecords));
    },

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

    backup: async asked => backUp(await store.snapshot(), catalog, parts.id, now(), asked),
    drill: async ({ upload, name, passphrase }) =>
      parts.drills.drill(await incoming.find(upload), name, passphrase).finally(() => incoming.drop(upload)),
    sendBackup: async ({ author: _who, role: _any, name, ...target }) => ({
      to: await sendFromFolder(parts, name, target),
    }),
    bundles: async () => ({ bundles: await bundles.bundles() }),
    pruneBackups: asked => bundles.prune(backups.policy, backups.timeZone, asked),

    upload: ({ bytes, author }) => incoming.receive(bytes, author),
    dropUpload: async ({ upload }) => {
      await incoming.drop(upload);
      return { upload };
    },
    restore: asked => restoring.restore(asked).catch(nameActive),
    restoreCertificates: asked => certificateRestoring.restore(asked),

    certificates: asked => certificates.records.certificates(asked),
    certificate: asked => certificates.records.certificate(asked),
    addCertificate: (asked, left) => certificates.records.addCertificate(asked, left),
    removeCertificate: asked => certificates.records.removeCertificate(asked),
    exportCertificate: async asked => {
      if (asked.withKey === true && asked.role !== 'admin')
        throw refuseRole(asked.role, 'admin', 'A private key');
      return certificates.records.exportCertificate(asked);
    },

    audit: asked => auditing.audit(asked),
    auditHistory: asked => auditing.auditHistory(asked),
    auditAsk: ({ author: _who, role: _any, ...question }) => auditing.auditAsk(question),
    auditProof: () => auditing.auditProof(),
    doctor: ({ before }) => examining.doctor(before),
    events: (asked, left) => followers.follow(asked, left),

    verifyStore: () => parts.scrub.verify(),
    rebuild: async ({ force = false }) => {
      pair.assertMayRebuild(force);
      return parts.startEmpty();
    },
    restart: async ({ author }) => {
      log.warn({ by: author }, 'this unit starts again');
      parts.startAgain();
      return { startedAt: pair.startedAt };
    },
  };
  return { handlers, examine: nonce => examining.examination(nonce) };
}
