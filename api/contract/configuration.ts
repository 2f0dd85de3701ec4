/** Reading the configuration and its history. */
import { changeView } from './changes.ts';
import { type AskedOf, method } from './method.ts';
import {
  anyJson,
  anyObject,
  count,
  flag,
  integer,
  list,
  named,
  type Of,
  object,
  oneOf,
  type Schema,
  text,
  time,
} from './schema.ts';
import { briefRevision, next, page, path, revision, revisionKind } from './shapes.ts';

const showAnswer = object(
  { path: text(), revision, value: anyJson('A nested document, a record or a field.') },
  { next },
);
export type ShowAnswer = Of<typeof showAnswer>;

const description = object(
  {
    path: text(),
    type: oneOf(['group', 'record', 'field']),
    secret: flag(),
    next: list(text(), 'Whole paths that could come next, at most 200.'),
  },
  {
    kind: text('Kind of the record.'),
    record: text('For a field: the path of its record.'),
    field: list(text(), 'The way from the record to the field.'),
    title: text(),
    description: text(),
    schema: anyObject('JSON Schema of the record or field.'),
  },
);
export type Description = Of<typeof description>;

export const revisionHeader = named(
  'Revision',
  object(
    {
      revision,
      at: time('For people: order comes from the number.'),
      kind: revisionKind,
      author: text(),
      reason: text(),
      parent: text('Digest before.'),
      digest: text('Digest after; equal when only configuration of the unit alone changed.'),
      epoch: count(),
      records: count('Records touched.'),
      pairRecords: count('How many of them in their shared half.'),
    },
    {
      brought: list(
        briefRevision,
        'On the standby: the revisions of the active unit that an update brought, oldest first, at most 100.',
      ),
      merges: object(
        { branch: text(), unit: text(), parent: text('Digest that the branch ended with.') },
        {},
        'Of a merge.',
      ),
    },
  ),
);

const historyAnswer = object({
  revisions: list(revisionHeader),
  more: flag('There are older ones that fit the question.'),
  before: {
    type: ['integer', 'null'],
    description: 'Ask for them with `before` as this says; null: these were all.',
  } as Schema<number | null>,
  oldest: count('The oldest revision that is kept.'),
});
export type HistoryAnswer = Of<typeof historyAnswer>;
export type Revision = Of<typeof revisionHeader>;

const diffAnswer = object({ from: revision, to: revision, changes: list(changeView) });
export type DiffAnswer = Of<typeof diffAnswer>;

export const CONFIGURATION = {
  show: method(
    'GET /v1/config',
    'read',
    'The configuration, or the part of it at a path; secrets are masked',
    showAnswer,
    {
      heavy: true,
      asks: object(
        {},
        {
          path,
          defaults: flag('Fill in the defaults of the schema.'),
          ...page,
        },
      ),
      example: { path: 'virtualServices/tcp:10.20.0.100:443' },
    },
  ),
  describe: method(
    'GET /v1/describe',
    'read',
    'What may stand at a path, and which paths could come next',
    description,
    {
      asks: object(
        {},
        { path, startsWith: text('Beginning of the ids that are asked for.', { maxLength: 251 }) },
      ),
      example: { path: 'virtualServices', startsWith: 'tcp:10.20' },
    },
  ),
  history: method(
    'GET /v1/history',
    'read',
    'Revisions, newest first; `more` says that there are older ones, `before` where to go on',
    historyAnswer,
    {
      asks: object(
        {},
        {
          path,
          limit: integer('How many revisions at most, newest first; one answer holds 1,000.', {
            minimum: 1,
            maximum: 10_000,
          }),
          before: count('Begin with the revision before this one; `before` of an answer goes here.'),
        },
      ),
      example: { path: 'virtualServices', limit: 20 },
    },
  ),
  diff: method(
    'GET /v1/diff',
    'read',
    'What differs between two revisions, record by record; without `to`, up to now',
    diffAnswer,
    { heavy: true, asks: object({ from: revision }, { to: revision }), example: { from: 40, to: 42 } },
  ),
};

type Requests = typeof CONFIGURATION;
export type ShowRequest = AskedOf<Requests['show']>;
export type HistoryRequest = AskedOf<Requests['history']>;
