/** Who may knock: which of too many logins has to leave, and how often a refusal is told. Pure. */

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

export interface Refusal {
  /** IP address of the one refused. */
  source: string;
  /** One of a small set of sentences. */
  reason: string;
  /** What was shown, such as a fingerprint; that of the first refusal in the minute. */
  detail?: string;
}

const QUIET_MS = 60_000;
const REMEMBERED = 1_024;

/**
 * Tells each refusal once per source, reason and minute. With more than 1,024 kinds in a minute the further ones are
 * not told: a flood must not fill the log either.
 */
export class RefusalLog {
  readonly #tell: (refusal: Refusal) => void;
  readonly #now: () => number;
  readonly #told = new Map<string, number>();

  constructor(tell: (refusal: Refusal) => void, now: () => number) {
    this.#tell = tell;
    this.#now = now;
  }

  note(refusal: Refusal): void {
    const now = this.#now();
    this.#forgetBefore(now - QUIET_MS);
    const key = `${refusal.source}\n${refusal.reason}`;
    if (this.#told.has(key) || this.#told.size >= REMEMBERED) return;
    this.#told.set(key, now);
    this.#tell(refusal);
  }

  /** The map is in the order of telling, so the old ones are at its beginning. */
  #forgetBefore(limit: number): void {
    for (const [key, at] of this.#told) {
      if (at > limit) return;
      this.#told.delete(key);
    }
  }
}
