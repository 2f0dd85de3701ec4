import type { Readable } from 'node:stream';
import type { BundleKind, KeyLeftOut, Manifest } from '../backup/bundle.ts';
import type { Profile } from '../backup/packets.ts';
import type { Verdict } from '../backup/retention.ts';
import type { ErrorBody, Problem } from '../schema/error.ts';
import type { Json, JsonObject } from '../schema/json.ts';
import type { Part } from '../schema/kind.ts';
import type { Branch } from '../store/branch.ts';
import type { Finding as DamageFinding } from '../store/damage.ts';
import type { Kept } from '../store/retention.ts';
import type { Revision } from '../store/revision.ts';
import type { Head, Role, Unconfirmed } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import type { FileCounts } from '../sync/message.ts';
import type { Pause } from '../sync/pause.ts';
import type { Operator, OperatorRole, ServeOperator } from './access/roles.ts';
import type { AuditFace } from './audits/contract.ts';
import type { CertificateFace } from './certificates/contract.ts';
import type { CertificateRestoreFace } from './certificates/restore-contract.ts';
import type { Unserved } from './changes/unserved.ts';
import type { DoctorFace } from './doctor/contract.ts';
import type { Pacified } from './store-care/restarts.ts';

export type {
  Branch,
  Change,
  Operator,
  OperatorRole,
  Pacified,
  Pause,
  Profile,
  Revision,
  ServeOperator,
  Unconfirmed,
};

/**
 * What a running unit offers to its faces. The HTTP API is these methods, one route each; secrets are masked
 * in everything that comes back. Every method throws LockstepError only.
 */
export interface UnitFace extends AuditFace, CertificateFace, CertificateRestoreFace, DoctorFace {
  status(): Promise<Status>;
  show(request: ShowRequest): Promise<ShowAnswer>;
  /** `startsWith`: only ids below `path` that begin so. */
  describe(path: string, startsWith?: string): Promise<Description>;
  change(request: ChangeRequest): Promise<ChangeAnswer>;
  apply(request: ApplyRequest): Promise<ChangeAnswer>;
  importLoadMaster(request: ImportRequest): Promise<ImportAnswer>;
  /** Takes in a bundle, still encrypted; restore names it. */
  upload(bytes: Readable, by?: string): Promise<{ upload: string; bytes: number }>;
  /** Forget an upload. */
  dropUpload(upload: string): Promise<{ upload: string }>;
  restore(request: RestoreRequest): Promise<RestoreAnswer>;
  /** Restores an upload on a scratch unit and compares; remembered by the hash of the file. */
  drill(request: DrillRequest): Promise<DrillAnswer>;
  /** Send a bundle of the folder of the unit to another host by SFTP. */
  sendBackup(request: SendBackupRequest): Promise<{ to: string }>;
  /** The bundles in the folder of the unit, newest first. */
  shelvedBundles(): Promise<{ bundles: ShelvedBundle[] }>;
  /** Removes what the retention policy does not keep; of `only` when that is given. */
  pruneBackups(request: { dryRun?: boolean; only?: string[] }): Promise<PruneAnswer>;
  history(request: HistoryRequest): Promise<HistoryAnswer>;
  diff(request: { from: number; to?: number }): Promise<DiffAnswer>;
  rollback(request: RollbackRequest): Promise<ChangeAnswer>;
  /** Keep a change that waits to be confirmed; with `undo`, take it back now. */
  confirm(request: { undo?: boolean; author: string; role?: OperatorRole }): Promise<ConfirmAnswer>;
  /** What one side changed while the pair was divided: newest first, merged ones too. */
  branches(): Promise<{ branches: Branch[] }>;
  merge(request: MergeRequest): Promise<MergeAnswer>;
  forceUpdate(request: { author: string }): Promise<Receipt>;
  takeover(request: { author: string; force?: boolean }): Promise<TakeoverAnswer>;
  /** Updates stop going out, for good or for some seconds. */
  pause(request: PauseRequest): Promise<Pause>;
  /** Lifts a pause, and the pacification of a unit that restarted too often. */
  resume(request: { author: string }): Promise<ResumeAnswer>;
  /** What was restored here may be a source from now on. */
  confirmSource(request: { author: string }): Promise<ConfirmSourceAnswer>;
  invite(request: InviteRequest): Promise<Invitation>;
  /** Without a code: the partner that this unit has is there now. */
  join(request: JoinRequest & { author: string }): Promise<PairedAnswer>;
  /** Forget the partner. */
  unpair(): Promise<UnpairedAnswer>;
  /** One state of the configuration as an encrypted bundle. */
  backup(request: BackupRequest): Promise<BackupAnswer>;
  /** Verify the whole store now. */
  verifyStore(): Promise<VerifyAnswer>;
  /** Throw the store away and get everything from the partner; `force`: although that one is not seen. */
  rebuild(request: { force?: boolean }): Promise<RebuildAnswer>;
  /** End all that runs, and start from what is on the disk. Answers before it does. */
  restart(request: { author: string }): Promise<{ startedAt: string }>;
  /** Overwrite a file of the mirror that could not be committed with what the store holds. */
  restoreFile(file: string): Promise<{ file: string }>;
  /** Commit what a file of the mirror says although it was refused, or which was kept beside its file. */
  adoptFile(request: AdoptFileRequest): Promise<{ file: string; revision: number }>;
  /** Prometheus text format. */
  metrics(): Promise<string>;
}

