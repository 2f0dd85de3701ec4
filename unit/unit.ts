import type { Readable } from 'node:stream';
import type { Catalog } from '../schema/catalog.ts';
import { type ConfigRecord, fromDocument } from '../schema/document.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import { mergeRecord, valueAt } from '../schema/record.ts';
import type { Mirror } from '../store/mirror/mirror.ts';
import type { RevisionKind } from '../store/revision.ts';
import type { CommitRequest, CommitResult, Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import type { RecordReader } from '../store/view.ts';
import { BalProof } from './access/bal-proof.ts';
import { type PasswordRules, withHashes } from './access/password.ts';
import { guardOf } from './access/roles.ts';
import type { Auditing } from './audits/auditing.ts';
import type { AuditRequest } from './audits/contract.ts';
import { backUp } from './backups/backing-up.ts';
import type { BundleFolder } from './backups/bundle-folder.ts';
import type { Drills } from './backups/drills.ts';
import { type OpenBundle, Restoring } from './backups/restoring.ts';
import type { BackupRunner, SendBundle } from './backups/runner.ts';
import { readBackupPlan, remoteFault } from './backups/schedule-plan.ts';
import type { Incoming } from './backups/uploads.ts';
import type {
  AddCertificateAnswer,
  AddCertificateRequest,
  CertificateChoice,
  CertificateDetails,
  CertificateFacts,
  ExportCertificateRequest,
  ExportedCertificate,
  RemoveCertificateRequest,
} from './certificates/contract.ts';
import type {
  RestoreCertificatesAnswer,
  RestoreCertificatesRequest,
} from './certificates/restore-contract.ts';
import { CertificateRestoring } from './certificates/restoring.ts';
import type { CertificateService } from './certificates/service.ts';
import type { Committing } from './changes/committing.ts';
import { historyAnswer } from './changes/history-answer.ts';
import { chooser, conflictViews, mergeConflict } from './changes/merging.ts';
import { describeTarget, showTarget } from './changes/reading.ts';
import { changeAnswer, changeView, recordStep } from './changes/views.ts';
import type {
  AdoptFileRequest,
  ApplyRequest,
  BackupAnswer,
  BackupRequest,
  ChangeAnswer,
  ChangeRequest,
  ConfirmAnswer,
  ConfirmSourceAnswer,
  Description,
  DiffAnswer,
  DrillAnswer,
  DrillRequest,
  HistoryAnswer,
  HistoryRequest,
  ImportAnswer,
  ImportRequest,
  Invitation,
  InviteRequest,
  JoinRequest,
  MergeAnswer,
  MergeRequest,
  PairedAnswer,
  Pause,
  PauseRequest,
  PruneAnswer,
  RebuildAnswer,
  Receipt,
  RestoreAnswer,
  RestoreRequest,
  ResumeAnswer,
  RollbackRequest,
  Safety,
  SendBackupRequest,
  ShowAnswer,
  ShowRequest,
  Status,
  TakeoverAnswer,
  UnitFace,
  UnpairedAnswer,
  VerifyAnswer,
} from './contract.ts';
import type { DoctorAnswer, Step } from './doctor/contract.ts';
import { Examining, withoutRepeats } from './doctor/examining.ts';
import type { UnitFolder } from './folder.ts';
import type { Log } from './log/log.ts';
import { type Metrics, spaceGauges } from './metrics.ts';
import { answersAt } from './pair/answers-at.ts';
import type { Pair } from './pair/pair.ts';
import type { StandingProblems } from './pair/problems.ts';
import { makeStatus } from './pair/status.ts';
import { gatherFacts } from './pair/status-facts.ts';
import { type DiskWatch, refusedProblem } from './store-care/disk-watch.ts';
import type { Growth } from './store-care/growth.ts';
import type { HistoryKeeper } from './store-care/history-keeper.ts';
import type { Scrub } from './store-care/scrub.ts';

const nobodys = { author: '', reason: '', at: '' };

/** The rooms of one running unit, behind the methods that its faces offer. */
export class Unit implements UnitFace {
  private readonly store: Store;
  private readonly catalog: Catalog;
  private readonly log: Log;
  private readonly pair: Pair;
  private readonly mirror: Mirror | undefined;
  private readonly stats: Metrics;
  private readonly committing: Committing;
  private readonly scrub: Scrub;
  private readonly startEmpty: () => Promise<RebuildAnswer>;
  private readonly startAgain: () => void;
  private readonly incoming: Incoming;
  private readonly restoring: Restoring;
  private readonly certificateRestoring: CertificateRestoring;
  private readonly drills: Drills;
  private readonly send: SendBundle;
  private readonly bundles: BundleFolder;
  private readonly backups: BackupRunner;
  private readonly certs: CertificateService;
  private readonly auditing: Auditing;
  private readonly id: string;
  private readonly bal: BalProof;
  private readonly examining: Examining;
  private readonly standing: StandingProblems;
  private readonly keeper: HistoryKeeper;
  private readonly growth: Growth;
  private readonly disk: DiskWatch;

  constructor(rooms: {
    id: string;
    store: Store;
    catalog: Catalog;
    pair: Pair;
    mirror: Mirror | undefined;
    metrics: Metrics;
    committing: Committing;
    scrub: Scrub;
    /** Ends everything, puts an empty store in place, and starts again. */
    startEmpty: () => Promise<RebuildAnswer>;
    /** Ends everything and starts again, once what is answered now is out. */
    startAgain: () => void;
    incoming: Incoming;
    openBundle: OpenBundle;
    drills: Drills;
    send: SendBundle;
    bundles: BundleFolder;
    backups: BackupRunner;
    certificates: CertificateService;
    folder: UnitFolder;
    /** Of the host key. */
    fingerprint: string;
    log: Log;
    auditing: Auditing;
    keeper: HistoryKeeper;
    growth: Growth;
    standing: StandingProblems;
    disk: DiskWatch;
  }) {
    this.store = rooms.store;
    this.catalog = rooms.catalog;
    this.log = rooms.log;
    this.pair = rooms.pair;
    this.mirror = rooms.mirror;
    this.stats = rooms.metrics;
    this.committing = rooms.committing;
    this.scrub = rooms.scrub;
    this.startEmpty = rooms.startEmpty;
    this.startAgain = rooms.startAgain;
    this.incoming = rooms.incoming;
    this.drills = rooms.drills;
    this.send = rooms.send;
    this.bundles = rooms.bundles;
    this.backups = rooms.backups;
    this.certs = rooms.certificates;
    this.restoring = new Restoring({
      ...rooms,
      unitId: rooms.id,
      partner: () => rooms.pair.knownPartner,
      answersAt: address => answersAt(address, rooms.pair.address.address),
    });
    this.certificateRestoring = new CertificateRestoring({ ...rooms, now: () => new Date() });
    this.auditing = rooms.auditing;
    this.keeper = rooms.keeper;
    this.growth = rooms.growth;
    this.standing = rooms.standing;
    this.disk = rooms.disk;
    this.id = rooms.id;
    this.bal = new BalProof({ ...rooms, pairId: () => rooms.pair.pairId });
    this.examining = new Examining({
      ...rooms,
      bal: this.bal,
      status: () => this.status(),
      examinePartner: async nonce => rooms.pair.connections.linked().examine(nonce),
      roundTrip: async () => rooms.pair.connections.linked().roundTrip(),
      now: () => new Date(),
    });
  }

  /** How this unit is, for its partner. */
  async examination(nonce: string): Promise<JsonObject> {
    return (await this.examining.examination(nonce)) as unknown as JsonObject;
  }

  doctor({ before }: { before?: Step }): Promise<DoctorAnswer> {
    return this.examining.doctor(before);
  }

  async status(): Promise<Status> {
    const refused = await this.disk.look();
    const { verifiedAt = null, progress = null } = this.scrub;
    const files = this.mirror?.troubles() ?? [];
    const status = makeStatus(await gatherFacts(this.pair, files, { verifiedAt, verifying: progress }));
    const { backups, auditing } = this;
    const certificates = unlessFound(this.certs.warnings(), status.takeover?.findings ?? []);
    const { keeper, growth } = this;
    const store = { ...status.store, space: await growth.space(), history: keeper.kept, refused };
    const full = refused === null ? [] : [refusedProblem(refused)];
    const own = [
      ...full,
      ...growth.warnings(),
      ...backups.warnings(),
      ...auditing.warnings(),
      ...certificates,
    ];
    const warnings = withoutRepeats([...status.warnings, ...own, ...this.standing.warnings()]);
    return { ...status, store, warnings, backup: backups.status };
  }

  async show({ path = '', defaults = false }: ShowRequest): Promise<ShowAnswer> {
    const { revision } = this.store.head;
    const target = this.catalog.resolve(path);
    return { path, revision, value: await showTarget(this.store, this.catalog, target, defaults) };
  }

  async describe(path: string, startsWith = ''): Promise<Description> {
    return describeTarget(this.store, this.catalog, this.catalog.resolve(path), startsWith);
  }

  async change(request: ChangeRequest): Promise<ChangeAnswer> {
    const changes = await Promise.all(request.changes.map(change => this.takeIn(change, request.valueFrom)));
    const answer = await this.commit(changes, 'change', request, summary(changes));
    if (!answer.dryRun) await this.bal.learn(request.changes, changes);
    return answer;
  }

  async apply(request: ApplyRequest): Promise<ChangeAnswer> {
    const asked = fromDocument(this.catalog, request.document, request.path ?? '');
    const records = await this.hashedRecords(asked);
    const changes = async (reader: RecordReader): Promise<Change[]> => {
      if (request.replace) return [...(await this.leavings(reader, request, records)), ...records.map(putOf)];
      const merged: Change[] = [];
      for (const { path, value } of records)
        merged.push(putOf({ path, value: mergeRecord((await reader.get(path)) ?? {}, value) }));
      return merged;
    };
    const answer = await this.commit(
      changes,
      'change',
      request,
      `apply a document, records: ${records.length}`,
    );
    if (!answer.dryRun) await this.bal.learn(asked.map(putOf), records.map(putOf));
    return answer;
  }

  async importLoadMaster(request: ImportRequest): Promise<ImportAnswer> {
    const { captureChanges } = await import('./changes/import.ts'); // with its reader of XML, which nothing else needs
    const { leftOut, changes } = captureChanges(this.catalog, request.files);
    const reason = `import ${request.files.map(({ name }) => name).join(', ')}`;
    const whole = (records: RecordReader): Promise<Change[]> => changes(records);
    try {
      return { ...(await this.commit(whole, 'import', request, reason)), leftOut };
    } catch (error) {
      if (!(error instanceof LockstepError) || !Array.isArray(error.facts.problems)) throw error;
      return { ...(await this.commit(changes, 'import', request, reason)), leftOut };
    }
  }

  addCertificate(request: AddCertificateRequest, left?: AbortSignal): Promise<AddCertificateAnswer> {
    return this.certs.records.addCertificate(request, left);
  }

  removeCertificate(request: RemoveCertificateRequest): Promise<ChangeAnswer> {
    return this.certs.records.removeCertificate(request);
  }

  certificates(): Promise<{ certificates: CertificateFacts[] }> {
    return this.certs.records.certificates();
  }

  certificate(request: CertificateChoice): Promise<CertificateDetails> {
    return this.certs.records.certificate(request);
  }

  exportCertificate(request: ExportCertificateRequest): Promise<ExportedCertificate> {
    return this.certs.records.exportCertificate(request);
  }

  upload(bytes: Readable, by?: string): Promise<{ upload: string; bytes: number }> {
    return this.incoming.receive(bytes, by);
  }

  async dropUpload(upload: string): Promise<{ upload: string }> {
    await this.incoming.drop(upload);
    return { upload };
  }

  restore(request: RestoreRequest): Promise<RestoreAnswer> {
    return this.restoring.restore(request).catch(error => this.committing.nameActive(error));
  }

  restoreCertificates(request: RestoreCertificatesRequest): Promise<RestoreCertificatesAnswer> {
    return this.certificateRestoring.restore(request);
  }

  async sendBackup({ name, ...given }: SendBackupRequest): Promise<{ to: string }> {
    const { remote } = await readBackupPlan(this.catalog, path => this.store.read(path));
    const target = { ...given, key: given.key ?? remote.key, hostKey: given.hostKey ?? remote.hostKey };
    const fault = remoteFault(target);
    if (fault !== undefined) throw fault;
    return { to: await this.send(target, await this.bundles.find(name), name) };
  }

  async drill({ upload, name, passphrase }: DrillRequest): Promise<DrillAnswer> {
    const file = await this.incoming.find(upload);
    return this.drills.drill(file, name, passphrase).finally(() => this.incoming.drop(upload));
  }

  async shelvedBundles(): ReturnType<UnitFace['shelvedBundles']> {
    return { bundles: await this.bundles.bundles() };
  }

  pruneBackups(request: { dryRun?: boolean; only?: string[] }): Promise<PruneAnswer> {
    const { policy, timeZone } = this.backups;
    return this.bundles.prune(policy, timeZone, request);
  }

  history(request: HistoryRequest): Promise<HistoryAnswer> {
    return historyAnswer(this.store, request);
  }

  async diff({ from, to }: { from: number; to?: number }): Promise<DiffAnswer> {
    const until = to ?? this.store.head.revision;
    const changes = await this.store.diff(from, until);
    return { from, to: until, changes: changes.map(change => changeView(this.catalog, change)) };
  }

  async rollback(request: RollbackRequest): Promise<ChangeAnswer> {
    const { revision, author, dryRun = false } = request;
    const reason = request.reason ?? `rollback to revision ${revision}`;
    const { result, ...more } = await this.committing.make(request, how =>
      this.store.rollback(revision, { author, reason, ...how }),
    );
    return { ...(await this.answerTo(result, dryRun)), ...more };
  }

  async confirm(request: Parameters<UnitFace['confirm']>[0]): Promise<ConfirmAnswer> {
    const { undo = false, author, role = 'operate' } = request;
    const { provisional, ownProvisional } = this.store.head;
    const { author: by, reason, at } = provisional ?? ownProvisional ?? nobodys;
    const undone = undo ? await this.store.undoProvisional(author, 'taken back', guardOf(role)) : undefined;
    if (undone === undefined) await this.store.confirm();
    this.pair.provisionalSettled(author, undo);
    return {
      change: { author: by, reason, at },
      ...(undone === undefined ? {} : { undone: changeAnswer(this.catalog, undone, false) }),
      ...(await this.pair.updates.tellPartner()),
    };
  }

  async branches(): ReturnType<UnitFace['branches']> {
    return { branches: this.store.branches.all() };
  }

  async merge(request: MergeRequest): Promise<MergeAnswer> {
    const { branch, author, ours = [], theirs = [], none = false, dryRun = false } = request;
    const reason = request.reason ?? `merge ${branch}`;
    if (none && ours.length + theirs.length > 0)
      throw new LockstepError('bad-usage', 'Nothing of the branch is taken, so there is nothing to decide.');
    const choose = chooser({ ours, theirs });
    const { result, ...more } = await this.committing.make(request, how =>
      this.store.merge({ branch, choose, none, author, reason, ...how }),
    );
    if (none && !dryRun) this.log.warn({ branch, author, reason }, 'nothing of the branch was taken');
    const conflicts = conflictViews(this.catalog, result.conflicts);
    if (conflicts.length > 0 && !dryRun) throw mergeConflict(branch, conflicts, result.conflicts.length);
    return { ...(await this.answerTo(result, dryRun)), ...more, branch, conflicts };
  }

  forceUpdate(): Promise<Receipt> {
    return this.pair.updates.force();
  }

  takeover({ force = false }: { force?: boolean }): Promise<TakeoverAnswer> {
    return this.pair.takeover.takeOver(force);
  }

  pause({ author, reason, seconds }: PauseRequest): Promise<Pause> {
    const durationMs = seconds === undefined ? undefined : seconds * 1000;
    return this.pair.pause(author, reason, durationMs).catch(error => this.committing.nameActive(error));
  }

  resume({ author }: { author: string }): Promise<ResumeAnswer> {
    return this.pair.resume(author);
  }

  async confirmSource({ author }: { author: string }): Promise<ConfirmSourceAnswer> {
    return { confirmed: (await this.pair.confirmSource(author)) ?? null };
  }

  invite(request: InviteRequest): Promise<Invitation> {
    return this.pair.invite(request.replaces);
  }

  async join({ code, host, port, author, ...rest }: JoinRequest & { author: string }): Promise<PairedAnswer> {
    if (code !== undefined)
      return this.pair.join({ ...rest, host, code, ...(port === undefined ? {} : { port }) });
    const { answer, record } = await this.pair.connections.movedTo(host, port);
    if (record === undefined) return answer;
    const field = 'partnerAddress';
    const changes: Change[] = [{ op: 'set', path: record, field: [field], value: host }];
    await this.commit(changes, 'change', { author }, 'the partner has moved');
    return { ...answer, moved: { from: answer.moved?.from ?? answer.partner, record: `${record}/${field}` } };
  }

  unpair(): Promise<UnpairedAnswer> {
    return this.pair.unpair();
  }

  async backup(request: BackupRequest): Promise<BackupAnswer> {
    return backUp(await this.store.snapshot(), this.catalog, this.id, new Date(), request);
  }

  verifyStore(): Promise<VerifyAnswer> {
    return this.scrub.verify();
  }

  async rebuild({ force = false }: { force?: boolean }): Promise<RebuildAnswer> {
    this.pair.assertMayRebuild(force);
    return this.startEmpty();
  }

  async restart({ author }: { author: string }): Promise<{ startedAt: string }> {
    this.log.warn({ by: author }, 'this unit starts again');
    this.startAgain();
    return { startedAt: this.pair.startedAt };
  }

  async restoreFile(file: string): Promise<{ file: string }> {
    await this.assertMirror().restore(file);
    return { file };
  }

  async adoptFile({
    file,
    author,
    reason,
    role = 'operate',
  }: AdoptFileRequest): ReturnType<UnitFace['adoptFile']> {
    const guard = guardOf(role);
    const by = {
      author,
      ...(reason === undefined ? {} : { reason }),
      ...(guard === undefined ? {} : { guard }),
    };
    const revision = await this.assertMirror()
      .adopt(file, by)
      .catch(error => this.committing.nameActive(error));
    return { file, revision };
  }

  private assertMirror(): Mirror {
    if (this.mirror !== undefined) return this.mirror;
    throw new LockstepError('bad-usage', 'This unit runs without a mirror.', {
      hint: 'Start it without --no-mirror.',
    });
  }

  audit(request: AuditRequest): ReturnType<UnitFace['audit']> {
    return this.auditing.audit(request);
  }

  auditHistory(): ReturnType<UnitFace['auditHistory']> {
    return this.auditing.auditHistory();
  }

  auditAsk(question: JsonObject): ReturnType<UnitFace['auditAsk']> {
    return this.auditing.auditAsk(question);
  }

  auditProof(): ReturnType<UnitFace['auditProof']> {
    return this.auditing.auditProof();
  }

  async metrics(): Promise<string> {
    const { unit, sync, partner, files, branches, provisional, takeover, store, backup } =
      await this.status();
    this.stats.certificateDays(this.certs.days());
    return this.stats.render({
      revision: { help: 'Newest revision.', value: unit.revision },
      epoch: { help: 'Epoch of this unit.', value: unit.epoch },
      records: { help: 'Shared records.', value: unit.records },
      updates_paused: {
        help: '1 while somebody has paused the updates of this unit.',
        value: sync.pause === null ? 0 : 1,
      },
      pacified: {
        help: '1 when this unit restarted too often and takes part in nothing.',
        value: unit.pacified === null ? 0 : 1,
      },
      unconfirmed: {
        help: '1 when what this unit holds was restored and not confirmed.',
        value: unit.unconfirmed === undefined ? 0 : 1,
      },
      active: { help: '1 when this unit is active.', value: unit.role === 'active' ? 1 : 0 },
      partner_seen: {
        help: '1 when the partner is seen.',
        value: partner?.seen ? 1 : 0,
      },
      in_step: {
        help: '1 in step, 0 not, -1 not known.',
        value: sync.inStep === null ? -1 : Number(sync.inStep),
      },
      ...spaceGauges(store),
      disk_refuses_writes: {
        help: '1 when the disk does not take what the store writes.',
        value: store.refused === null ? 0 : 1,
      },
      damaged: { help: '1 when the store is damaged.', value: store.damage === null ? 0 : 1 },
      drift_records: {
        help: 'Records that differ where the units ought to be equal.',
        value: this.auditing.driftRecords,
      },
      missing_revisions: { help: 'Revisions that the standby lacks.', value: sync.missing?.revisions ?? 0 },
      open_branches: {
        help: 'Branches that wait to be merged.',
        value: branches.length,
      },
      provisional: {
        help: '1 while a change waits to be confirmed.',
        value: provisional === null ? 0 : 1,
      },
      takeover_ready: {
        help: '1 when this standby could take over now, 0 not, -1 not known, or not a standby.',
        value: takeover === null || takeover.ready === null ? -1 : Number(takeover.ready),
      },
      takeover_findings: { help: 'What a takeover would stumble over.', value: takeover?.count ?? 0 },
      backup_failures: {
        help: 'Attempts of a scheduled backup that failed since the last one that went well.',
        value: backup.schedule?.failures ?? 0,
      },
      backup_last_run_timestamp_seconds: {
        help: 'When a scheduled backup was last made; 0: never, or the last one failed.',
        value: backup.lastRun?.reason === undefined ? seconds(backup.lastRun?.at) : 0,
      },
      backup_drill_passed_timestamp_seconds: {
        help: 'When a drill of a backup last passed; 0: never.',
        value: seconds(backup.drill.passed?.at),
      },
      backup_drill_failed: {
        help: '1 when the last drill of a backup failed.',
        value: backup.drill.last?.reason === undefined ? 0 : 1,
      },
      uncommitted_files: {
        help: 'Files under config/ that could not be committed.',
        value: files.length,
      },
    });
  }

  private async commit(
    changes: CommitRequest['changes'],
    kind: RevisionKind,
    request: Safety & { author: string; reason?: string; expected?: number; dryRun?: boolean },
    defaultReason: string,
  ): Promise<ChangeAnswer> {
    const { author, reason = defaultReason, dryRun = false } = request;
    const { result, ...more } = await this.committing.make(request, how =>
      this.store.commit({ changes, kind, author, reason, ...how }),
    );
    const answer = await this.answerTo(result, dryRun);
    const pairNotes = this.pair.notesOn(answer.changes);
    return { ...answer, ...more, ...(pairNotes.length === 0 ? {} : { pairNotes }) };
  }

  /** With what the change brings about certificates and backups: nobody should have to ask for the status to learn it. */
  private async answerTo(result: CommitResult, dryRun: boolean): Promise<ChangeAnswer> {
    const steps = result.changes.map(change => recordStep(this.catalog, change));
    const caused = await Promise.all([this.certs.causedBy(steps), this.backups.causedBy(steps)]).catch(
      error => {
        // The change stands, and the status will tell.
        this.log.warn({ reason: String(error) }, 'what a change brings about could not be judged');
        return [];
      },
    );
    const warnings = [...result.warnings, ...caused.flat()];
    return changeAnswer(this.catalog, { ...result, warnings }, dryRun);
  }

  /** Passwords become hashes here; a secret that others could read on the command line is refused. */
  private async takeIn(change: Change, from: ChangeRequest['valueFrom']): Promise<Change> {
    if (change.op !== 'put' && change.op !== 'set') return change;
    const kind = this.catalog.kindOf(change.path);
    const given = change.op === 'set' ? withPlace(change.field, change.value) : change.value;
    const touched = kind.secrets.filter(secret => touches(given, secret));
    if (touched.length > 0 && from === 'argument') throw secretInArguments(change, touched);
    if (touched.length === 0 || !isObject(given)) return change;
    const hashed = await withHashes(kind, change.path, given, await this.passwordRules());
    return change.op === 'put'
      ? { ...change, value: hashed }
      : { ...change, value: valueAt(hashed, change.field) as Json };
  }

  private async passwordRules(): Promise<PasswordRules> {
    const { minPassword } = (await this.store.read('access')) ?? {};
    return { minPassword };
  }

  /** Passwords of a document become hashes. */
  private async hashedRecords(records: ConfigRecord[]): Promise<ConfigRecord[]> {
    const rules = await this.passwordRules();
    const hashed: ConfigRecord[] = [];
    for (const { path, value } of records) {
      const held = (): Promise<JsonObject | undefined> => this.store.read(path);
      hashed.push({
        path,
        value: await withHashes(this.catalog.kindOf(path), path, value, { ...rules, held }),
      });
    }
    return hashed;
  }

  /** What `replace` takes away: records under the names in the document that the document does not hold. */
  private async leavings(
    reader: RecordReader,
    { document, path = '' }: ApplyRequest,
    records: ConfigRecord[],
  ): Promise<Change[]> {
    const kept = new Set(records.map(record => record.path));
    const target = this.catalog.resolve(path);
    const names = target.type === 'group' && path === '' ? Object.keys(document as JsonObject) : [path];
    const removed: Change[] = [];
    for (const name of names) {
      for await (const record of reader.list(name))
        if (!kept.has(record.path)) removed.push({ op: 'remove', path: record.path });
    }
    // A parent that goes takes what is below it along.
    const gone = new Set(removed.map(({ path: each }) => each));
    return removed.filter(({ path: each }) => !above(each).some(parent => gone.has(parent)));
  }
}

function putOf({ path, value }: ConfigRecord): Change {
  return { op: 'put', path, value };
}

function seconds(iso: string | undefined): number {
  return iso === undefined ? 0 : Date.parse(iso) / 1000;
}

/** `a/b/c` → `a`, `a/b`. */
function above(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

function withPlace(field: string[], value: Json): Json {
  return field.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
}

function touches(value: Json | undefined, [name, ...rest]: string[]): boolean {
  if (name === undefined) return value !== undefined;
  if (Array.isArray(value)) return value.some(item => touches(item, rest));
  if (!isObject(value)) return false;
  return name === '*'
    ? Object.values(value).some(item => touches(item, rest))
    : Object.hasOwn(value, name) && touches(value[name], rest);
}

function secretInArguments({ path }: Change, [secret = []]: string[][]): LockstepError {
  const place = secret.includes('*') ? 'PATH' : [path, ...secret].join('/');
  return new LockstepError(
    'secret-in-arguments',
    `A secret of ${path} was given on the command line, where others can read it; nothing was changed.`,
    {
      hint: `lockstep set ${place} asks for it, and --value-file FILE reads it. Choose another secret: this one has been seen.`,
    },
  );
}

function summary(changes: Change[]): string {
  const [first] = changes;
  if (first === undefined) return 'no change';
  const where = 'field' in first ? [first.path, ...first.field].join('/') : first.path;
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  return `${first.op} ${where}${more}`;
}

/** A standby names what a takeover would stumble over; that need not be said twice. */
function unlessFound(warnings: Problem[], findings: Problem[]): Problem[] {
  const found = new Set(findings.map(({ code, path }) => `${code} ${path}`));
  return warnings.filter(({ code, path }) => !found.has(`${code} ${path}`));
}
