import type { BundleKind } from './bundle.ts';

/** How many bundles stay: the newest ones, and the newest of each day, week and month. */
export interface Policy {
  last: number;
  daily: number;
  weekly: number;
  monthly: number;
}

export interface KeptBundle {
  name: string;
  kind: BundleKind;
  /** When it was made. */
  at: Date;
  /** A drill has restored exactly this file. */
  proved: boolean;
}

interface Verdict {
  name: string;
  keep: boolean;
  /** Why it stays, or why nothing keeps it. Never empty. */
  reasons: string[];
}

/**
 * What a policy says of each bundle, newest first. It counts bundles of each kind by themselves: no certificate bundle
 * makes an old configuration bundle go, nor the reverse. `timeZone`: whose days are meant.
 */
export function judge(bundles: readonly KeptBundle[], policy: Policy, timeZone: string): Verdict[] {
  const [configurations, certificates] = (['configuration', 'certificates'] as const).map(kind =>
    judgeAlike(
      bundles.filter(each => each.kind === kind),
      policy,
      timeZone,
    ),
  ) as [Verdict[], Verdict[]];
  if (certificates.length === 0) return configurations;
  const at = new Map(bundles.map(({ name, at: moment }) => [name, moment.getTime()]));
  return [...configurations, ...certificates].sort(
    (a, b) => (at.get(b.name) as number) - (at.get(a.name) as number) || (a.name < b.name ? 1 : -1),
  );
}

/**
 * What a policy says of each bundle, newest first. The newest bundle and the newest proved one always stay; so do all when the policy
 * keeps nothing.
 */
function judgeAlike(bundles: readonly KeptBundle[], policy: Policy, timeZone: string): Verdict[] {
  const newestFirst = [...bundles].sort(
    (a, b) => b.at.getTime() - a.at.getTime() || (a.name < b.name ? 1 : -1),
  );
  const isEmpty = Object.values(policy).every(count => count === 0);
  const reasons = new Map(newestFirst.map(({ name }) => [name, isEmpty ? ['no policy says otherwise'] : []]));
  const keep = (bundle: KeptBundle | undefined, why: string): void => {
    if (bundle !== undefined) reasons.get(bundle.name)?.push(why);
  };
  keep(newestFirst[0], 'the newest');
  keep(
    newestFirst.find(({ proved }) => proved),
    'the newest proved one',
  );
  newestFirst.slice(0, policy.last).forEach((bundle, index) => {
    keep(bundle, `one of the last ${policy.last}: number ${index + 1}`);
  });
  const calendar = calendarOf(timeZone);
  for (const [span, most, periodOf] of [
    ['day', policy.daily, (at: Date) => calendar(at).day],
    ['week', policy.weekly, (at: Date) => calendar(at).week],
    ['month', policy.monthly, (at: Date) => calendar(at).month],
  ] as const) {
    for (const { bundle, period } of newestOfEach(newestFirst, periodOf).slice(0, most))
      keep(bundle, `the newest of its ${span}, ${period}`);
  }
  return newestFirst.map(({ name }) => {
    const why = reasons.get(name) as string[];
    return why.length > 0
      ? { name, keep: true, reasons: why }
      : { name, keep: false, reasons: ['no rule of the policy keeps it'] };
  });
}

function newestOfEach(
  newestFirst: KeptBundle[],
  periodOf: (at: Date) => string,
): { bundle: KeptBundle; period: string }[] {
  const found = new Map<string, KeptBundle>();
  for (const bundle of newestFirst) {
    const period = periodOf(bundle.at);
    if (!found.has(period)) found.set(period, bundle);
  }
  return [...found].map(([period, bundle]) => ({ bundle, period }));
}

const DAY_MS = 86_400_000;

/** Names of the day, the week (by its Monday) and the month that a moment belongs to. */
function calendarOf(timeZone: string): (at: Date) => { day: string; week: string; month: string } {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return at => {
    const day = format.format(at);
    const midnight = Date.parse(`${day}T00:00:00Z`);
    const sinceMonday = (new Date(midnight).getUTCDay() + 6) % 7;
    const week = new Date(midnight - sinceMonday * DAY_MS).toISOString().slice(0, 10);
    return { day, week, month: day.slice(0, 7) };
  };
}
