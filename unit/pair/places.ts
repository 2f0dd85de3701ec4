import type { Partner, Place } from '../../sync/pairing.ts';

/** A place where the partner may be, and what says so. */
export interface NamedPlace extends Place {
  because: string;
}

/** Where the partner listens, as far as is known: what it said itself, or where it was joined. */
export function portOf({ port, cameFrom }: Pick<Partner, 'port' | 'cameFrom'>): number {
  return cameFrom?.port ?? port;
}

/**
 * Where the partner is dialled, in this order. `record`: what the record of the update interface says, which is the one place that
 * people write; the rest was learned from connections that its keys vouch for.
 */
export function placesOf(
  partner: Pick<Partner, 'host' | 'port' | 'reached' | 'cameFrom'>,
  record?: { path: string; host: string },
): NamedPlace[] {
  const { host, port, reached, cameFrom } = partner;
  const places: (NamedPlace | undefined)[] = [
    record && { host: record.host, port: portOf(partner), because: `${record.path}/partnerAddress` },
    reached && { ...reached, because: 'where it was reached last' },
    cameFrom && { ...cameFrom, because: 'where it came from last' },
    { host, port, because: 'where it was paired' },
  ];
  const known = new Set<string>();
  return places.filter((place): place is NamedPlace => {
    const key = `${place?.host} ${place?.port}`;
    if (place === undefined || known.has(key)) return false;
    known.add(key);
    return true;
  });
}

export function isSamePlace(one: Place | undefined, other: Place | undefined): boolean {
  return one?.host === other?.host && one?.port === other?.port;
}
