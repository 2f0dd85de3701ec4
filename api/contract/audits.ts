/** Whether two states are the same, and why not. */
import { method } from './method.ts';
import {
  anyJson,
  anyObject,
  constant,
  count,
  extended,
  flag,
  list,
  map,
  named,
  nullable,
  number,
  type Of,
  object,
  oneOf,
  type Schema,
  tagged,
  text,
  time,
} from './schema.ts';
import { next, page, pairRole, passphrase, revision, upload } from './shapes.ts';

const target = named(
  'AuditTarget',
  tagged('of', [
    object({ of: constant('local') }),
    object({ of: constant('partner') }),
    object({ of: constant('revision'), revision }),
    object({
      of: constant('bundle'),
      upload,
      passphrase,
      name: text('What it is called, for the answer.', { maxLength: 4096 }),
    }),
  ]),
);
export type AuditTarget = Of<typeof target>;

const driftClass = oneOf([
  'corruption',
  'local-edit',
  'missed',
  'not-sent',
  'changed',
  'mirror',
  'release',
  'by-design',
]);
export type DriftClass = Of<typeof driftClass>;
const counts = map(count(), 'How many findings there are of each class.') as Schema<
  Partial<Record<DriftClass, number>>
>;

const field = object(
  { field: text('The way to the field.') },
  {
    a: anyJson('Left out: not there.'),
    b: anyJson('Left out: not there.'),
    hidden: { const: true, description: 'That it differs is all that is told.' } as Schema<true>,
  },
);

const finding = object(
  { path: text('A record, a file of the mirror, or a place in the store.'), class: driftClass },
  {
    on: oneOf(['a', 'b', 'both'], 'Where the fault lies, or who lacks it.'),
    only: oneOf(['a', 'b'], 'The record is on this side only.'),
    revision: count('The revision that it is about: of the unit that made it.'),
    by: text(),
    at: text('ISO 8601.'),
    reason: text(),
    firstSeen: time(),
  },
);
const findingWithFields = named(
  'AuditFinding',
  extended(finding, { fields: list(field, 'Both values; of a secret only that it differs.') }),
);
export type AuditFinding = Of<typeof findingWithFields>;

const end = object({
  is: oneOf(['unit', 'revision', 'bundle']),
  name: text(),
  role: pairRole,
  revision,
  digest: text(),
  epoch: count(),
  release: text(),
});

const auditReport = named(
  'AuditReport',
  object({
    at: time(),
    a: end,
    b: end,
    verdict: oneOf(['same', 'drift', 'damaged']),
    counts,
    findings: list(findingWithFields, 'The first 1,000, worst first.'),
    more: count('Findings that are not in the list.'),
    exchanges: count('With the side that is far away.'),
    ms: number(),
    settled: flag('False: it kept changing while it was looked at; what is alarming was asked for again.'),
  }),
);
export type AuditReport = Of<typeof auditReport>;

const driftReport = named(
  'DriftReport',
  object({
    id: count(),
    from: time('When it was found.'),
    to: nullable(time(), 'When it was gone; null: it is still there.'),
    foundBy: oneOf(['the interval', 'an update', 'an audit']),
    partner: text(),
    own: text('Digest when it was found.'),
    theirs: text('Digest of the partner then.'),
    records: count('How many findings there were at most.'),
    counts,
    findings: list(finding, 'The first 20, without values.'),
  }),
);
export type DriftReport = Of<typeof driftReport>;

const statement = object({
  statement: object({
    pair: text(),
    unit: text(),
    name: text(),
    role: pairRole,
    digest: text(),
    revision,
    epoch: count(),
    time: time(),
    partnerKey: text('Public host key of the partner that the unit has pinned.'),
    challenge: text('Hex; the same in both statements.'),
  }),
  key: text('ssh-ed25519 AAAA….'),
  signature: text('Ed25519, base64.'),
});
const proof = named(
  'Proof',
  object({
    lockstepProof: constant(1),
    digest: text(),
    statements: {
      type: 'array',
      items: statement,
      minItems: 2,
      maxItems: 2,
    } as unknown as Schema<[Of<typeof statement>, Of<typeof statement>]>,
  }),
);
export type Proof = Of<typeof proof>;

const proofAnswer = object({
  proof: nullable(proof, 'null: they hold different states.'),
  digest: text('Of this unit.'),
  partnerDigest: text(),
});
export type ProofAnswer = Of<typeof proofAnswer>;

const auditQuestion = {
  type: 'object',
  required: ['ask'],
  properties: { ask: { enum: ['open', 'nodes', 'leaves', 'against', 'details'] } },
  additionalProperties: true,
  description: 'One question about this unit.',
} as ReturnType<typeof anyObject>;

export const AUDITS = {
  audit: method('POST /v1/audit', 'read', 'What differs between two states, and why', auditReport, {
    question: true,
    heavy: true,
    asks: object(
      { a: target, b: target },
      { all: flag('With what differs by design: what belongs to each unit alone.') },
    ),
    example: { a: { of: 'local' }, b: { of: 'partner' } },
  }),
  auditHistory: method(
    'GET /v1/audit/history',
    'read',
    'The drift that came and went',
    object({ reports: list(driftReport, 'Newest first; 100 are kept.') }, { next }),
    { asks: object({}, page), example: { limit: 10 } },
  ),
  // Whoever chooses the nonce of the hashes could guess at weak secrets.
  auditAsk: method(
    'POST /v1/audit/ask',
    'admin',
    'One question about this unit, for an audit that is made elsewhere; secrets are keyed hashes',
    anyObject('As units tell each other in an audit: docs/DOMAIN.md, Audit.'),
    { question: true, heavy: true, asks: auditQuestion, example: { ask: 'open' } },
  ),
  auditProof: method(
    'POST /v1/audit/proof',
    'read',
    'A signed proof that both units hold one state',
    proofAnswer,
    { question: true },
  ),
};
export type AuditRequest = Of<(typeof AUDITS)['audit']['asks']>;