export interface AdoptFileRequest {
  /** Below config/. */
  file: string;
  author: string;
  reason?: string;
  role?: OperatorRole;
}

export interface BackupRequest {
  passphrase: string;
  /** Default: `classic`, which GnuPG can open. */
  profile?: Profile;
  /** With the private keys of certificates. */
  withKeys?: boolean;
  /** Default: `configuration`. `certificates`: these alone, with their private keys. */
  kind?: BundleKind;
  /** The passphrase keeps the rules of the appliance (7 to 64 letters and digits) instead of ours. */
  applianceRules?: boolean;
}

/** What is known of a bundle before it is written. */
export interface BackupFacts {
  kind: BundleKind;
  /** `ha1_2026-11-22.04-30.lockstep`. */
  name: string;
  revision: number;
  records: number;
  /** Private keys that are not in it. */
  keysLeftOut: number;
  /** About how many bytes there will be. */
  estimatedBytes: number;
}

export interface BackupAnswer {
  facts: BackupFacts;
  /** The encrypted file; ends early, with an error, when the state can no longer be read. */
  bytes: Readable;
}

export interface ShowRequest {
  path?: string;
  /** Fill in the defaults of the schema. */
  defaults?: boolean;
}

export interface ShowAnswer {
  path: string;
  revision: number;
  /** A nested document, a record or a field. */
  value: Json;
}

/** What lives at a path: for completion, prompts and help. */
export interface Description {
  path: string;
  type: 'group' | 'record' | 'field';
  kind?: string;
  /** For a field: the path of its record, and the way from there to the field. */
  record?: string;
  field?: string[];
  title?: string;
  description?: string;
  /** JSON Schema of the record or field. */
  schema?: JsonObject;
  secret: boolean;
  /** Whole paths that could come next, at most 200. */
  next: string[];
}

/** How careful a change is made. */
export interface Safety {
  /** Of who asks. Absent: `operate`, which may not touch what says who may do what. */
  role?: OperatorRole;
  /** Minutes after which it is undone, on both units, unless `confirm` is called. */
  confirm?: number;
  /** Only if the standby says that it would take it; answered when it has. */
  wait?: boolean;
}

export interface ChangeRequest extends Safety {
  changes: Change[];
  author: string;
  reason?: string;
  /** Refuse with `conflict` unless this revision still stands. */
  expected?: number;
  dryRun?: boolean;
  /** Where the values came from; a secret that came as an `argument` is refused (`secret-in-arguments`). */
  valueFrom?: 'argument' | 'input';
}

export interface ApplyRequest extends Safety {
  /** Nested document, as `show` gives it. */
  document: Json;
  /** Where the document stands; default the root. */
  path?: string;
  /** Each collection or record that the document names becomes exactly what it says; what it does not name stays. */
  replace?: boolean;
  author: string;
  reason?: string;
  expected?: number;
  dryRun?: boolean;
}

export interface ImportRequest extends Safety {
  files: { name: string; text: string }[];
  author: string;
  reason?: string;
  dryRun?: boolean;
}

export interface ChangeView {
  path: string;
  change: 'added' | 'changed' | 'removed';
  /** Masked. A secret that differs shows as two different masks. */
  before?: JsonObject;
  after?: JsonObject;
}

export interface ChangeAnswer {
  /** The revision that stands now; the one before when nothing changed. */
  revision: number;
  digest: string;
  dryRun: boolean;
  counts: { added: number; changed: number; removed: number };
  /** The first 1,000. */
  changes: ChangeView[];
  /** What the rules warn of in what was changed: the first 100. `status` says it until it is mended. */
  warnings?: Problem[];
  /** Milliseconds until it was durable, checks included; nothing was written without it. */
  ms?: number;
  /** When it is undone unless it is confirmed. */
  provisional?: { minutes: number; until: string };
  /** What became of it on the standby, where that was waited for. */
  standby?: { receipt: Receipt } | { error: ErrorBody };
  /** What it does to the pair, beside what it changes. */
  pairNotes?: string[];
}

