/** Whatever changes the configuration by the API, but for restores and certificates. */
import type { MergeAnswer, MergeRequest } from '../../api/contract/branches.ts';
import type {
  AdoptFileRequest,
  ApplyRequest,
  ChangeAnswer,
  ChangeRequest,
  ConfirmAnswer,
  ConfirmRequest,
  ImportAnswer,
  ImportRequest,
  RollbackRequest,
  Safety,
} from '../../api/contract/changes.ts';
import { fromDocument } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Mirror } from '../../store/mirror/mirror.ts';
import type { RevisionKind } from '../../store/revision.ts';
import type { CommitRequest, Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import type { RecordReader } from '../../store/view.ts';
import type { BalProof } from '../access/bal-proof.ts';
import { hashedRecords, takeIn } from '../access/given-secrets.ts';
import { guardOf } from '../access/roles.ts';
import type { Log } from '../log/log.ts';
import type { Pair } from '../pair/pair.ts';
import type { ChangeAnswers } from './change-answers.ts';
import type { Committing } from './committing.ts';
import { documentChanges, putOf } from './document-changes.ts';
import { chooser, conflictViews, mergeConflict } from './merging.ts';

const NOBODYS = { author: '', reason: '', at: '' };

export interface ChangingOptions {
  store: Store;
  committing: Committing;
  pair: Pair;
  mirror: Mirror | undefined;
  bal: BalProof;
  log: Log;
  answers: ChangeAnswers;
}

type Asked = Safety & { author: string; reason?: string; expected?: number; dryRun?: boolean };

export class Changing {
  readonly #options: ChangingOptions;
  readonly #secrets: Parameters<typeof takeIn>[0];

  constructor(options: ChangingOptions) {
    this.#options = options;
    const { store } = options;
    this.#secrets = { catalog: store.catalog, read: path => store.read(path) };
  }

  async change(request: ChangeRequest): Promise<ChangeAnswer> {
    const changes = await Promise.all(
      request.changes.map(change => takeIn(this.#secrets, change, request.valueFrom)),
    );
    const answer = await this.commit(changes, 'change', request, summary(changes));
    if (!answer.dryRun) await this.#options.bal.learn(request.changes, changes);
    return answer;
  }

  async apply(request: ApplyRequest): Promise<ChangeAnswer> {
    const { catalog } = this.#options.store;
    const asked = fromDocument(catalog, request.document, request.path ?? '');
    const records = await hashedRecords(this.#secrets, asked);
    const changes = (reader: RecordReader): Promise<Change[]> =>
      documentChanges(catalog, reader, request, records);
    const answer = await this.commit(
      changes,
      'change',
      request,
      `apply a document, records: ${records.length}`,
    );
    if (!answer.dryRun) await this.#options.bal.learn(asked.map(putOf), records.map(putOf));
    return answer;
  }

  async importLoadMaster(request: ImportRequest): Promise<ImportAnswer> {
    const { captureChanges } = await import('./import.ts'); // with its reader of XML, which nothing else needs
    const { leftOut, changes } = captureChanges(this.#options.store.catalog, request.files);
    const reason = `import ${request.files.map(({ name }) => name).join(', ')}`;
    const whole = (records: RecordReader): Promise<Change[]> => changes(records);
    try {
      return { ...(await this.commit(whole, 'import', request, reason)), leftOut };
    } catch (error) {
      if (!(error instanceof LockstepError) || !Array.isArray(error.facts.problems)) throw error;
      return { ...(await this.commit(changes, 'import', request, reason)), leftOut };
    }
  }

  async rollback(request: RollbackRequest): Promise<ChangeAnswer> {
    const { revision, author, dryRun = false } = request;
    const reason = request.reason ?? `rollback to revision ${revision}`;
    const { result, ...more } = await this.#options.committing.make(request, how =>
      this.#options.store.rollback(revision, { author, reason, ...how }),
    );
    return { ...(await this.#options.answers.to(result, dryRun)), ...more };
  }

  async confirm(request: ConfirmRequest): Promise<ConfirmAnswer> {
    const { store, pair } = this.#options;
    const { undo = false, author, role = 'operate' } = request;
    const { provisional, ownProvisional } = store.head;
    const { author: by, reason, at } = provisional ?? ownProvisional ?? NOBODYS;
    const undone = undo ? await store.undoProvisional(author, 'taken back', guardOf(role)) : undefined;
    if (undone === undefined) await store.confirm();
    pair.provisionalSettled(author, undo);
    return {
      change: { author: by, reason, at },
      ...(undone === undefined ? {} : { undone: await this.#options.answers.to(undone, false) }),
      ...(await pair.updates.tellPartner()),
    };
  }

  async merge(request: MergeRequest): Promise<MergeAnswer> {
    const { branch, author, ours = [], theirs = [], none = false, dryRun = false } = request;
    const reason = request.reason ?? `merge ${branch}`;
    if (none && ours.length + theirs.length > 0)
      throw new LockstepError('bad-usage', 'Nothing of the branch is taken, so there is nothing to decide.');
    const choose = chooser({ ours, theirs });
    const { result, ...more } = await this.#options.committing.make(request, how =>
      this.#options.store.merge({ branch, choose, none, author, reason, ...how }),
    );
    if (none && !dryRun)
      this.#options.log.warn({ branch, author, reason }, 'nothing of the branch was taken');
    const conflicts = conflictViews(this.#options.store.catalog, result.conflicts);
    if (conflicts.length > 0 && !dryRun) throw mergeConflict(branch, conflicts, result.conflicts.length);
    return { ...(await this.#options.answers.to(result, dryRun)), ...more, branch, conflicts };
  }

  async restoreFile(file: string): Promise<{ file: string }> {
    await this.#mirror().restore(file);
    return { file };
  }

  async adoptFile({
    file,
    author,
    reason,
    role = 'operate',
  }: AdoptFileRequest): Promise<{ file: string; revision: number }> {
    const guard = guardOf(role);
    const by = {
      author,
      ...(reason === undefined ? {} : { reason }),
      ...(guard === undefined ? {} : { guard }),
    };
    const revision = await this.#mirror()
      .adopt(file, by)
      .catch(error => this.#options.committing.nameActive(error));
    return { file, revision };
  }

  #mirror(): Mirror {
    const { mirror } = this.#options;
    if (mirror !== undefined) return mirror;
    throw new LockstepError('bad-usage', 'This unit runs without a mirror.', {
      hint: 'Start it without --no-mirror.',
    });
  }

  async commit(
    changes: CommitRequest['changes'],
    kind: RevisionKind,
    request: Asked,
    defaultReason: string,
  ): Promise<ChangeAnswer> {
    const { author, reason = defaultReason, dryRun = false } = request;
    const { result, ...more } = await this.#options.committing.make(request, how =>
      this.#options.store.commit({ changes, kind, author, reason, ...how }),
    );
    const answer = await this.#options.answers.to(result, dryRun);
    const pairNotes = this.#options.pair.notesOn(answer.changes);
    return { ...answer, ...more, ...(pairNotes.length === 0 ? {} : { pairNotes }) };
  }
}

function summary(changes: Change[]): string {
  const [first] = changes;
  if (first === undefined) return 'no change';
  const where = 'field' in first ? [first.path, ...first.field].join('/') : first.path;
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  return `${first.op} ${where}${more}`;
}
