/** Pure: what docs/PERFORMANCE.md claims, and whether a run of the quick form bears it out. */

/** One ratio that was measured: how many times as fast as what it is compared with. Larger is better. */
export interface Ratio {
  claim: string;
  times: number;
}

export interface Judged extends Ratio {
  claimed: number;
  /** False: worse than half of what is claimed. */
  holds: boolean;
}

/** A noisy machine may cost so much of a claim before somebody must look. */
const TOLERATED = 0.5;

/** The lines of the table below the heading `## Claims`: name → times as fast. Throws when it is not there. */
export function readClaims(markdown: string): Map<string, number> {
  const section = markdown.split(/^## /m).find(part => part.startsWith('Claims\n')) ?? '';
  const lines = section.matchAll(/^\| ([^|]+?) +\| +([\d.]+) +\|$/gm);
  const claims = new Map([...lines].map(([, claim = '', times]) => [claim, Number(times)]));
  if (claims.size === 0) throw new Error('docs/PERFORMANCE.md has no table of claims');
  return claims;
}

/** Throws for a ratio that nothing is claimed of: what is measured and what is claimed may not drift apart. */
export function judge(ratios: Ratio[], claims: Map<string, number>): Judged[] {
  return ratios.map(ratio => {
    const claimed = claims.get(ratio.claim);
    if (claimed === undefined) throw new Error(`docs/PERFORMANCE.md claims nothing of "${ratio.claim}"`);
    return { ...ratio, claimed, holds: ratio.times >= claimed * TOLERATED };
  });
}

/** What is claimed and was not measured. */
export function unproved(ratios: Ratio[], claims: Map<string, number>): string[] {
  const measured = new Set(ratios.map(({ claim }) => claim));
  return [...claims.keys()].filter(claim => !measured.has(claim));
}
