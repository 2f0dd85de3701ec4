import type { Rule } from '../rule.ts';
import { backupScheduleRules } from './backup-schedule.ts';
import { haRules } from './ha.ts';
import { interfaceRules } from './interfaces.ts';
import { virtualServiceRules } from './virtual-services.ts';

/** All rules across records; docs/RULES.md is made from this list. */
export const RULES: readonly Rule[] = [
  ...interfaceRules,
  ...haRules,
  ...virtualServiceRules,
  ...backupScheduleRules,
];
