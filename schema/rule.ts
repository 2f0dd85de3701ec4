import type { ConfigRecord } from './document.ts';
import type { Problem } from './error.ts';
import type { JsonObject } from './json.ts';
import type { Judged } from './tightened.ts';

/** The configuration as a rule sees it: as it will be once the change is in. */
export interface View {
  get(path: string): Promise<JsonObject | undefined>;
  /** The record at `path` and all below it. */
  list(path: string): AsyncIterable<ConfigRecord>;
  /** Records whose path starts with `prefix`: `virtualServices/tcp:10.0.0.1:`. */
  listPrefix(prefix: string): AsyncIterable<ConfigRecord>;
  /** Paths that start with `prefix`; what is in the records is not read. */
  pathsWith(prefix: string): AsyncIterable<string>;
  /** Paths of the records that refer to `path`, or have it among their place names (schema/places.ts). */
  referrers(path: string): AsyncIterable<string>;
}

/**
 * A rule across records (docs/DOMAIN.md, Rules). It looks only at what a touched record can have broken,
 * so that its cost does not grow with the configuration.
 */
export interface Rule {
  code: string;
  /**
   * `error` refuses the change; `warning` is shown in `status` until it is mended. `tightened` refuses what somebody writes
   * now, and warns of what is there already or comes by an update, a merge, a restore or an undo: earlier releases took it.
   * A `notice` is told with the change that brings it, not by every status; the doctor has a check of its own for it.
   */
  severity: 'error' | 'tightened' | 'warning' | 'notice';
  /** Its kinds have so many records that no status can look at all of them: they are looked at one by one in the background. */
  inBackground?: true;
  /** What must hold, in one sentence: for docs/RULES.md. */
  holds: string;
  why: string;
  hint: string;
  /** Names of the kinds whose records, when touched, can break the rule. */
  looksAt: string[];
  /** `touched`: paths of the touched records of those kinds. Empty result: the rule holds. See Judged. */
  check(view: View, touched: string[], judged: Judged): Promise<Problem[]>;
}
