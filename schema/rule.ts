import type { ConfigRecord } from './document.ts';
import type { Problem } from './error.ts';
import type { JsonObject } from './json.ts';

/** The configuration as a rule sees it: as it will be once the change is in. */
export interface View {
  get(path: string): Promise<JsonObject | undefined>;
  /** The record at `path` and all below it. */
  list(path: string): AsyncIterable<ConfigRecord>;
  /** Records whose path starts with `prefix`: `virtualServices/tcp:10.0.0.1:`. */
  listPrefix(prefix: string): AsyncIterable<ConfigRecord>;
  /** Paths of the records that refer to `path`. */
  referrers(path: string): AsyncIterable<string>;
}

/**
 * A rule across records (docs/DOMAIN.md, Rules). It looks only at what a touched record can have broken,
 * so that its cost does not grow with the configuration.
 */
export interface Rule {
  code: string;
  /** `error` refuses the change; `warning` is shown in `status` until it is mended. */
  severity: 'error' | 'warning';
  /** What must hold, in one sentence: for docs/RULES.md. */
  holds: string;
  why: string;
  hint: string;
  /** Names of the kinds whose records, when touched, can break the rule. */
  looksAt: string[];
  /** `touched`: paths of the touched records of those kinds. Empty result: the rule holds. */
  check(view: View, touched: string[]): Promise<Problem[]>;
}
