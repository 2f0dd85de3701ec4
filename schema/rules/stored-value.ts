import type { Rule } from '../rule.ts';

/**
 * Looks at no change: what is written now is judged by the schema. It names, for status and doctor, what the schema would not
 * take any more and a store still holds (Store.standingProblems).
 */
export const storedValue: Rule = {
  code: 'stored-value',
  severity: 'warning',
  inBackground: true,
  holds: 'Every record has only values that this release takes.',
  why: 'An earlier release took the value. It stays as it is, but the record cannot be changed before it is mended.',
  hint: 'Set the field to a value that is allowed, or remove it.',
  looksAt: [],
  check: async () => [],
};