export interface ConfirmAnswer {
  /** The change that is kept or undone. */
  change: { author: string; reason: string; at: string };
  /** Present when it was undone. */
  undone?: ChangeAnswer;
  /** False: the partner does not know yet. If it took over now, it would undo the change. */
  partnerKnows: boolean;
  /** Why it does not know. */
  error?: ErrorBody;
}

export interface ImportAnswer extends ChangeAnswer {
  leftOut: { source: string; parameter: string; value: string; reason: string }[];
}

export interface RollbackRequest extends Safety {
  revision: number;
  author: string;
  reason?: string;
  dryRun?: boolean;
}

export interface MergeRequest extends Safety {
  branch: string;
  /** Paths of fields, records or collections whose conflicts are decided for this unit, or for the branch. */
  ours?: string[];
  theirs?: string[];
  /** Take nothing of the branch: somebody has looked at it, and closes it. */
  none?: boolean;
  author: string;
  reason?: string;
  dryRun?: boolean;
}

/** Both sides changed one thing, and not alike. Masked; a value that is not there is absent. */
export interface ConflictView {
  path: string;
  /** Absent: it is about the whole record. */
  field?: string;
  base?: Json;
  ours?: Json;
  theirs?: Json;
}

export interface MergeAnswer extends ChangeAnswer {
  branch: string;
  /** Of a dry run; otherwise they are refused with `merge-conflict`. The first 1,000. */
  conflicts: ConflictView[];
}

export interface RestoreRequest {
  upload: string;
  passphrase: string;
  /** Default: all parts that the bundle holds. */
  parts?: Part[];
  /** Whose addresses, host name, HA mode, licence, time and password of bal it shall be; default this unit's own. */
  as?: 'this-unit' | 'the-old-unit';
  author: string;
  reason?: string;
  expected?: number;
  dryRun?: boolean;
}

/** What a restore changes, or did; `conflict` refuses one that was planned on another revision. */
export interface RestoreAnswer extends ChangeAnswer {
  changes: (ChangeView & { part: Part })[];
  parts: ({ part: Part } & ChangeAnswer['counts'])[];
  as: 'this-unit' | 'the-old-unit';
  bundle: Pick<Manifest, 'createdAt' | 'unit' | 'revision' | 'digest'>;
  /** Records of which this unit kept its own half; the first 100. */
  kept: { paths: string[]; count: number };
  /** Certificates whose private key is neither in the bundle nor here. */
  missingKeys: KeyLeftOut[];
  /** Virtual Services that show a certificate whose private key is not here; the first 100 of `count`. */
  unserved: { services: Unserved[]; count: number };
  /** What was done to the bundle because it comes from another release. */
  steps: string[];
  notes: string[];
}

export interface DrillRequest {
  upload: string;
  /** What the bundle is called, for log and status. */
  name: string;
  passphrase: string;
}

export interface SendBackupRequest {
  /** Name of the bundle in backups/. */
  name: string;
  /** Host, or host:port; user and folder there. */
  host: string;
  user: string;
  path: string;
  /** Private key to log in with, and the Ed25519 key that the host must show. Default: those of the backup schedule. */
  key?: string;
  hostKey?: string;
}

/** What became of a drill. */
export interface DrillResult {
  name: string;
  at: string;
  /** Why it failed; absent: it passed. */
  reason?: string;
}

export interface DrillAnswer {
  name: string;
  /** Of the file. */
  sha256: string;
  records: number;
  /** Digest of the scratch unit. */
  digest: string;
  seconds: number;
}

/** A run of the schedule: what it made, or why it failed. */
export interface BackupRun {
  at: string;
  name?: string;
  /** The file, or the address that it was sent to. */
  to?: string;
  bytes?: number;
  code?: string;
  reason?: string;
}

/** A bundle in the folder of the unit. */
export interface ShelvedBundle {
  name: string;
  /** As its name says. */
  kind: BundleKind;
  bytes: number;
  at: string;
  /** A drill of exactly this file has passed. */
  proved: boolean;
}

export interface PruneAnswer {
  /** Newest first; why each stays or goes. */
  bundles: Verdict[];
  removed: string[];
  dryRun: boolean;
}

