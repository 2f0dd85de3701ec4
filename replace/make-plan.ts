import { LockstepError } from '../schema/error.ts';
import type { Json, JsonObject } from '../schema/json.ts';
import { sameVirtualId } from './conditions.ts';
import { type Ask, addressesOf, measure, recordAt, type UnitSeen } from './observe.ts';
import {
  type Addresses,
  type Identity,
  type Letter,
  lettersOf,
  type Mode,
  other,
  type Place,
  type Plan,
  type PlannedUnit,
  type Request,
} from './plan.ts';

const MODES: readonly Mode[] = ['first', 'second'];

type Side = Partial<Record<Mode, UnitSeen>>;

/** Where a plan gets its facts from. */
interface PlanSources {
  /** A unit that does not answer soon is taken for dead. */
  unitAt(place: Place): Ask;
  /** Reads all of a bundle; `look` sees each of its records. */
  readBundle(
    file: string,
    look: (record: { path: string; value: JsonObject }) => void,
  ): Promise<{ kind: string; unit: BundledUnit }>;
  /** Who plans. */
  by: string;
}

interface BundledUnit {
  id: string;
  name: string;
  mode: string;
  model: string;
  release: string;
}

/**
 * The plan for this very pair: measures every unit of the request, and reads the bundles of dead units, if there are some.
 * Throws `bad-usage`, `replace-step` when the units are not those of such a plan, what a unit or a bundle throws.
 */
export async function makePlan(request: Request, sources: PlanSources): Promise<Plan> {
  const mustAnswer = request.kind !== 'disaster';
  const old = await measured(sources, request.old, mode => mustAnswer && mode !== deadOf(request));
  const fresh = await measured(sources, request.new, () => true);
  assertModes(request, old, fresh);
  const activeMode = MODES.find(mode => old[mode]?.role === 'active');
  if (request.kind === 'both' && activeMode === undefined)
    throw refuse('Neither old unit is active.', 'lockstep takeover on one of them.');
  const letters = lettersOf(request, activeMode);
  const units: Plan['units'] = {};
  for (const [letter, mode] of Object.entries(letters) as [Letter, Mode][]) {
    const isNew = letter === 'C' || letter === 'D';
    const found = isNew ? fresh[mode] : old[mode];
    const place = (isNew ? request.new : request.old)[mode];
    units[letter] =
      found === undefined
        ? await deadUnit(request, mode, place, old[other(mode)], sources)
        : plannedUnit(found, mode, place as Place, isNew ? null : partnerKey(old, mode));
  }
  assertFour(units);
  grown(request, units);
  await assertUnique(sources, request, units);
  const { pair } = request;
  const single = await singleBefore(sources, request, units.A);
  return {
    version: 1,
    kind: request.kind,
    at: new Date().toISOString(),
    by: sources.by,
    units,
    bundles: bundlesOf(request, letters),
    accept: request.accept,
    others: request.others,
    preferredHost: preferredBefore(old),
    ...(pair === undefined ? {} : { pair }),
    ...(single === undefined ? {} : { single }),
  };
}

/** grow: what the way back gives the single unit again. */
async function singleBefore(
  { unitAt }: PlanSources,
  { kind, pair }: Request,
  unit: PlannedUnit | undefined,
): Promise<Plan['single']> {
  if (kind !== 'grow' || pair === undefined || unit === undefined) return undefined;
  const client = unitAt(unit.place);
  const at = `interfaces/${pair.interface}`;
  const [ha, card] = [await recordAt(client, 'ha'), await recordAt(client, at)];
  const kept = (record: Record<string, Json>, ...fields: string[]) =>
    Object.fromEntries(fields.map(field => [field, record[field] ?? null]));
  return {
    ha: kept(ha, 'mode', 'virtualId', 'updateInterface'),
    [at]: kept(card, 'sharedAddress', 'partnerAddress', 'haChecks'),
  };
}

const deadOf = ({ kind, leaves }: Request): Mode | undefined => (kind === 'one' ? leaves : undefined);

async function measured(
  { unitAt }: PlanSources,
  places: Partial<Record<Mode, Place>>,
  must: (mode: Mode) => boolean,
): Promise<Side> {
  const side: Side = {};
  for (const mode of MODES) {
    const place = places[mode];
    if (place === undefined) continue;
    const asked = measure(unitAt(place));
    const found = must(mode) ? await asked : await asked.catch(() => undefined);
    if (found !== undefined) side[mode] = found;
  }
  return side;
}

function assertModes(request: Request, old: Side, fresh: Side): void {
  for (const [side, units] of [
    ['old', old],
    ['new', fresh],
  ] as const)
    for (const mode of MODES) {
      const unit = units[mode];
      const expected = request.kind === 'grow' && side === 'old' ? 'single' : mode;
      if (unit !== undefined && unit.mode !== expected)
        throw refuse(
          `The ${side} unit ${unit.name} is in HA ${unit.mode} mode, and the plan has it in HA ${expected} mode.`,
          'Name it under its mode, or take another unit.',
        );
      if (side === 'new' && unit !== undefined && (unit.partner !== null || unit.established))
        throw refuse(
          `The new unit ${unit.name} belongs to a pair already.`,
          'Set it up again with lockstep init, or unpair it there first.',
        );
    }
}

