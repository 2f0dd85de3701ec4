import type { JsonObject } from '../schema/json.ts';
import { closed, revision } from './schemas.ts';

/** JSON Schemas of the audit: docs/DOMAIN.md, Audit. */

const of = (name: string, more: Record<string, JsonObject> = {}, required: string[] = []): JsonObject =>
  closed({ of: { const: name }, ...more }, ['of', ...required]);

const target: JsonObject = {
  type: 'object',
  required: ['of'],
  discriminator: { propertyName: 'of' },
  oneOf: [
    of('local'),
    of('partner'),
    of('revision', { revision }, ['revision']),
    of(
      'bundle',
      {
        upload: {
          type: 'string',
          minLength: 1,
          maxLength: 64,
          description: 'What POST /v1/restore/upload answered.',
        },
        passphrase: { type: 'string', minLength: 1, maxLength: 1024, description: 'Opens the bundle.' },
        name: { type: 'string', maxLength: 4096, description: 'What it is called, for the answer.' },
      },
      ['upload', 'passphrase', 'name'],
    ),
  ],
};

export const auditRequest = closed(
  {
    a: target,
    b: target,
    all: { type: 'boolean', description: 'With what differs by design.' },
  },
  ['a', 'b'],
);

export const auditQuestion: JsonObject = {
  type: 'object',
  required: ['ask'],
  properties: { ask: { enum: ['open', 'nodes', 'leaves', 'against', 'details'] } },
  additionalProperties: true,
  description: 'One question about this unit.',
};

const text = (description: string): JsonObject => ({ type: 'string', description });
const number = (description: string): JsonObject => ({ type: 'integer', description });
const open = (properties: Record<string, JsonObject>): JsonObject => ({
  type: 'object',
  properties,
  additionalProperties: true,
});

const finding = open({
  path: text('A record, a file of the mirror, or a place in the store.'),
  class: {
    enum: ['corruption', 'local-edit', 'missed', 'not-sent', 'changed', 'mirror', 'release', 'by-design'],
  },
  on: { enum: ['a', 'b', 'both'], description: 'Where the fault lies, or who lacks it.' },
  fields: {
    type: 'array',
    items: open({ field: text('Way to the field.'), hidden: { type: 'boolean' } }),
    description: 'Both values; of a secret only that it differs.',
  },
  firstSeen: text('ISO 8601.'),
});

export const auditReport = open({
  at: text('ISO 8601.'),
  verdict: { enum: ['same', 'drift', 'damaged'] },
  counts: open({}),
  findings: { type: 'array', items: finding, description: 'The first 1,000, worst first.' },
  more: number('Findings that are not in the list.'),
  exchanges: number('With the side that is far away.'),
  ms: { type: 'number' },
  settled: {
    type: 'boolean',
    description: 'False: it kept changing while it was looked at; what is alarming was asked for again.',
  },
});

export const auditHistory = open({
  reports: {
    type: 'array',
    items: open({
      id: number('Of the report.'),
      from: text('When it was found.'),
      to: { type: ['string', 'null'], description: 'When it was gone; null: it is still there.' },
      findings: { type: 'array', items: finding },
    }),
    description: 'Newest first; 100 are kept.',
  },
});

export const auditAnswer = open({});

export const proofAnswer = open({
  proof: { type: ['object', 'null'], description: 'null: the units hold different states.' },
  digest: text('Of this unit.'),
  partnerDigest: text('Of the partner.'),
});
