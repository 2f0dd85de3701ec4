import type { ApiClient } from '../api/client.ts';
import { asLockstepError, type LockstepError } from '../schema/error.ts';
import { isObject, type Json } from '../schema/json.ts';
import type { Addresses, Letter, Mode, Place, Plan } from './plan.ts';

/** What was measured at one unit. */
export interface UnitSeen {
  id: string;
  name: string;
  mode: 'single' | Mode;
  model: string;
  release: string;
  role: 'active' | 'standby';
  epoch: number;
  /** It restarted so often that it takes part in nothing; how often. null: it takes part. */
  pacified: number | null;
  digest: string;
  revision: number;
  /** It was in step with a partner of its pair: without that it is never a source. */
  established: boolean;
  /** What it holds was restored, and nobody confirmed it. */
  unconfirmed: boolean;
  partner: { name: string; fingerprint: string; seen: boolean } | null;
  state: string;
  preferredHost: string;
  /** Branches that wait to be merged, with the revisions that each is made of. */
  branches: { name: string; revisions: Made[] }[];
  virtualId: number | null;
  addresses: Record<string, Addresses>;
}

/** A unit of another pair. */
export type Other = Pick<UnitSeen, 'id' | 'name' | 'virtualId'> & { place: Place };

/** What is looked at of a revision. */
export type Made = { kind: string; reason: string };

/** What a step ended with; told by the journal. */
export type Facts = Record<string, Json>;

/** All that the conditions of a step look at. */
export interface Seen {
  /** Absent: it does not answer, `silent` says why. */
  units: Partial<Record<Letter, UnitSeen>>;
  silent: Partial<Record<Letter, string>>;
  /** Units of other pairs on the network, those that answer. */
  others: Other[];
  /** Bundles that are in the folder of the replacement, with what the file hashes to. */
  bundles: Partial<Record<string, string>>;
  /** Of the steps that were taken. */
  facts: Partial<Record<string, Facts>>;
}

/** `places`: where each unit was found. */
type Observed = Pick<Seen, 'units' | 'silent' | 'others'> & { places: Partial<Record<Letter, Place>> };

/** How a unit is asked; one that stands in another's place is told by its id. */
export type Ask = Pick<ApiClient, 'call'>;

/** Asks one unit. Throws what the API throws. */
export async function measure(unit: Ask): Promise<UnitSeen> {
  const [status, ha, interfaces] = await Promise.all([
    unit.call('status'),
    recordAt(unit, 'ha'),
    recordAt(unit, 'interfaces'),
  ]);
  const { unit: own, partner, sync } = status;
  const branches = status.branches.length === 0 ? [] : (await unit.call('branches')).branches;
  return {
    id: own.id,
    name: own.name,
    mode: own.mode,
    model: own.model,
    release: own.release,
    role: own.role,
    epoch: own.epoch,
    pacified: own.pacified?.restarts ?? null,
    digest: own.digest,
    revision: own.revision,
    established: own.common !== '',
    unconfirmed: own.unconfirmed !== undefined,
    partner:
      partner === null ? null : { name: partner.name, fingerprint: partner.fingerprint, seen: partner.seen },
    state: sync.state,
    preferredHost: typeof ha.preferredHost === 'string' ? ha.preferredHost : 'none',
    branches: branches.flatMap(({ name, revisions, merged }) =>
      merged === undefined ? [{ name, revisions }] : [],
    ),
    virtualId: typeof ha.virtualId === 'number' ? ha.virtualId : null,
    addresses: addressesOf(interfaces),
  };
}

/**
 * Asks all units of a plan at once. A unit counts only where its id is that of the plan: a new one that has taken the
 * address of an old one is not the old one come back.
 */
export async function observe(plan: Plan, unitAt: (place: Place) => Ask): Promise<Observed> {
  const others = otherUnits(plan.others, unitAt);
  const seen: Observed = { units: {}, silent: {}, others: [], places: {} };
  const letters = Object.keys(plan.units) as Letter[];
  const answers = await Promise.all(
    letters.map(letter => {
      const unit = plan.units[letter];
      if (unit === undefined) return undefined;
      return measure(unitAt(unit.place)).catch(error => whySilent(asLockstepError(error), unit.place));
    }),
  );
  for (const [index, letter] of letters.entries()) {
    const { id, place } = plan.units[letter] ?? {};
    const heard = answers[index];
    const at = answers.findIndex(answer => typeof answer === 'object' && answer.id === id);
    const found = answers[at];
    if (typeof found === 'object') {
      seen.units[letter] = found;
      seen.places[letter] = plan.units[letters[at] as Letter]?.place as Place;
    } else if (typeof heard === 'object')
      seen.silent[letter] =
        `at ${JSON.stringify(place)} answers ${heard.name} with the id ${heard.id}, which is another unit`;
    else seen.silent[letter] = heard ?? 'it was not asked';
  }
  const own = new Set(Object.values(plan.units).map(({ id }) => id));
  seen.others = (await others).filter(({ id }) => !own.has(id));
  return seen;
}

async function otherUnits(places: readonly Place[], unitAt: (place: Place) => Ask): Promise<Other[]> {
  const asked = places.map(async place => {
    const { id, name, virtualId } = await measure(unitAt(place));
    return [{ id, name, virtualId, place }];
  });
  return (await Promise.all(asked.map(one => one.catch(() => [])))).flat();
}

/** A pacified unit answers on its own machine only. */
function whySilent({ class: kind, message }: LockstepError, place: Place): string {
  const words = message.replace(/\.$/, '');
  return kind === 'unreachable' && 'unit' in place
    ? `${words}; if it runs, lockstep status on its own machine tells whether it is pacified, and lockstep resume there ends that`
    : words;
}

/** One record or collection as it is set, without defaults; empty when there is none. */
export async function recordAt(unit: Ask, path: string): Promise<Record<string, Json>> {
  try {
    const { value } = await unit.call('show', { path, defaults: false });
    return isObject(value) ? value : {};
  } catch (error) {
    if (asLockstepError(error).class === 'missing') return {};
    throw error;
  }
}

/** By interface. */
export function addressesOf(interfaces: Record<string, Json>): Record<string, Addresses> {
  const text = (value: Json | undefined): string | undefined =>
    typeof value === 'string' ? value : undefined;
  return Object.fromEntries(
    Object.entries(interfaces).flatMap(([name, value]) => {
      if (!isObject(value)) return [];
      const entries = Object.entries({
        address: text(value.address),
        shared: text(value.sharedAddress),
        partner: text(value.partnerAddress),
      }).filter(([, found]) => found !== undefined);
      return [[name, Object.fromEntries(entries) as Addresses]];
    }),
  );
}
