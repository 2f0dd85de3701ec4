import type { Catalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { asLockstepError, LockstepError, type Problem } from '../../schema/error.ts';
import type { CommitResult, Guard, Store } from '../store.ts';
import type { Change } from '../transition.ts';
import type { RecordReader } from '../view.ts';
import { hashOf, render } from './file.ts';

/** A file that somebody changed. */
export interface Edit {
  file: string;
  /** The top-level object that the file is about. */
  path: string;
  /** What the file says; empty: it was deleted. */
  records: ConfigRecord[];
  /** Of the file as it was read; undefined: it was deleted. */
  hash: string | undefined;
  /** Of what the mirror had written there: what the edit started from. */
  known: readonly string[];
  /** When it was saved, milliseconds since 1970. */
  savedAt: number;
  /** Nobody saw it being saved, and a power cut came between: in doubt the store is right. */
  afterReboot: boolean;
}

export interface Refusal {
  edit: Edit;
  error: LockstepError;
}

/** Hears what a burst of saved files became. */
export type OnCommit = (result: CommitResult) => void;

/** A burst that is refused this often by different files is no longer tried as a whole. */
const MAX_ROUNDS = 5;
const MAX_NAMES = 10;

/**
 * Commit edits: all in one revision where that is possible. One that is refused does not hold back the others:
 * what the refusal names is set aside and tried alone once the rest is in. Resolves to what stays refused.
 */
export async function commitEdits(
  store: Store,
  catalog: Catalog,
  edits: Edit[],
  onCommit: OnCommit = () => undefined,
): Promise<Refusal[]> {
  let together = edits;
  const suspects: Edit[] = [];
  for (let round = 0; together.length > 0; round++) {
    const error = await tryCommit(store, catalog, together, onCommit);
    if (error === undefined) break;
    const named =
      error.code === 'disk' || round >= MAX_ROUNDS ? [] : together.filter(edit => names(error, edit.path));
    suspects.push(...(named.length === 0 ? together : named));
    together = named.length === 0 ? [] : together.filter(edit => !named.includes(edit));
  }
  return commitEach(store, catalog, suspects, onCommit);
}

/**
 * Commit what a file says although it was refused before, or does not start from what the store holds now: somebody has decided so.
 * Throws what a commit throws.
 */
export async function adoptEdit(
  store: Store,
  catalog: Catalog,
  edit: Pick<Edit, 'file' | 'path' | 'records' | 'hash'>,
  { author, reason, guard }: { author: string; reason?: string | undefined; guard?: Guard | undefined },
): Promise<CommitResult> {
  return store.commit({
    changes: records => changesOf(catalog, records, { ...edit, known: [] }, false),
    kind: 'file',
    author,
    reason: reason ?? `adopted ${edit.file}`,
    ...(guard === undefined ? {} : { guard }),
  });
}

/** Each on its own, in order; again while that helps, since one may need what a later one brings. */
async function commitEach(
  store: Store,
  catalog: Catalog,
  edits: Edit[],
  onCommit: OnCommit,
): Promise<Refusal[]> {
  let refused: Refusal[] = [];
  for (let left = edits; left.length > 0; left = refused.map(({ edit }) => edit)) {
    refused = [];
    for (const edit of left) {
      const error = await tryCommit(store, catalog, [edit], onCommit);
      if (error === undefined || (error.code === 'conflict' && (await saysTheSame(store, catalog, edit))))
        continue;
      refused.push({ edit, error });
    }
    if (refused.length === left.length) break;
  }
  return refused;
}

async function tryCommit(
  store: Store,
  catalog: Catalog,
  edits: Edit[],
  onCommit: OnCommit,
): Promise<LockstepError | undefined> {
  try {
    const changes = async (records: RecordReader): Promise<Change[]> => {
      const all: Change[] = [];
      for (const edit of edits) all.push(...(await changesOf(catalog, records, edit)));
      return all;
    };
    onCommit(await store.commit({ changes, kind: 'file', author: 'file', reason: reasonOf(edits) }));
    return undefined;
  } catch (error) {
    return asLockstepError(error);
  }
}

/** Whether the file, however it is written, asks for nothing that the store does not hold already. */
async function saysTheSame(store: Store, catalog: Catalog, edit: Edit): Promise<boolean> {
  const changes = (records: RecordReader): Promise<Change[]> => changesOf(catalog, records, edit, false);
  try {
    const result = await store.commit({ changes, kind: 'file', author: 'file', reason: '', dryRun: true });
    return result.changes.length === 0;
  } catch {
    return false;
  }
}

/**
 * What makes the records of the store those of the file. Runs in the store's turn, so nothing comes between the
 * look and the commit. Throws `conflict` when the store moved on since the mirror wrote what was edited:
 * the file would take that back, though whoever saved it never saw it.
 */
async function changesOf(
  catalog: Catalog,
  records: RecordReader,
  edit: Pick<Edit, 'file' | 'path' | 'records' | 'hash' | 'known'>,
  strict = true,
): Promise<Change[]> {
  const current: ConfigRecord[] = [];
  for await (const record of records.list(edit.path)) current.push(record);
  const text = render(catalog, edit.path, current);
  const now = text === undefined ? undefined : hashOf(text);
  if (edit.hash === now) return [];
  if (strict && !startsFrom(edit.known, now)) throw overtaken(edit);
  if (edit.hash === undefined) return [{ op: 'remove', path: edit.path }];
  const said = new Map(edit.records.map(({ path, value }) => [path, value]));
  const vanished = current.filter(({ path }) => !said.has(path));
  return [
    ...vanished.map(({ path }): Change => ({ op: 'remove', path })),
    ...edit.records.map((record): Change => ({ op: 'put', ...record })),
    ...current.flatMap(record => droppedUnitFields(catalog, record, said.get(record.path))),
  ];
}

function startsFrom(known: readonly string[], now: string | undefined): boolean {
  return now === undefined ? known.length === 0 : known.length === 1 && known[0] === now;
}

/** A put keeps this unit's own fields when it names none of them; but the file shows them, so there that means: gone. */
function droppedUnitFields(
  catalog: Catalog,
  { path, value }: ConfigRecord,
  said: ConfigRecord['value'] | undefined,
): Change[] {
  if (said === undefined) return [];
  const { scope, unitFields } = catalog.kindOf(path);
  if (scope !== 'mixed') return [];
  const gone = Object.keys(value).filter(field => unitFields.has(field) && !Object.hasOwn(said, field));
  return gone.map(field => ({ op: 'unset', path, field: [field] }));
}

function reasonOf(edits: Edit[]): string {
  const said = edits
    .slice(0, MAX_NAMES)
    .map(({ file, hash }) => `${hash === undefined ? 'deleted' : 'saved'} ${file}`);
  const more = edits.length - said.length;
  return `${said.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Whether the refusal is about the object at `path` or something below it. */
function names({ facts }: LockstepError, path: string): boolean {
  const about = [
    facts.path,
    ...((facts.problems as Problem[] | undefined) ?? []).map(problem => problem.path),
  ];
  return about.some(each => each === path || (typeof each === 'string' && each.startsWith(`${path}/`)));
}

function overtaken({ file, path }: Pick<Edit, 'file' | 'path'>): LockstepError {
  return new LockstepError(
    'conflict',
    `${path} was changed after ${file} had been written; committing the file would undo that.`,
    {
      hint: 'Restore the file, then repeat the edit.',
      facts: { path },
    },
  );
}