export interface BackupStatus {
  /** null: none is made by itself. `failures`: attempts since the last run that went well. */
  schedule: { method: string; nextRunAt: string; failures: number } | null;
  lastRun: BackupRun | null;
  /** The last drill, and the last one that passed; null: there was none. */
  drill: { last: DrillResult | null; passed: DrillResult | null };
}

export interface DiffAnswer {
  from: number;
  to: number;
  changes: ChangeView[];
}

export interface HeldBack {
  records: number;
  /** The first 20. */
  paths: string[];
}

/** What the standby returned for an update (docs/DOMAIN.md, Words). */
export interface Receipt {
  /** `applied`; or `already-applied` when there was nothing to do. */
  result: 'applied' | 'already-applied';
  kind: 'periodic' | 'forced';
  /** Revision of the active unit that the standby now holds. */
  revision: number;
  digest: string;
  records: number;
  bytes: number;
  /** Milliseconds from the request to the receipt. */
  ms: number;
  at: string;
  /** Records that were left out: the partner runs a release that describes their kinds differently. */
  heldBack?: HeldBack;
}

/** An update as the standby saw it. */
export interface TakenUpdate {
  result: 'applied' | 'already-applied';
  kind: 'taken';
  /** Revision that it became here. */
  revision: number;
  digest: string;
  records: number;
  at: string;
}

export interface TakeoverAnswer {
  role: Role;
  epoch: number;
  /** True when the partner stepped down; false when it was not seen. */
  partnerSteppedDown: boolean;
  /** Files whose edits were refused here, or which were kept beside: they wait as before. Left out when there are none. */
  filesWaiting?: number;
  /** Of a partner that was not seen: when it last said that it held changes which this unit lacks. Left out when it did not. */
  leftBehind?: LeftBehind;
}

export interface LeftBehind {
  /** Name of the partner. */
  partner: string;
  /** ISO 8601. */
  heardAt: string;
}

export interface InviteRequest {
  /** Fingerprint of the partner that makes way for the unit that joins. */
  replaces?: string;
}

export interface JoinRequest extends InviteRequest {
  host: string;
  port?: number;
  /** Without: the partner that this unit has, at another place. */
  code?: string;
}

export interface PauseRequest {
  author: string;
  reason: string;
  /** Without: until somebody resumes. */
  seconds?: number;
}

export interface ResumeAnswer {
  /** Empty: nothing kept this unit from taking part. */
  lifted: ('pacified' | 'pause')[];
}

export interface ConfirmSourceAnswer {
  /** null: there was nothing to confirm. */
  confirmed: Unconfirmed | null;
}

export interface Invitation {
  code: string;
  fingerprint: string;
  expiresAt: string;
  /** Where the other unit reaches this one, as far as this one knows. */
  host: string;
  port: number;
}

export interface PairedAnswer {
  partner: { name: string; host: string; port: number; fingerprint: string };
  /** The partner that this unit had before. */
  replaced?: { name: string; fingerprint: string };
  /** Fingerprints of the partner that the other unit had before, and of this unit, which took its place. */
  replacedThere?: { old: string; new: string };
  /** It was the partner before, and is somewhere else now. `record`: the field that says so from now on. */
  moved?: { from: { host: string; port: number }; record?: string };
}

export interface UnpairedAnswer {
  partner: { name: string; fingerprint: string };
}

/** What is known to be damaged in the store; told until it is rebuilt, or a whole verification finds nothing. */
export interface Damage {
  since: string;
  /** `the start`, `the scrub`, `the interval`, `a verification`, `a request`, `a read` or `a commit or an update`. */
  foundBy: string;
  /** The first 100. */
  findings: DamageFinding[];
  more: number;
}

export interface VerifyAnswer {
  damaged: boolean;
  /** The first 100. */
  findings: DamageFinding[];
  more: number;
  seconds: number;
}

export interface RebuildAnswer {
  /** Where the old store is, below the directory of the unit. */
  aside: string;
  mode: 'first' | 'second';
  /** Paths whose unit half was kept, and those of which something was there that could not be. */
  kept: string[];
  unreadable: string[];
}

/** Colours of domain words: docs/DOMAIN.md, Status squares. */
export interface Square {
  unit: 'HA1' | 'HA2';
  colour: 'green' | 'red' | 'grey' | 'blue' | 'updating';
  active: boolean;
  sentence: string;
}

export type UnitHead = Omit<
  Head,
  'provisional' | 'ownProvisional' | 'confirmed' | 'store' | 'witnessed' | 'overruled'
>;

