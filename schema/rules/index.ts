import type { Rule } from '../rule.ts';
import { backupScheduleRules } from './backup-schedule.ts';
import { haNotices, haRules } from './ha.ts';
import { interfaceRules } from './interfaces.ts';
import { storedValue } from './stored-value.ts';
import { virtualServiceRules } from './virtual-services.ts';

/** All rules across records; docs/RULES.md is made from this list. */
export const RULES: readonly Rule[] = [
  ...interfaceRules,
  ...haRules,
  ...virtualServiceRules,
  ...backupScheduleRules,
  storedValue,
];

/** What is told with the change that brings it, and then left to the doctor, who has checks of its own for that. */
export const NOTICES: readonly Rule[] = haNotices;
