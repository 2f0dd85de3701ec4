import { existsSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { dirname } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { ERROR_CODES, type ErrorBody, LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { AuditReport, AuditRequest, ProofAnswer } from '../unit/audits/contract.ts';
import type {
  AddCertificateAnswer,
  AddCertificateRequest,
  CertificateChoice,
  CertificateDetails,
  ExportCertificateRequest,
  ExportedCertificate,
  RemoveCertificateRequest,
} from '../unit/certificates/contract.ts';
import type {
  RestoreCertificatesAnswer,
  RestoreCertificatesRequest,
} from '../unit/certificates/restore-contract.ts';
import type {
  AdoptFileRequest,
  ApplyRequest,
  BackupAnswer,
  BackupFacts,
  BackupRequest,
  ChangeAnswer,
  ChangeRequest,
  ConfirmAnswer,
  ConfirmSourceAnswer,
  Description,
  DiffAnswer,
  DrillAnswer,
  DrillRequest,
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
  SendBackupRequest,
  ShowAnswer,
  ShowRequest,
  Status,
  TakeoverAnswer,
  UnitFace,
  UnpairedAnswer,
  VerifyAnswer,
} from '../unit/contract.ts';
import type { DoctorAnswer, Step } from '../unit/doctor/contract.ts';
import { AUTHOR_HEADER, writeAuthor } from './author.ts';
import { FACTS_HEADER, readFacts } from './bytes.ts';
import { checkSocketPath, socketIn } from './socket.ts';
import { UPLOAD_TYPE } from './upload.ts';

/** A first update of a large standby may take minutes; past this, silence is taken for a unit that hangs. */
const DEFAULT_TIMEOUT_MS = 10 * 60 * 1000;

type Asked<Request> = Omit<Request, 'author' | 'role'>;
type Query = Record<string, string | number | boolean | undefined>;

export interface ClientOptions {
  /** Of the unit on this machine, when `remote` names no other. */
  dir: string;
  author: string;
  timeoutMs?: number;
  remote?: RemoteUnit | undefined;
}

/** A unit elsewhere. */
export interface RemoteUnit {
  /** A stream that its API is spoken on, one a request. Rejects with a LockstepError. */
  open(): Promise<Duplex & { setTimeout(ms: number): unknown }>;
}

/**
 * The API of the unit that runs on a directory, over its socket, or of one elsewhere. Every method throws LockstepError only: what the
 * unit answered, or `unit-unreachable` with what to do about it.
 */
export class ApiClient {
  private readonly socketPath: string;
  private readonly author: string;
  private readonly timeoutMs: number;
  private readonly remote: RemoteUnit | undefined;

  constructor({ dir, author, timeoutMs = DEFAULT_TIMEOUT_MS, remote }: ClientOptions) {
    this.remote = remote;
    this.socketPath = socketIn(dir);
    this.author = author;
    this.timeoutMs = timeoutMs;
    if (remote === undefined) checkSocketPath(this.socketPath);
  }

  status = (): Promise<Status> => this.get('/v1/status');
  show = ({ path, defaults }: ShowRequest): Promise<ShowAnswer> => this.get('/v1/config', { path, defaults });
  describe = (path: string, startsWith?: string): Promise<Description> =>
    this.get('/v1/describe', { path, startsWith });
  change = (asked: Asked<ChangeRequest>): Promise<ChangeAnswer> => this.post('/v1/changes', asked);
  apply = (asked: Asked<ApplyRequest>): Promise<ChangeAnswer> => this.post('/v1/apply', asked);
  importLoadMaster = (asked: Asked<ImportRequest>): Promise<ImportAnswer> =>
    this.post('/v1/import/loadmaster', asked);
  /** Sends a file as it is; resolves to the name that restore wants. */
  upload = (bytes: Readable): Promise<{ upload: string; bytes: number }> =>
    this.exchange('POST', '/v1/restore/upload', bytes) as ReturnType<UnitFace['upload']>;
  dropUpload = (upload: string): ReturnType<UnitFace['dropUpload']> =>
    this.post('/v1/restore/drop', { upload });
  restore = (asked: Asked<RestoreRequest>): Promise<RestoreAnswer> => this.post('/v1/restore', asked);
  restoreCertificates = (asked: Asked<RestoreCertificatesRequest>): Promise<RestoreCertificatesAnswer> =>
    this.post('/v1/restore/certificates', asked);
  sendBackup = (asked: SendBackupRequest): Promise<{ to: string }> => this.post('/v1/backup/send', asked);
  drill = (asked: DrillRequest): Promise<DrillAnswer> => this.post('/v1/backup/drill', asked);
  shelvedBundles = (): ReturnType<UnitFace['shelvedBundles']> => this.get('/v1/backup/bundles');
  pruneBackups = (asked: { dryRun?: boolean; only?: string[] }): Promise<PruneAnswer> =>
    this.post('/v1/backup/prune', asked);
  history = (asked: HistoryRequest): ReturnType<UnitFace['history']> => this.get('/v1/history', { ...asked });
  diff = ({ from, to }: { from: number; to?: number }): Promise<DiffAnswer> =>
    this.get('/v1/diff', { from, to });
  rollback = (asked: Asked<RollbackRequest>): Promise<ChangeAnswer> => this.post('/v1/rollback', asked);
  confirm = (asked: { undo?: boolean }): Promise<ConfirmAnswer> => this.post('/v1/confirm', asked);
  branches = (): ReturnType<UnitFace['branches']> => this.get('/v1/branches');
  merge = (asked: Asked<MergeRequest>): Promise<MergeAnswer> => this.post('/v1/merge', asked);
  forceUpdate = (): Promise<Receipt> => this.post('/v1/force-update', {});
  takeover = (asked: { force?: boolean }): Promise<TakeoverAnswer> => this.post('/v1/takeover', asked);
  invite = (asked: InviteRequest = {}): Promise<Invitation> => this.post('/v1/pair/invite', asked);
  join = (asked: JoinRequest): Promise<PairedAnswer> => this.post('/v1/pair/join', asked);
  unpair = (): Promise<UnpairedAnswer> => this.post('/v1/pair/unpair', {});
  pause = (asked: Asked<PauseRequest>): Promise<Pause> => this.post('/v1/pause', asked);
  resume = (): Promise<ResumeAnswer> => this.post('/v1/resume', {});
  confirmSource = (): Promise<ConfirmSourceAnswer> => this.post('/v1/confirm-source', {});
  restart = (): Promise<{ startedAt: string }> => this.post('/v1/restart', {});
  restoreFile = (file: string): Promise<{ file: string }> => this.post('/v1/mirror/restore', { file });
  adoptFile = (asked: Asked<AdoptFileRequest>): ReturnType<UnitFace['adoptFile']> =>
    this.post('/v1/mirror/adopt', asked);

  verifyStore = (): Promise<VerifyAnswer> => this.post('/v1/store/verify', {});
  rebuild = (asked: { force?: boolean }): Promise<RebuildAnswer> => this.post('/v1/store/rebuild', asked);

  doctor = (before?: Step): Promise<DoctorAnswer> => this.get('/v1/doctor', { before });
  audit = (asked: AuditRequest): Promise<AuditReport> => this.post('/v1/audit', asked);
  auditHistory = (): ReturnType<UnitFace['auditHistory']> => this.get('/v1/audit/history');
  auditAsk = (question: JsonObject): Promise<JsonObject> => this.post('/v1/audit/ask', question);
  auditProof = (): Promise<ProofAnswer> => this.post('/v1/audit/proof', {});

  /** `bytes` fails with `unit-unreachable` when the answer breaks off; whoever does not read it all destroys it. */
  backup = async (asked: BackupRequest): Promise<BackupAnswer> => {
    const response = await this.ask('POST', '/v1/backup', Buffer.from(JSON.stringify(asked)));
    if (response.statusCode !== 200) throw refusal(await readAnswer(response, 'GET'));
    return { facts: readFacts(response.headers[FACTS_HEADER]) as BackupFacts, bytes: streamOf(response) };
  };

  addCertificate = (asked: Asked<AddCertificateRequest>): Promise<AddCertificateAnswer> =>
    this.post('/v1/certificates/add', asked);
  removeCertificate = (asked: Asked<RemoveCertificateRequest>): Promise<ChangeAnswer> =>
    this.post('/v1/certificates/remove', asked);
  certificates = (): ReturnType<UnitFace['certificates']> => this.get('/v1/certificates');
  certificate = ({ name, kind }: CertificateChoice): Promise<CertificateDetails> =>
    this.get('/v1/certificates/one', { name, kind });
  exportCertificate = (asked: Asked<ExportCertificateRequest>): Promise<ExportedCertificate> =>
    this.post('/v1/certificates/export', asked);

  private async get<Answer>(url: string, query: Query = {}): Promise<Answer> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    return (await this.exchange('GET', search.size === 0 ? url : `${url}?${search}`)) as Answer;
  }

  private async post<Answer>(url: string, body: object): Promise<Answer> {
    const bytes = Buffer.from(JSON.stringify(body));
    // Loaded here only: questions need no JSON reader, and lockstep status should be quick.
    const { MAX_DOCUMENT_BYTES, tooLarge } = await import('../schema/json.ts');
    // The unit would refuse it in the middle of the sending, which looks like a broken connection.
    if (bytes.length > MAX_DOCUMENT_BYTES) throw tooLarge('The request', bytes.length);
    return (await this.exchange('POST', url, bytes)) as Answer;
  }

  private async exchange(method: string, path: string, body?: Buffer | Readable): Promise<unknown> {
    const response = await this.ask(method, path, body);
    const answer = await readAnswer(response, method);
    if (response.statusCode === 200) return answer;
    throw refusal(answer);
  }

  private ask(method: string, path: string, body?: Buffer | Readable): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request({
        ...this.line(),
        method,
        path,
        headers: this.headers(body),
        servername: '', // else Node.js looks whether the host is an address, with an expression that takes milliseconds to compile
      } as RequestOptions);
      asked.setTimeout(this.timeoutMs);
      asked.on('timeout', () => asked.destroy(silent(this.timeoutMs)));
      asked.on('error', error =>
        reject(error instanceof LockstepError ? error : this.noAnswer(error, method)),
      );
      asked.on('response', resolve);
      if (body === undefined || Buffer.isBuffer(body)) asked.end(body);
      else body.once('error', error => asked.destroy(unreadableUpload(error))).pipe(asked);
    });
  }

  private line(): RequestOptions {
    const { remote } = this;
    if (remote === undefined) return { socketPath: this.socketPath };
    return {
      host: 'unit',
      createConnection: (_options, done) => {
        remote.open().then(
          stream => done(null, stream),
          error => done(error, undefined as never),
        );
        return undefined;
      },
    };
  }

  private noAnswer(error: Error, method: string): LockstepError {
    return this.remote === undefined ? unreachable(error, this.socketPath, method) : cutOff(method);
  }

  private headers(body: Buffer | Readable | undefined): Record<string, string | number> {
    const own = { [AUTHOR_HEADER]: writeAuthor(this.author) };
    if (body === undefined) return own;
    return !Buffer.isBuffer(body)
      ? { ...own, 'content-type': UPLOAD_TYPE }
      : { ...own, 'content-type': 'application/json', 'content-length': body.length };
  }
}