export interface StoreHealth {
  damage: Damage | null;
  /** When a whole verification last found nothing. */
  verifiedAt: string | null;
  /** 0 to 1 while a verification on demand runs. */
  verifying: number | null;
}

/** The disk does not take what the store writes. */
export interface RefusedWrites {
  /** ISO 8601. */
  since: string;
  reason: string;
  /** null: the file system does not say. */
  freeBytes: number | null;
}

/** What the unit takes of its disk. */
export interface Space {
  storeBytes: number;
  /** Inside the file of the store: given up, and used before the file grows. */
  storeFreeBytes: number;
  logBytes: number;
  backupBytes: number;
  incomingBytes: number;
  /** null: the file system does not say. */
  diskFreeBytes: number | null;
  diskBytes: number | null;
  /** As it grew in the last days; null: not within ten years, or not known yet. */
  fullInDays: number | null;
}

export interface HistoryKept {
  oldest: number;
  revisions: number;
  /** Why no later one is the oldest: a field of the record `history`, or who still needs it. */
  because: Kept['because'];
}

export interface HistoryRequest {
  path?: string;
  limit?: number;
  /** Begin with the revision before this one. */
  before?: number;
}

export interface HistoryAnswer {
  revisions: Revision[];
  /** There are more that fit the question: ask again with `before`. */
  more: boolean;
  /** For the next question; null: these were all. */
  before: number | null;
  /** The oldest revision that is kept. */
  oldest: number;
}

export interface Status {
  /** By the clock of the unit, ISO 8601: the times of this answer are by it. */
  at: string;
  unit: UnitHead & {
    id: string;
    name: string;
    mode: 'single' | 'first' | 'second';
    model: string;
    release: string;
    schemaDigest: string;
    dir: string;
    address: string;
    port: number;
    startedAt: string;
    /** It restarted too often, and takes part in nothing. */
    pacified: Pacified | null;
  };
  /** Empty for a single unit. */
  squares: Square[];
  partner: PartnerStatus | null;
  sync: SyncStatus;
  /** On a standby; null otherwise. */
  takeover: TakeoverReadiness | null;
  store: StoreHealth & { space: Space; history: HistoryKept; refused: RefusedWrites | null };
  /** Files under config/ that could not be committed. */
  files: { file: string; path: string; reason: string; code: string }[];
  warnings: Problem[];
  /** A change that is undone unless it is confirmed; where, is said by `on`. */
  provisional: ProvisionalStatus | null;
  backup: BackupStatus;
  /** Branches that wait to be merged. */
  branches: Pick<Branch, 'name' | 'unit' | 'at' | 'records'>[];
}

export interface ProvisionalStatus {
  author: string;
  reason: string;
  at: string;
  minutes: number;
  secondsLeft: number;
  /** On a standby: the active unit, which settles it; null where its name is not known. Left out where this unit does. */
  settledBy?: string | null;
}

export interface Finding extends Problem {
  /** False: it does no harm yet. */
  fails: boolean;
}

/** Could this standby serve what it holds? */
export interface TakeoverReadiness {
  /** null: not known yet. */
  ready: boolean | null;
  /** The first 20 of `count`, those that fail first. */
  findings: Finding[];
  count: number;
  /** When records were last looked at; null: the first look is not over. */
  checkedAt: string | null;
}

export interface PartnerStatus {
  name: string;
  host: string;
  port: number;
  fingerprint: string;
  seen: boolean;
  lastSeenAt?: string;
  role?: Role;
  epoch?: number;
  digest?: string;
  release?: string;
  model?: string;
  /** Files of its configuration: edits that wait for somebody, and files that it cannot write now. Left out when there are none. */
  files?: FileCounts;
  /** Partner's clock minus ours, milliseconds. */
  clockSkewMs?: number;
}

export interface SyncStatus {
  /** Name of the state of the sync machine: sync/README.md. */
  state: string;
  sentence: string;
  hint?: string;
  since: string;
  /** null: not known, or there is no pair. */
  inStep: boolean | null;
  /** On the active unit: what would be missing if it failed now. */
  missing: {
    revisions: number;
    records: number;
    latest: { revision: number; author: string; reason: string; at: string }[];
  } | null;
  /** On the active unit the last one sent, on the standby the last one taken. */
  lastUpdate: Receipt | TakenUpdate | null;
  /** Of the updates of this unit. */
  pause: Pause | null;
  nextUpdateAt: string | null;
  intervalSeconds: number;
  refusal: ErrorBody | null;
  /** On the active unit: records that wait until both units run one release. */
  heldBack: HeldBack | null;
}
