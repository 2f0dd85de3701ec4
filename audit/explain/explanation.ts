/** What a log line means. */
export interface Explanation {
  /** What happened, in a sentence. */
  happened: string;
  /** Likely causes, the likeliest first. */
  causes: string[];
  /** What to look at, or to type. */
  look: string[];
}

export type Source = 'ucarp' | 'keepalived' | 'lockstep';

/** Lines of one program. */
export interface LinePattern extends Explanation {
  /** Source of a regular expression. */
  pattern: string;
  /** Otherwise capitals do not count. */
  caseCounts?: true;
}
