import type { Catalog } from '../schema/catalog.ts';
import { type ConfigRecord, fromDocument } from '../schema/document.ts';
import { LockstepError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import { schemaAt } from '../schema/kind.ts';
import type { Mirror } from '../store/mirror.ts';
import type { RevisionKind } from '../store/revision.ts';
import type { CommitResult, Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import type { RecordReader } from '../store/view.ts';
import type {
  ApplyRequest,
  ChangeAnswer,
  ChangeRequest,
  Description,
  DiffAnswer,
  ImportAnswer,
  ImportRequest,
  Invitation,
  PairedAnswer,
  RebuildAnswer,
  Receipt,
  ShowAnswer,
  ShowRequest,
  Status,
  TakeoverAnswer,
  UnitFace,
  VerifyAnswer,
} from './face.ts';
import { captureChanges } from './import.ts';
import type { Metrics } from './metrics.ts';
import type { Pair } from './pair.ts';
import { hashPassword } from './password.ts';
import { describeTarget, showTarget } from './reading.ts';
import type { Scrub } from './scrub.ts';
import { changeAnswer, changeView } from './views.ts';

const DEFAULT_HISTORY = 20;
const MOST_HISTORY = 1_000;

/** The rooms of one running unit, behind the methods that its faces offer. */
export class Unit implements UnitFace {
  private readonly store: Store;
  private readonly catalog: Catalog;
  private readonly pair: Pair;
  private readonly mirror: Mirror | undefined;
  private readonly stats: Metrics;
  private readonly scrub: Scrub;
  private readonly startEmpty: () => Promise<RebuildAnswer>;

  constructor(rooms: {
    store: Store;
    catalog: Catalog;
    pair: Pair;
    mirror: Mirror | undefined;
    metrics: Metrics;
    scrub: Scrub;
    /** Ends everything, puts an empty store in place, and starts again. */
    startEmpty: () => Promise<RebuildAnswer>;
  }) {
    this.store = rooms.store;
    this.catalog = rooms.catalog;
    this.pair = rooms.pair;
    this.mirror = rooms.mirror;
    this.stats = rooms.metrics;
    this.scrub = rooms.scrub;
    this.startEmpty = rooms.startEmpty;
  }

  status(): Promise<Status> {
    const { verifiedAt = null, progress = null } = this.scrub;
    return this.pair.status(this.mirror?.troubles() ?? [], { verifiedAt, verifying: progress });
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
    return this.commit(changes, 'change', request, summary(changes));
  }

  async apply(request: ApplyRequest): Promise<ChangeAnswer> {
    const records = fromDocument(this.catalog, request.document, request.path ?? '');
    const puts: Change[] = records.map(({ path, value }) => ({ op: 'put', path, value }));
    const changes = request.replace
      ? async (reader: RecordReader) => [...(await this.leavings(reader, request, records)), ...puts]
      : puts;
    return this.commit(changes, 'change', request, `apply a document, records: ${records.length}`);
  }

  async importLoadMaster(request: ImportRequest): Promise<ImportAnswer> {
    const { leftOut, changes } = captureChanges(this.catalog, request.files);
    const names = request.files.map(({ name }) => name).join(', ');
    return { ...(await this.commit(changes, 'import', request, `import ${names}`)), leftOut };
  }

  async history({
    path = '',
    limit = DEFAULT_HISTORY,
  }: {
    path?: string;
    limit?: number;
  }): ReturnType<UnitFace['history']> {
    const target = this.catalog.resolve(path);
    const revisions = [];
    for await (const revision of this.store.history(target.path)) {
      if (revisions.length >= Math.min(limit, MOST_HISTORY)) break;
      revisions.push(revision);
    }
    return { revisions };
  }

  async diff({ from, to }: { from: number; to?: number }): Promise<DiffAnswer> {
    const until = to ?? this.store.head.revision;
    const changes = await this.store.diff(from, until);
    return { from, to: until, changes: changes.map(change => changeView(this.catalog, change)) };
  }

  async rollback(request: {
    revision: number;
    author: string;
    reason?: string;
    dryRun?: boolean;
  }): Promise<ChangeAnswer> {
    const { revision, author, dryRun = false } = request;
    const result = await this.store
      .rollback(revision, { author, reason: request.reason ?? `rollback to revision ${revision}`, dryRun })
      .catch(error => this.nameActive(error));
    return changeAnswer(this.catalog, result, dryRun);
  }

  forceUpdate(): Promise<Receipt> {
    return this.pair.forceUpdate();
  }

  takeover({ force = false }: { force?: boolean }): Promise<TakeoverAnswer> {
    return this.pair.takeOver(force);
  }

  invite(): Promise<Invitation> {
    return this.pair.invite();
  }

  join(request: { host: string; port?: number; code: string }): Promise<PairedAnswer> {
    return this.pair.join(request);
  }

  verifyStore(): Promise<VerifyAnswer> {
    return this.scrub.verify();
  }

  async rebuild({ force = false }: { force?: boolean }): Promise<RebuildAnswer> {
    this.pair.assertMayRebuild(force);
    return this.startEmpty();
  }

  async restoreFile(file: string): Promise<{ file: string }> {
    if (this.mirror === undefined)
      throw new LockstepError('bad-usage', 'This unit runs without a mirror.', {
        hint: 'Start it without --no-mirror.',
      });
    await this.mirror.restore(file);
    return { file };
  }

  async metrics(): Promise<string> {
    const { unit, sync, partner, files, store } = await this.status();
    return this.stats.render({
      revision: { help: 'Newest revision.', value: unit.revision },
      epoch: { help: 'Epoch of this unit.', value: unit.epoch },
      records: { help: 'Shared records.', value: unit.records },
      active: { help: '1 when this unit is active.', value: unit.role === 'active' ? 1 : 0 },
      partner_seen: {
        help: '1 when the partner is seen.',
        value: partner?.seen ? 1 : 0,
      },
      in_step: {
        help: '1 in step, 0 not, -1 not known.',
        value: sync.inStep === null ? -1 : Number(sync.inStep),
      },
      damaged: { help: '1 when the store is damaged.', value: store.damage === null ? 0 : 1 },
      missing_revisions: { help: 'Revisions that the standby lacks.', value: sync.missing?.revisions ?? 0 },
      uncommitted_files: {
        help: 'Files under config/ that could not be committed.',
        value: files.length,
      },
    });
  }

  private async commit(
    changes: Change[] | ((records: RecordReader) => Promise<Change[]>),
    kind: RevisionKind,
    request: { author: string; reason?: string; expected?: number; dryRun?: boolean },
    defaultReason: string,
  ): Promise<ChangeAnswer> {
    const { author, reason = defaultReason, expected, dryRun = false } = request;
    const result: CommitResult = await this.store
      .commit({ changes, kind, author, reason, expected, dryRun })
      .catch(error => this.nameActive(error));
    return changeAnswer(this.catalog, result, dryRun);
  }

  /** "Change it on the active unit" helps only who knows which one that is. */
  private nameActive(error: unknown): never {
    const active = this.pair.activePartner();
    if (!(error instanceof LockstepError) || error.code !== 'not-active' || active === undefined) throw error;
    throw new LockstepError('not-active', error.message, {
      hint: `Type the command on ${active.name} (${active.host}), or make this unit active with lockstep takeover.`,
      facts: { ...error.facts, active },
    });
  }

  /** Passwords become hashes here; a secret that others could read on the command line is refused. */
  private async takeIn(change: Change, from: ChangeRequest['valueFrom']): Promise<Change> {
    if (change.op !== 'put' && change.op !== 'set') return change;
    const kind = this.catalog.kindOf(change.path);
    const given = change.op === 'set' ? withPlace(change.field, change.value) : change.value;
    const touched = kind.secrets.filter(secret => touches(given, secret));
    if (touched.length > 0 && from === 'argument') throw secretInArguments(change.path);
    if (change.op !== 'set' || typeof change.value !== 'string') return change;
    const { format } = schemaAt(kind.schema, change.field) ?? {};
    if (format !== 'scrypt-hash' || change.value.startsWith('$scrypt$')) return change;
    return { ...change, value: await hashPassword(change.value) };
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

function secretInArguments(path: string): LockstepError {
  return new LockstepError(
    'secret-in-arguments',
    `A secret of ${path} was given on the command line, where others can read it; nothing was changed.`,
    {
      hint: 'Leave the value out to be asked for it, or use --value-file FILE. Choose another secret: this one has been seen.',
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