async function readAnswer(response: IncomingMessage, method: string): Promise<unknown> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    throw cutOff(method);
  }
  return parse(Buffer.concat(chunks).toString('utf8'));
}

function streamOf(response: IncomingMessage): Readable {
  const bytes = Readable.from(readBytes(response), { objectMode: false });
  bytes.once('close', () => response.destroy());
  return bytes;
}

async function* readBytes(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch {
    throw new LockstepError('unit-unreachable', 'The unit broke off in the middle of its answer.', {
      hint: 'Its log says why.',
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LockstepError('internal', 'The unit gave an answer that is not JSON.');
  }
}

/** The error that the unit threw, as it was there. */
function refusal(answer: unknown): LockstepError {
  const body = answer as Partial<ErrorBody> | null;
  if (typeof body?.code !== 'string' || !Object.hasOwn(ERROR_CODES, body.code)) {
    return new LockstepError('internal', 'The unit answered with an error that this version does not know.', {
      hint: 'Is the daemon of another version? Restart it.',
      facts: { answer },
    });
  }
  return new LockstepError(body.code, body.message ?? '', { hint: body.hint, facts: body.facts ?? {} });
}

function unreachable(error: NodeJS.ErrnoException, socketPath: string, method: string): LockstepError {
  const dir = dirname(socketPath);
  const facts = { socketPath, errno: error.code };
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new LockstepError('unit-unreachable', `This user may not talk to the unit in ${dir}.`, {
      hint: 'Type the command as the user that the unit runs as, or with sudo.',
      facts,
    });
  }
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') {
    return new LockstepError('unit-unreachable', `No unit runs in ${dir}.`, { hint: howToStart(dir), facts });
  }
  return cutOff(method);
}

function unreadableUpload(error: Error): LockstepError {
  return new LockstepError('bad-usage', `The file cannot be read: ${error.message}.`);
}

function howToStart(dir: string): string {
  if (existsSync(dir)) return `Start it with: lockstep serve --dir ${dir}`;
  return `There is no ${dir}. Name the unit's directory with --dir or LOCKSTEP_DIR, or make a unit with: lockstep init --dir ${dir} --mode single|first|second`;
}

function cutOff(method: string): LockstepError {
  const hint =
    method === 'GET'
      ? 'Ask again.'
      : 'Whether it was done is not known: look with lockstep history and lockstep status.';
  return new LockstepError('unit-unreachable', 'The unit went away before it answered.', { hint });
}

function silent(timeoutMs: number): LockstepError {
  return new LockstepError(
    'unit-unreachable',
    `The unit did not answer within ${Math.round(timeoutMs / 1000)} seconds.`,
    {
      hint: 'Look at its log; lockstep status tells whether it still answers.',
    },
  );
}
