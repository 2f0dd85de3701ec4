/** Which of too many logins has to leave. Pure. */

/** How far a login got; strangers that did nothing leave first. */
export type Stage = 'silent' | 'speaking' | 'encrypted';

export interface Login {
  readonly source: string;
  readonly stage: Stage;
}

export interface GateLimits {
  /** Logins under way at once: from all, and from one source address. */
  logins: number;
  loginsPerSource: number;
}

/**
 * The login that has to leave before one more from `source` may begin; undefined when there is room.
 * `logins` are the ones under way, oldest first. It hits whoever holds the most, so that a flood from one address
 * leaves the others alone, and there the one that got least far, so that idle sockets make way for a real login.
 */
export function whoLeaves<L extends Login>(
  logins: readonly L[],
  source: string,
  limits: GateLimits,
): L | undefined {
  const own = logins.filter(login => login.source === source);
  if (own.length >= limits.loginsPerSource) return leastAdvanced(own);
  if (logins.length >= limits.logins) return leastAdvanced(largestGroup(logins));
  return undefined;
}

const STAGES: readonly Stage[] = ['silent', 'speaking', 'encrypted'];

function leastAdvanced<L extends Login>(logins: readonly L[]): L | undefined {
  for (const stage of STAGES) {
    const oldest = logins.find(login => login.stage === stage);
    if (oldest) return oldest;
  }
  return undefined;
}

function largestGroup<L extends Login>(logins: readonly L[]): readonly L[] {
  const groups = new Map<string, L[]>();
  for (const login of logins) {
    const group = groups.get(login.source);
    if (group) group.push(login);
    else groups.set(login.source, [login]);
  }
  return [...groups.values()].reduce(
    (largest, group) => (group.length > largest.length ? group : largest),
    [],
  );
}
