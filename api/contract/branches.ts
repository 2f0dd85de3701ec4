/** What one side changed while the pair was divided. */
import { changeAnswer } from './changes.ts';
import { method, type RequestOf } from './method.ts';
import { anyJson, count, extended, flag, list, named, type Of, object, text, time } from './schema.ts';
import { briefRevision, careful, dryRun, next, page, reason, recordPath, revision } from './shapes.ts';

/** Of every branch. */
export const openBranch = named(
  'OpenBranch',
  object({
    name: text(),
    unit: text('Name of the unit on which it was changed.'),
    at: time('When that unit was made equal to its partner.'),
    records: count('Records that the branch changed.'),
  }),
);

export const branch = named(
  'Branch',
  extended(
    openBranch,
    {
      base: text('Digest from which both sides went their ways.'),
      digest: text('Digest that the branch ended with.'),
      revisions: list(briefRevision, 'Newest first, at most 100.'),
    },
    { merged: object({ revision, at: time(), author: text() }, {}, 'The revision that merged it.') },
  ),
);
export type Branch = Of<typeof branch>;

export const conflict = named(
  'Conflict',
  object(
    { path: recordPath },
    {
      field: text('Left out: it is about the whole record.'),
      base: anyJson('Masked; left out where there is none.'),
      ours: anyJson('Masked; left out where there is none.'),
      theirs: anyJson('Masked; left out where there is none.'),
    },
    'Both sides changed one thing, and not alike.',
  ),
);
export type ConflictView = Of<typeof conflict>;

const places = (description: string) =>
  list(text('A field, a record, a collection; empty: everything.', { maxLength: 4096 }), description, {
    maxItems: 10_000,
  });

const mergeAnswer = extended(changeAnswer, {
  branch: text(),
  conflicts: list(conflict, 'Of a dry run; otherwise they are refused with merge-conflict. The first 1,000.'),
});
export type MergeAnswer = Of<typeof mergeAnswer>;

export const BRANCHES = {
  branches: method(
    'GET /v1/branches',
    'read',
    'What one side changed while the pair was divided; newest first, merged ones too',
    object({ branches: list(branch) }, { next }),
    { asks: object({}, page), example: { limit: 20 } },
  ),
  merge: method(
    'POST /v1/merge',
    'operate',
    'Lay a branch over what stands now, as a new revision',
    mergeAnswer,
    {
      heavy: true,
      asks: object(
        { branch: text('Name of the branch.', { minLength: 1, maxLength: 64 }) },
        {
          ours: places('Conflicts that are decided for what stands here.'),
          theirs: places('Conflicts that are decided for the branch.'),
          none: flag(
            'Take nothing of the branch, and close it; what it holds and the pair lacks is given up.',
          ),
          reason,
          dryRun,
          ...careful,
        },
      ),
      example: { branch: 'r12-3f9a77c0', ours: ['virtualServices'], dryRun: true },
    },
  ),
};

type Requests = typeof BRANCHES;
export type MergeRequest = RequestOf<Requests['merge']>;
