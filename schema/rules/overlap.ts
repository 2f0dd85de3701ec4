import { isEveryAddress } from '../address.ts';
import type { Problem } from '../error.ts';
import type { JsonObject } from '../json.ts';
import { anyPlaceName, namesToLookFor, overlap, type Places, standsAt } from '../places.ts';
import type { Rule, View } from '../rule.ts';

/** An id of a Virtual Service on an address, as `listPrefix` and `get` want it. */
export function servicePath(protocol: string, address: string, port: string | number): string {
  return `virtualServices/${protocol}:${address.includes(':') ? `[${address}]` : address}:${port}`;
}

const noOverlap: Rule = {
  code: 'virtual-service-overlap',
  severity: 'tightened',
  holds:
    'No two Virtual Services stand on one address and port; extraPorts, altAddress, the port * and the address 0.0.0.0 count.',
  why: 'Only one of them can have the traffic, and nobody says which.',
  hint: 'Give one of them another address or port, or remove it.',
  looksAt: ['virtualService'],
  async check(view, touched) {
    const problems: Problem[] = [];
    const [all, before] = [new Set(touched), new Set<string>()];
    for (const path of touched) {
      const value = await view.get(path);
      const other = value === undefined ? undefined : await otherThan(view, path, value, all, before);
      before.add(path);
      if (value === undefined || other === undefined) continue;
      problems.push({
        code: noOverlap.code,
        path: [path, ...causeOf(value, standsAt(other.value))].join('/'),
        message: `${other.path.slice('virtualServices/'.length)} stands on its address and port already`,
        hint: noOverlap.hint,
      });
    }
    return problems;
  },
};

/** Of two that are both changed, the later one is told of. */
async function otherThan(
  view: View,
  path: string,
  value: JsonObject,
  touched: Set<string>,
  before: Set<string>,
): Promise<{ path: string; value: JsonObject } | undefined> {
  const places = standsAt(value);
  for await (const candidate of candidates(view, places)) {
    if (candidate === path || (touched.has(candidate) && !before.has(candidate))) continue;
    const other = await view.get(candidate);
    if (other !== undefined && overlap(places, standsAt(other))) return { path: candidate, value: other };
  }
  return undefined;
}

/** Paths of Virtual Services among which every one is that may overlap. None is looked for that cannot. */
async function* candidates(view: View, places: Places): AsyncIterable<string> {
  const { protocol, addresses, ports } = places;
  const isEvery = addresses.some(isEveryAddress);
  const isWide = ports.some(({ first, last }) => first !== last);
  if (isEvery) yield* servicesIn(view, `virtualServices/${protocol}:`);
  else if (isWide)
    for (const address of addresses) yield* servicesIn(view, servicePath(protocol, address, ''));
  else
    for (const address of addresses)
      for (const port of [...ports.map(({ first }) => first), '*'])
        yield servicePath(protocol, address, port);
  if (await hasNames(view, protocol)) for (const name of namesToLookFor(places)) yield* view.referrers(name);
}

async function* servicesIn(view: View, prefix: string): AsyncIterable<string> {
  for await (const path of view.pathsWith(prefix)) if (path.split('/').length === 2) yield path;
}

const named = new WeakMap<View, Map<string, Promise<boolean>>>();

/** Most sites have no Virtual Service with more places than its id says; a large change asks once. */
function hasNames(view: View, protocol: string): Promise<boolean> {
  const known = named.get(view) ?? new Map<string, Promise<boolean>>();
  named.set(view, known);
  const found = known.get(protocol) ?? isReferredTo(view, anyPlaceName(protocol));
  known.set(protocol, found);
  return found;
}

async function isReferredTo(view: View, name: string): Promise<boolean> {
  for await (const _path of view.referrers(name)) return true;
  return false;
}

/** The field without which there would be no overlap; none when it is the service itself. */
function causeOf(value: JsonObject, other: Places): string[] {
  for (const field of ['extraPorts', 'altAddress']) {
    const { [field]: said, ...rest } = value;
    if (said !== undefined && !overlap(standsAt(rest), other)) return [field];
  }
  return [];
}

export const overlapRules = [noOverlap];
