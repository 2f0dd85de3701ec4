/** Changing the configuration. */
import { method, type RequestOf } from './method.ts';
import {
  anyJson,
  anyObject,
  constant,
  count,
  either,
  extended,
  flag,
  list,
  named,
  number,
  type Of,
  object,
  oneOf,
  tagged,
  text,
  time,
} from './schema.ts';
import {
  careful,
  digest,
  dryRun,
  error,
  expected,
  minutes,
  problem,
  reason,
  receipt,
  recordPath,
  revision,
} from './shapes.ts';

const fieldWay = list(text('Name of a field, or index in a list.'), 'The way from the record to the field.', {
  minItems: 1,
  maxItems: 64,
});

export const change = named(
  'Change',
  tagged('op', [
    object(
      { op: constant('put'), path: recordPath, value: anyObject() },
      {},
      'The record is exactly this. Fields of the unit alone stay as they are unless the value names some.',
    ),
    object(
      { op: constant('set'), path: recordPath, field: fieldWay, value: anyJson() },
      {},
      'One field; the record is made when it does not exist.',
    ),
    object({ op: constant('unset'), path: recordPath, field: fieldWay }, {}, 'One field goes.'),
    object(
      { op: constant('remove'), path: recordPath },
      {},
      'The record and everything below it go; a path above records removes all of them.',
    ),
  ]),
);

export const changeView = named(
  'ChangeView',
  object(
    { path: recordPath, change: oneOf(['added', 'changed', 'removed']) },
    {
      before: anyObject('Secrets are masked.'),
      after: anyObject('Secrets are masked; one that differs shows as another mask.'),
    },
  ),
);
export type ChangeView = Of<typeof changeView>;

export const changeCounts = { added: count(), changed: count(), removed: count() };

export const changeAnswer = named(
  'ChangeAnswer',
  object(
    {
      revision: count('The revision that stands now; the one before when nothing changed.'),
      digest,
      dryRun: flag(),
      counts: object(changeCounts),
      changes: list(changeView, 'The first 1,000.'),
    },
    {
      warnings: list(
        problem,
        'What the rules warn of in what was changed: the first 100. Left out when there is nothing.',
      ),
      ms: number('Until it was durable. Left out when nothing was written.'),
      provisional: object({ minutes, until: time('When it is undone unless it is confirmed.') }),
      standby: either(
        [object({ receipt }), object({ error })],
        'What became of it on the standby, where that was waited for.',
      ),
      pairNotes: list(text(), 'What it does to the pair, beside what it changes.'),
    },
  ),
);
export type ChangeAnswer = Of<typeof changeAnswer>;

export const leftOut = named(
  'LeftOut',
  object({ source: text('File and place.'), parameter: text(), value: text(), reason: text() }),
);

const capture = object({
  name: text('Name of the file, for messages.', { maxLength: 4096 }),
  text: text('What is in it.'),
});

export const CHANGES = {
  change: method(
    'POST /v1/changes',
    'operate',
    'Change records and fields, all of them or none',
    changeAnswer,
    {
      heavy: true,
      asks: object(
        { changes: list(change, '', { minItems: 1, maxItems: 1_000_000 }) },
        {
          reason,
          expected,
          dryRun,
          ...careful,
          valueFrom: oneOf(
            ['argument', 'input'],
            'Where values came from; a secret that came as an argument is refused.',
          ),
        },
      ),
      example: {
        changes: [{ op: 'set', path: 'hosts/db1', field: ['address'], value: '10.20.0.7' }],
        reason: 'db1 has moved',
      },
    },
  ),
  apply: method(
    'POST /v1/apply',
    'operate',
    'Make the configuration say what a document says',
    changeAnswer,
    {
      heavy: true,
      asks: object(
        { document: anyJson('Nested document, as GET /v1/config gives it.') },
        {
          path: text('Where the document stands. Default: the root.', { maxLength: 4096 }),
          replace: flag(
            'Each collection or record that the document names becomes exactly what it says; what it does not name stays.',
          ),
          reason,
          expected,
          dryRun,
          ...careful,
        },
      ),
      example: { document: { hosts: { db1: { address: '10.20.0.7' } } }, dryRun: true },
    },
  ),
  importLoadMaster: method(
    'POST /v1/import/loadmaster',
    'operate',
    'Take over the configuration of a LoadMaster from its captures',
    extended(changeAnswer, { leftOut: list(leftOut) }),
    {
      heavy: true,
      asks: object(
        { files: list(capture, '', { minItems: 1, maxItems: 1000 }) },
        { reason, dryRun, ...careful },
      ),
      example: {
        files: [{ name: 'getall.xml', text: '<?xml version="1.0"?><Response>…</Response>' }],
        dryRun: true,
      },
    },
  ),
  rollback: method(
    'POST /v1/rollback',
    'operate',
    'Make the configuration what it was at a revision, as a new revision',
    changeAnswer,
    {
      heavy: true,
      asks: object({ revision }, { reason, dryRun, ...careful }),
      example: { revision: 41, reason: 'the change broke the shop' },
    },
  ),
  confirm: method(
    'POST /v1/confirm',
    'operate',
    'Keep the change that waits to be confirmed, or take it back',
    object(
      {
        change: object({ author: text(), reason: text(), at: text('ISO 8601.') }),
        partnerKnows: flag('False: if the partner took over now, it would undo the change.'),
      },
      { undone: changeAnswer, error },
    ),
    { heavy: true, asks: object({}, { undo: flag('Take the change back now.') }), example: { undo: false } },
  ),
  restoreFile: method(
    'POST /v1/mirror/restore',
    'operate',
    'Overwrite a file under config/ that could not be committed with what the unit holds',
    object({ file: text('The file that was written.') }),
    {
      asks: object({ file: text('File under config/.', { minLength: 1, maxLength: 4096 }) }),
      example: { file: 'hosts/db1.json' },
    },
  ),
  adoptFile: method(
    'POST /v1/mirror/adopt',
    'operate',
    'Commit what a file under config/ says although it was refused, or was kept beside its file',
    object({ file: text('The file that was taken.'), revision: count() }),
    {
      asks: object(
        { file: text('File under config/ that status names.', { minLength: 1, maxLength: 4096 }) },
        { reason },
      ),
      example: { file: 'hosts/db1.json', reason: 'the edit was right' },
    },
  ),
};

export type ImportAnswer = Of<(typeof CHANGES)['importLoadMaster']['answer']>;
export type ConfirmAnswer = Of<(typeof CHANGES)['confirm']['answer']>;

type Requests = typeof CHANGES;
export type ChangeRequest = RequestOf<Requests['change']>;
export type ApplyRequest = RequestOf<Requests['apply']>;
export type ImportRequest = RequestOf<Requests['importLoadMaster']>;
export type RollbackRequest = RequestOf<Requests['rollback']>;
export type ConfirmRequest = RequestOf<Requests['confirm']>;
export type AdoptFileRequest = RequestOf<Requests['adoptFile']>;
/** How careful a change is made, and for whom. */
export type Safety = Pick<ChangeRequest, 'confirm' | 'wait' | 'role'>;
export type Change = Of<typeof change>;
