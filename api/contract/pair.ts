/** The two units as a pair. */
import { type AskedOf, method, type RequestOf } from './method.ts';
import { count, flag, integer, list, named, nullable, type Of, object, oneOf, text, time } from './schema.ts';
import { pairRole, pause, receipt } from './shapes.ts';

const port = count('TCP port.', { maximum: 65_535 });
const fingerprint = text('Of the host key.');
const replaces = text(
  'Fingerprint of the partner that makes way; refused with `conflict` when it is not the partner.',
  { pattern: '^SHA256:[A-Za-z0-9+/]{43}$' },
);

export const unconfirmed = named(
  'Unconfirmed',
  object(
    { since: time(), by: text(), why: text() },
    {},
    'The configuration was restored, and nobody has confirmed it yet: this unit is no source.',
  ),
);

const takeoverAnswer = object(
  {
    role: pairRole,
    epoch: count(),
    partnerSteppedDown: flag('False: the partner was not seen.'),
  },
  {
    filesWaiting: count(
      'Files whose edits were refused here, or which were kept beside: they wait as before.',
    ),
    leftBehind: object(
      { partner: text('Its name.'), heardAt: time('When it said so.') },
      {},
      'The partner was not seen, and last said that it held changes which this unit lacks.',
    ),
  },
);
export type TakeoverAnswer = Of<typeof takeoverAnswer>;
export type LeftBehind = NonNullable<TakeoverAnswer['leftBehind']>;

const resumeAnswer = object({
  lifted: list(oneOf(['pacified', 'pause']), 'Empty: nothing kept this unit from taking part.'),
});
export type ResumeAnswer = Of<typeof resumeAnswer>;

const confirmSourceAnswer = object({
  confirmed: nullable(unconfirmed, 'null: there was nothing to confirm.'),
});
export type ConfirmSourceAnswer = Of<typeof confirmSourceAnswer>;

const invitation = object({
  code: text(),
  fingerprint,
  expiresAt: time(),
  host: text('Where the other unit reaches this one, as far as this one knows.'),
  port,
});
export type Invitation = Of<typeof invitation>;

const pairedAnswer = object(
  { partner: object({ name: text(), host: text(), port, fingerprint }) },
  {
    replaced: object({ name: text(), fingerprint }, {}, 'The partner that this unit had before.'),
    replacedThere: object(
      { old: fingerprint, new: fingerprint },
      {},
      'Of the partner that the other unit had before, and of this unit, which took its place.',
    ),
    moved: object(
      { from: object({ host: text(), port }) },
      { record: text('The field that says so from now on.') },
      'It was the partner before, and is somewhere else now.',
    ),
  },
);
export type PairedAnswer = Of<typeof pairedAnswer>;

const unpairedAnswer = object({ partner: object({ name: text(), fingerprint }) });
export type UnpairedAnswer = Of<typeof unpairedAnswer>;

export const PAIR = {
  forceUpdate: method(
    'POST /v1/force-update',
    'operate',
    'Update the standby now; answers with its receipt',
    receipt,
  ),
  takeover: method('POST /v1/takeover', 'operate', 'Make this unit the active one', takeoverAnswer, {
    asks: object(
      {},
      { force: flag('Take over although changes that only the partner holds would be left behind.') },
    ),
    example: { force: false },
  }),
  pause: method('POST /v1/pause', 'operate', 'Stop sending updates, for good or for some seconds', pause, {
    asks: object(
      {
        reason: text('Why, in words; shown to everybody who asks for the status.', {
          minLength: 1,
          maxLength: 1000,
        }),
      },
      {
        seconds: integer('When the pause ends by itself. Default: when somebody resumes.', {
          minimum: 1,
          maximum: 30 * 86_400,
        }),
      },
    ),
    example: { reason: 'the switch between the sites is replaced', seconds: 3600 },
  }),
  resume: method(
    'POST /v1/resume',
    'operate',
    'Send updates again; a pacified unit takes part again',
    resumeAnswer,
  ),
  confirmSource: method(
    'POST /v1/confirm-source',
    'operate',
    'Let what was restored on this unit go out to the partner',
    confirmSourceAnswer,
  ),
  invite: method('POST /v1/pair/invite', 'admin', 'Make a one-time code for the other unit', invitation, {
    asks: object({}, { replaces }),
    example: { replaces: 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU' },
  }),
  join: method('POST /v1/pair/join', 'admin', 'Pair with the unit that made the code', pairedAnswer, {
    asks: object(
      { host: text('Name or address of the unit that made the code.', { minLength: 1, maxLength: 253 }) },
      {
        port: integer('TCP port. Default: 6973.', { minimum: 1, maximum: 65_535 }),
        code: text(
          'The code that `lockstep pair --invite` printed. Without: the partner of this unit is there now.',
          { minLength: 1, maxLength: 1024 },
        ),
        replaces,
      },
    ),
    example: { host: '10.20.0.11', code: 'K7QF-2MRD-9XWA' },
  }),
  unpair: method(
    'POST /v1/pair/unpair',
    'admin',
    'Forget the partner: its keys are not accepted any more',
    unpairedAnswer,
  ),
};

type Requests = typeof PAIR;
export type PauseRequest = RequestOf<Requests['pause']>;
export type InviteRequest = AskedOf<Requests['invite']>;
export type JoinRequest = AskedOf<Requests['join']>;
export type Unconfirmed = Of<typeof unconfirmed>;
