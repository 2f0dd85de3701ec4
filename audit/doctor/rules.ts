import type { Rule } from '../../schema/rule.ts';
import { RULES } from '../../schema/rules/index.ts';
import { type Check, failure, type Group, ofEach, ok, warning } from './check.ts';

/** Every rule across records is a check of its own: the unit says which of them its configuration breaks. */
export const ruleChecks: Check[] = RULES.map(rule => ({
  code: rule.code,
  group: groupOf(rule),
  holds: rule.holds,
  why: rule.why,
  hint: rule.hint,
  check: facts =>
    ofEach(facts, ({ rules }) => {
      const broken = rules.filter(({ code }) => code === rule.code);
      if (broken.length === 0) return { ...ok('it is kept'), fact: 'kept' };
      const otherwise = rule.severity === 'error' ? failure : warning;
      return {
        ...otherwise(broken.map(({ path, message }) => `${path}: ${message}`).join('; ')),
        fact: `broken by ${broken.map(({ path }) => path).join(', ')}`,
      };
    }),
}));

function groupOf({ looksAt }: Rule): Group {
  if (looksAt.includes('virtualService')) return 'services';
  if (looksAt.includes('interface')) return 'interfaces';
  return looksAt.includes('ha') ? 'pair' : 'services';
}