/** One unit under two names would be replaced by itself. */
function assertFour(units: Plan['units']): void {
  const ids = Object.values(units).flatMap(({ id }) => (id === null ? [] : [id]));
  if (new Set(ids).size < ids.length)
    throw refuse('The plan names one unit twice.', 'Look at the addresses.');
}

/** The other pairs must answer now: later, one that does not is left out. */
async function assertUnique(
  { unitAt }: PlanSources,
  { others }: Request,
  units: Plan['units'],
): Promise<void> {
  const ids = new Set(Object.values(units).map(({ id }) => id));
  const virtualId = (units.A ?? units.C)?.virtualId ?? null;
  for (const place of others) {
    const found = await measure(unitAt(place));
    const same = ids.has(found.id) ? undefined : sameVirtualId(virtualId, { ...found, place });
    if (same !== undefined)
      throw refuse(`${same}.`, 'lockstep set ha/virtualId on the active unit of one of the two pairs.');
  }
}

/** A unit does not say its own key; its partner does. */
function partnerKey(old: Side, mode: Mode): string | null {
  return old[other(mode)]?.partner?.fingerprint ?? null;
}

function plannedUnit(seen: UnitSeen, mode: Mode, place: Place, fingerprint: string | null): PlannedUnit {
  const { id, name, model, release, addresses, virtualId } = seen;
  return { place, id, name, mode, model, release, fingerprint, addresses, virtualId };
}

async function deadUnit(
  { bundles }: Request,
  mode: Mode,
  place: Place | undefined,
  survivor: UnitSeen | undefined,
  sources: PlanSources,
): Promise<PlannedUnit> {
  const file = bundles[mode];
  const base = { place: place ?? { dir: '/nowhere' }, fingerprint: survivor?.partner?.fingerprint ?? null };
  if (file !== undefined) {
    const { unit, identity } = await inside(file, mode, sources);
    const { id, model, release } = unit;
    return { ...base, ...identity, id, model, release };
  }
  if (survivor === undefined)
    throw refuse(
      `The unit in HA ${mode} mode does not answer, and no bundle of it is named.`,
      'Name its bundle.',
    );
  // Without its bundle the new unit is set up by hand, with the name that its partner knew and the partner's addresses turned round.
  return {
    ...base,
    id: null,
    name: survivor.partner?.name ?? 'the dead unit',
    mode,
    model: survivor.model,
    release: survivor.release,
    addresses: turned(survivor.addresses),
    virtualId: survivor.virtualId,
  };
}

function turned(addresses: Record<string, Addresses>): Record<string, Addresses> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, { address, shared, partner }]) => [
      name,
      {
        ...(partner === undefined ? {} : { address: partner }),
        ...(shared === undefined ? {} : { shared }),
        ...(address === undefined ? {} : { partner: address }),
      },
    ]),
  );
}

async function inside(file: string, mode: Mode, { readBundle }: PlanSources) {
  const identity: Identity = { name: '', mode, addresses: {}, virtualId: null };
  const { kind, unit } = await readBundle(file, record => note(identity, record));
  if (kind !== 'configuration')
    throw refuse(`${file} is a ${kind} bundle.`, 'Name it under bundles: certificates.');
  if (unit.mode !== mode)
    throw refuse(
      `${file} is a bundle of ${unit.name} in HA ${unit.mode} mode.`,
      `The plan needs one of the unit in HA ${mode} mode.`,
    );
  return { unit, identity: { ...identity, name: identity.name || unit.name } };
}

function note(identity: Identity, { path, value }: { path: string; value: JsonObject }): void {
  if (path === 'host' && typeof value.hostname === 'string') identity.name = value.hostname;
  if (path === 'ha' && typeof value.virtualId === 'number') identity.virtualId = value.virtualId;
  const [collection, name] = path.split('/');
  if (collection === 'interfaces' && name !== undefined)
    Object.assign(identity.addresses, addressesOf({ [name]: value }));
}

/** A single unit stands as the unit of a pair when it is done, and the new one beside it. */
function grown({ kind, pair }: Request, { A, D }: Plan['units']): void {
  if (kind !== 'grow' || pair === undefined || A === undefined || D === undefined) return;
  const { interface: at, address, shared, partner, virtualId } = pair;
  A.addresses = { ...A.addresses, [at]: { ...A.addresses[at], shared, partner } };
  A.virtualId = virtualId;
  if (A.addresses[at]?.address !== undefined && A.addresses[at]?.address !== address)
    throw refuse(
      `${A.name} has the address ${A.addresses[at]?.address}, and the plan says ${address}.`,
      'The single unit keeps its address; what is new is the shared one.',
    );
  D.addresses = { ...D.addresses, [at]: { address: partner, shared, partner: address } };
  D.virtualId = virtualId;
}

function bundlesOf({ bundles }: Request, letters: Partial<Record<Letter, Mode>>): Plan['bundles'] {
  const found: Plan['bundles'] = {};
  for (const letter of ['A', 'B'] as const) {
    const mode = letters[letter];
    const file = mode === undefined ? undefined : bundles[mode];
    if (file !== undefined) found[letter] = file;
  }
  if (bundles.certificates !== undefined) found.certificates = bundles.certificates;
  return found;
}

function preferredBefore(old: Side): Plan['preferredHost'] {
  const said = (old.first ?? old.second)?.preferredHost;
  return said === 'first' || said === 'second' ? said : 'none';
}

function refuse(message: string, hint: string): LockstepError {
  return new LockstepError('replace-step', message, { hint });
}
