/** Shapes that several methods share. */
import { ERROR_CODES, type ErrorBody, type ErrorClass } from '../../schema/error.ts';
import {
  anyObject,
  count,
  flag,
  integer,
  list,
  named,
  number,
  type Of,
  object,
  oneOf,
  type Schema,
  text,
  time,
} from './schema.ts';

export const path = text(
  'Path of a group, record or field, such as virtualServices/tcp:10.20.0.100:443/enable. Empty: everything.',
  { maxLength: 4096 },
);
export const recordPath = text('Path of one record.', { minLength: 1, maxLength: 4096 });
export const revision = count('Number of a revision.');
export const digest = text('Digest of the shared configuration.');
export const modes = ['single', 'first', 'second'] as const;
export const mode = oneOf(modes);
export const pairRole = oneOf(['active', 'standby']);

export const reason = text('Why, in words; kept with the revision.', { maxLength: 1000 });
export const dryRun = flag('Check and tell what would change, but change nothing.');
export const expected = count('Refuse with `conflict` unless this revision still stands.');
export const minutes = number('', { exclusiveMinimum: 0, maximum: 10_080 });
/** How careful a change is made. */
export const careful = {
  confirm: number('Minutes after which the change is undone, on both units, unless it is confirmed.', {
    exclusiveMinimum: 0,
    maximum: 10_080,
  }),
  wait: flag('Change it only if the standby says that it would take it, and answer when it has.'),
};
export const passphrase = text('Opens the bundle.', { minLength: 1, maxLength: 1024 });
export const upload = text('What POST /v1/restore/upload answered.', { minLength: 1, maxLength: 64 });

/** Of lists that are read by page. */
export const page = {
  limit: integer('How many at most. Default: all.', { minimum: 1, maximum: 10_000 }),
  after: text('Begin after this one: what `next` of the page before said.', { maxLength: 4096 }),
};
export const next = text('There are more: ask with `after` as this says. Left out: these were all.');

export const problem = named(
  'Problem',
  object(
    {
      code: text('Stable: scripts may rely on it.'),
      path: text('Path of the record, with the field behind it where there is one.'),
      message: text(),
    },
    { hint: text('What to do next.') },
  ),
);
export const finding = named(
  'Finding',
  object(
    {
      code: text('Stable: scripts may rely on it.'),
      path: text('Path of the record, with the field behind it where there is one.'),
      message: text(),
      fails: flag('False: it does no harm yet.'),
    },
    { hint: text('What to do next.') },
  ),
);
export type Finding = Of<typeof finding>;

const classes: ErrorClass[] = ['usage', 'forbidden', 'refused', 'missing', 'unreachable', 'damaged'];
export const error: Schema<ErrorBody> = named(
  'Error',
  object(
    {
      code: oneOf(Object.keys(ERROR_CODES), 'Stable: scripts may rely on it.'),
      class: oneOf(classes),
      message: text('A sentence.'),
    },
    { hint: text('What to do next.'), facts: anyObject('What the sentence is about.') },
  ) as Schema<ErrorBody>,
);

export const heldBack = named('HeldBack', object({ records: count(), paths: list(text(), 'The first 20.') }));
export type HeldBack = Of<typeof heldBack>;

export const receipt = named(
  'Receipt',
  object(
    {
      result: oneOf(['applied', 'already-applied'], 'already-applied: there was nothing to do.'),
      kind: oneOf(['periodic', 'forced']),
      revision: count('Revision of the active unit that the standby now holds.'),
      digest,
      records: count(),
      bytes: count(),
      ms: number('Milliseconds from the request to the receipt.'),
      at: time(),
    },
    { heldBack },
    'What the standby returned for an update.',
  ),
);
export type Receipt = Of<typeof receipt>;

export const takenUpdate = named(
  'TakenUpdate',
  object(
    {
      result: oneOf(['applied', 'already-applied']),
      kind: oneOf(['taken']),
      revision: count('Revision that it became here.'),
      digest,
      records: count(),
      at: time(),
    },
    {},
    'An update as the standby saw it.',
  ),
);
export type TakenUpdate = Of<typeof takenUpdate>;

export const pause = named(
  'Pause',
  object({
    by: text(),
    reason: text(),
    since: time(),
    until: { type: ['string', 'null'], description: 'ISO 8601; null: until somebody resumes.' } as Schema<
      string | null
    >,
  }),
);
export type Pause = Of<typeof pause>;

export const damageFinding = named(
  'DamageFinding',
  object({
    path: text('A record, or where it lies in the store or its file.'),
    reason: text(),
  }),
);

export const revisionKind = oneOf(
  ['init', 'change', 'import', 'file', 'rollback', 'update', 'restore', 'merge'],
  'Why it came to be.',
);
export const briefRevision = named(
  'BriefRevision',
  object({ revision, at: time(), kind: revisionKind, author: text(), reason: text() }),
);
export type Problem = Of<typeof problem>;
