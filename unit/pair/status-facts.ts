import type { Pause, Receipt, TakenUpdate } from '../../api/contract/shapes.ts';
import type { Pacified, Status, StoreHealth } from '../../api/contract/status.ts';
import type { Moment } from '../../host/deadline.ts';
import type { Problem } from '../../schema/error.ts';
import type { Provisional } from '../../store/head.ts';
import type { Revision } from '../../store/revision.ts';
import type { Head } from '../../store/store.ts';
import type { Partner } from '../../sync/pairing.ts';
import { fingerprint } from '../../sync/ssh/keys.ts';
import type { SyncState } from '../../sync/state.ts';
import type { Identity } from '../identity.ts';
import { missingRevisions } from './missing.ts';
import type { Pair } from './pair.ts';
import { lineWarnings } from './warnings.ts';

/** Everything that a status is made of; `syncState` is undefined without a partner. */
export interface StatusFacts {
  head: Head;
  identity: Identity;
  unitId: string;
  schemaDigest: string;
  dir: string;
  address: string;
  port: number;
  startedAt: string;
  partner: (Partner & { fingerprint: string }) | undefined;
  syncState: SyncState | undefined;
  since: string;
  lastSeenAt: string | undefined;
  heardAt: number | undefined;
  missing: Revision[];
  missingRecords: number;
  lastUpdate: Receipt | TakenUpdate | undefined;
  nextUpdateAt: string | undefined;
  intervalSeconds: number;
  pause: Pause | undefined;
  pacified: Pacified | undefined;
  takeover: Status['takeover'];
  files: Status['files'];
  warnings: Problem[];
  branches: Status['branches'];
  provisional: Provisional | undefined;
  clock: Moment;
  store: StoreHealth;
}

/** `files`: what the mirror complains of; `verification`: how far the store is verified. */
export async function gatherFacts(
  pair: Pair,
  files: Status['files'],
  verification: Omit<StoreHealth, 'damage'>,
): Promise<StatusFacts> {
  const { connections, own, watch, updates, options } = pair;
  const { health, store, now } = options;
  const { head } = store;
  const { partner, partnerAt, link } = connections;
  const { nextInMs } = updates;
  const missing = await health.whatCanBeRead(() => missingThere(pair), []);
  const warnings = await health.whatCanBeRead(() => store.warnings(), []);
  return {
    head,
    identity: own.identity,
    unitId: options.facts.id,
    schemaDigest: options.catalog.digest,
    dir: options.dir,
    ...pair.address,
    startedAt: pair.startedAt,
    partner: partner && { ...partner, ...partnerAt, fingerprint: fingerprint(partner.hostKey) },
    syncState: link?.state,
    since: watch.since || pair.startedAt,
    lastSeenAt: watch.heard?.iso,
    heardAt: watch.heard?.at,
    missing,
    missingRecords: missing.reduce((sum, { pairRecords }) => sum + pairRecords, 0),
    lastUpdate: pair.journal.last,
    nextUpdateAt: nextInMs === undefined ? undefined : new Date(now().getTime() + nextInMs).toISOString(),
    intervalSeconds: options.intervalSeconds,
    pause: pair.pausing.current,
    pacified: options.starts.pacified,
    takeover: pair.takeover.readiness(files),
    files,
    warnings: [...connectionWarnings(pair), ...warnings],
    provisional: head.provisional ?? head.ownProvisional,
    clock: options.clock(),
    branches: store.branches
      .all()
      .filter(({ merged }) => merged === undefined)
      .map(({ name, unit, at, records }) => ({ name, unit, at, records })),
    store: { damage: health.damage ?? null, ...verification },
  };
}

/** Revisions that the partner does not hold, newest first. */
async function missingThere({ connections, options: { store } }: Pair): Promise<Revision[]> {
  const { partner, link } = connections;
  const seen = link?.state.link === 'up' ? link.state.partner : undefined;
  return partner === undefined ? [] : missingRevisions(store, seen?.digest ?? store.head.common);
}

function connectionWarnings({ connections, own, listening }: Pair): Problem[] {
  const { link, partnerName, partnerAt } = connections;
  return lineWarnings({
    name: partnerName ?? 'the partner',
    addresses: own.addresses,
    record: own.partnerRecord,
    via: link?.via,
    notDialled: link?.notDialled,
    partnerHost: partnerAt?.host,
    notListening: listening.trouble,
    syncState: link?.state,
  });
}
