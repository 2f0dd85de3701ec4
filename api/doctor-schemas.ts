import type { JsonObject } from '../schema/json.ts';
import { STEPS } from '../unit/doctor/contract.ts';
import { closed } from './schemas.ts';

const text: JsonObject = { type: 'string' };
const count: JsonObject = { type: 'integer', minimum: 0 };
const open = (properties: Record<string, JsonObject>): JsonObject => ({
  type: 'object',
  properties,
  additionalProperties: true,
});

export const doctorQuery = closed({
  before: { enum: [...STEPS], description: 'Judge the pair for this step.' },
});

export const doctorAnswer = open({
  before: { description: 'The step that it was judged for; null: none.' },
  at: text,
  seconds: { type: 'number', description: 'How long it took.' },
  unit: { ...text, description: 'The unit that was asked.' },
  partner: { description: 'Its partner; null: not known, or there is none.' },
  partnerUnknown: { ...text, description: 'Why the partner could not be asked. Empty: it was.' },
  counts: open({ ok: count, warning: count, failure: count, 'not-checked': count }),
  findings: {
    type: 'array',
    description: 'One for each check, in the order of the groups.',
    items: open({
      code: { ...text, description: 'Stable: scripts may rely on it.' },
      group: text,
      outcome: { enum: ['ok', 'warning', 'failure', 'not-checked'] },
      holds: { ...text, description: 'What must hold.' },
      why: { ...text, description: 'Why it matters.' },
      message: { ...text, description: 'What was found.' },
      here: { ...text, description: 'The fact on this unit.' },
      there: { ...text, description: 'The fact on its partner.' },
      hint: { ...text, description: 'What to type.' },
    }),
  },
});
