import type { Rule } from '../../schema/rule.ts';
import { RULES } from '../../schema/rules/index.ts';
import { type Check, failure, type Group, notChecked, ofEach, ok, warning } from './check.ts';

/** The rules that a unit of release 0.1.0 looked at in its own configuration; it does not say so. */
export const LOOKED_AT_BY_0_1_0: ReadonlySet<string> = new Set([
  'interface-addresses-equal',
  'interface-subnet',
  'interface-prefix',
  'ha-checks-nowhere',
  'ha-checks-no-production',
  'ha-checks-direct-cable',
  'link-fail-reboot-preferred-host',
  'virtual-mac-on-virtual-unit',
  'l4-sync-threshold',
  'virtual-id-low',
  'virtual-service-on-unit-address',
  'virtual-service-on-update-port',
  'virtual-service-on-ssh',
  'esp-not-licensed',
]);

/** Every rule across records is a check of its own: the unit says which of them its configuration breaks. */
export const ruleChecks: Check[] = RULES.map(rule => ({
  code: rule.code,
  group: groupOf(rule),
  holds: rule.holds,
  why: rule.why,
  hint: rule.hint,
  check: facts =>
    ofEach(facts, ({ unit, rules, rulesLooked }) => {
      const broken = rules.filter(({ code }) => code === rule.code);
      const looked = rulesLooked?.includes(rule.code) ?? LOOKED_AT_BY_0_1_0.has(rule.code);
      if (broken.length === 0 && !looked)
        return { ...notChecked(`release ${unit.release} does not look at it`), fact: 'not looked at' };
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
