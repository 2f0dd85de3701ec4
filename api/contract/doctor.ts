/** Every rule of a pair that a program can check. */
import { method } from './method.ts';
import { count, list, named, nullable, number, type Of, object, oneOf, text, time } from './schema.ts';

/** What somebody is about to do. */
export const STEPS = ['takeover', 'replace', 'release-update'] as const;
export type Step = (typeof STEPS)[number];

/** What a check is about, in the order in which it is told. */
export const GROUPS = {
  pair: 'The pair',
  connection: 'Between the units',
  addresses: 'Addresses',
  interfaces: 'Interfaces',
  services: 'Virtual Services',
  release: 'Model and release',
  time: 'Time',
  machine: 'The machines',
  certificates: 'Certificates, and what the standby would serve',
  backup: 'Backup',
  step: 'Before this step',
  outside: 'Outside the units',
} as const;
export type Group = keyof typeof GROUPS;

const finding = named(
  'DoctorFinding',
  object(
    {
      code: text('Stable: scripts may rely on it.'),
      group: oneOf(Object.keys(GROUPS) as Group[]),
      outcome: oneOf(['ok', 'warning', 'failure', 'not-checked']),
      holds: text('What must hold.'),
      why: text('Why it matters.'),
      message: text('What was found.'),
    },
    {
      here: text('The fact on this unit.'),
      there: text('The fact on its partner.'),
      hint: text('What to type, or to do.'),
    },
  ),
);
export type DoctorFinding = Of<typeof finding>;
export type Outcome = DoctorFinding['outcome'];

const doctorAnswer = object({
  before: nullable(oneOf(STEPS), 'The step that it was judged for; null: none.'),
  at: time(),
  seconds: number('How long it took.'),
  unit: text('The unit that was asked.'),
  partner: nullable(text(), 'null: there is none, or it could not be asked; `partnerUnknown` says why.'),
  partnerUnknown: text('Why the partner could not be asked. Empty: it was.'),
  counts: object({ ok: count(), warning: count(), failure: count(), 'not-checked': count() }),
  findings: list(finding, 'One for each check, in the order of the groups.'),
});
export type DoctorAnswer = Of<typeof doctorAnswer>;

export const DOCTOR = {
  doctor: method(
    'GET /v1/doctor',
    'read',
    'Look at both units: every rule of a pair that a program can check',
    doctorAnswer,
    {
      asks: object({}, { before: oneOf(STEPS, 'Judge the pair for this step.') }),
      example: { before: 'takeover' },
    },
  ),
};
