/** What happens in a unit, as it happens. */
import { revisionHeader } from './configuration.ts';
import { method } from './method.ts';
import {
  anyObject,
  constant,
  count,
  flag,
  integer,
  named,
  type Of,
  object,
  oneOf,
  tagged,
  text,
  time,
} from './schema.ts';
import { status } from './status.ts';

/** Told by name; their facts are what the unit knows of them. */
export const HAPPENINGS = [
  'roleChanged',
  'damaged',
  'mended',
  'diskRefused',
  'diskRecovered',
  'paired',
  'unpaired',
  'connectionSettled',
  'connectionLost',
  'pairStateChanged',
  'updateSent',
  'updateReceived',
  'pauseChanged',
  'provisionalOpened',
  'provisionalClosed',
  'provisionalUndone',
  'sourceConfirmed',
  'listeningMoved',
  'selfChanged',
  'operatorGone',
  'driftFound',
  'driftGone',
  'backupRun',
] as const;

const event = named(
  'Event',
  tagged('event', [
    object(
      { event: constant('status'), status },
      {},
      'The whole status: at first, and whenever more than its clock has changed.',
    ),
    object(
      { event: constant('revision'), revision: revisionHeader },
      {},
      'A commit or an update is on the disk.',
    ),
    object(
      { event: constant('gap'), next: count('The first revision that is told.') },
      {},
      'Older revisions were asked for than are told here: read them as history.',
    ),
    object({ event: constant('happened'), what: oneOf(HAPPENINGS), at: time(), facts: anyObject() }),
    object(
      { event: constant('end'), code: oneOf(['slow']), message: text() },
      {},
      'Nothing more follows on this connection.',
    ),
  ]),
);
export type Event = Of<typeof event>;

export const EVENTS = {
  events: method(
    'GET /v1/events',
    'read',
    'What happens, as it happens: server-sent events, each with its name in `event` and JSON in `data`',
    event,
    {
      written: 'events',
      asks: object(
        {},
        {
          status: flag('Tell the status too.'),
          path: text('Of revisions, tell those that changed this, or something below it.', {
            maxLength: 4096,
          }),
          after: integer(
            'Begin with the revisions after this one; without, with the next. The header Last-Event-ID says the same.',
            { minimum: 0 },
          ),
        },
      ),
      example: { status: true, after: 42 },
    },
  ),
};
