import type {
  PartnerStatus,
  ProvisionalStatus,
  Status,
  StoreHealth,
  UnitStatus,
} from '../../api/contract/status.ts';
import { remainingMs } from '../../host/deadline.ts';
import type { Problem } from '../../schema/error.ts';
import type { Head } from '../../store/store.ts';
import { clockWarning } from './clock-skew.ts';
import { squares } from './squares.ts';
import type { StatusFacts } from './status-facts.ts';
import { syncStatus } from './sync-status.ts';

/** What there is to say but for backups and the disk, which the pair does not know. */
export type PairStatus = Omit<Status, 'backup' | 'store'> & { store: StoreHealth };

export function makeStatus(found: StatusFacts): PairStatus {
  const { partner, syncState } = found;
  // A unit can be renamed; what it calls itself today wins over its name at pairing.
  const facts = {
    ...found,
    partner: partner && { ...partner, name: syncState?.partner?.name ?? partner.name },
  };
  const partnerNow = partnerStatus(facts);
  const skewed = clockWarning(partnerNow?.name ?? '', partnerNow?.clockSkewMs);
  const there = partnerFileWarnings(partnerNow);
  return {
    at: new Date(facts.clock.wall).toISOString(),
    unit: {
      ...headOf(facts.head),
      ...facts.identity,
      id: facts.unitId,
      schemaDigest: facts.schemaDigest,
      dir: facts.dir,
      address: facts.address,
      port: facts.port,
      startedAt: facts.startedAt,
      pacified: facts.pacified ?? null,
    },
    squares: squares(facts),
    partner: partnerNow,
    sync: syncStatus(facts),
    takeover: facts.takeover,
    store: facts.store,
    files: facts.files,
    warnings: [skewed, sameName(facts), ...there, ...facts.warnings].filter(warning => warning !== undefined),
    branches: facts.branches,
    provisional: provisionalStatus(facts),
  };
}

/** What a receipt does not say: it names what the store of the partner holds, not its files. */
function partnerFileWarnings(partner: PartnerStatus | null): Problem[] {
  if (partner?.files === undefined) return [];
  const { name, files } = partner;
  const { waiting, unwritten } = files;
  const each = (code: string, count: number, what: string, hint: string): Problem[] =>
    count === 0
      ? []
      : [{ code, path: '', message: `${name}: ${count} ${count === 1 ? 'file' : 'files'} ${what}.`, hint }];
  return [
    ...each(
      'files-unwritten',
      unwritten,
      'of the configuration cannot be written there now',
      `It tries again by itself; lockstep status on ${name} says why.`,
    ),
    ...each(
      'files-waiting',
      waiting,
      'with edits that were not committed wait there',
      `lockstep status on ${name} names them.`,
    ),
  ];
}

/** Sentences, branches and the history name units by name. */
function sameName({ identity, partner }: Pick<StatusFacts, 'identity' | 'partner'>): Problem | undefined {
  if (partner?.name !== identity.name) return undefined;
  return {
    code: 'same-name',
    path: 'host/hostname',
    message: `both units are called ${identity.name}, so nothing that names one tells which`,
    hint: `lockstep set host/hostname NAME, on one of them.`,
  };
}

type UnitHead = Pick<UnitStatus, Extract<keyof UnitStatus, keyof Head>>;

/** Without what has a place of its own in a status. */
function headOf(all: Head): UnitHead {
  const { provisional: _pair, ownProvisional: _own, confirmed: _last, ...rest } = all;
  const { store: _id, witnessed: _seen, overruled: _decided, ...head } = rest;
  return head as UnitHead; // in JSON, what is undefined is not there
}

function provisionalStatus({
  provisional,
  clock,
  head,
  partner,
  syncState,
}: StatusFacts): ProvisionalStatus | null {
  if (provisional === undefined) return null;
  const { author, reason, at, minutes, deadline } = provisional;
  const elsewhere = head.role === 'standby' && head.provisional !== undefined;
  const active = syncState?.partner?.role === 'active' ? partner?.name : undefined;
  return {
    author,
    reason,
    at,
    minutes,
    secondsLeft: Math.round(remainingMs(deadline, clock) / 1000),
    ...(elsewhere ? { settledBy: active ?? null } : {}),
  };
}

function partnerStatus({ partner, syncState, lastSeenAt, heardAt }: StatusFacts): PartnerStatus | null {
  if (partner === undefined) return null;
  const { name, host, port, fingerprint } = partner;
  const hello = syncState?.partner;
  return {
    name: hello?.name ?? name,
    host,
    port,
    fingerprint,
    seen: syncState?.link === 'up',
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
    ...(hello === undefined
      ? {}
      : {
          role: hello.role,
          epoch: hello.epoch,
          digest: hello.digest,
          release: hello.release,
          model: hello.model,
          ...(hello.files === undefined ? {} : { files: hello.files }),
        }),
    ...(hello === undefined || heardAt === undefined
      ? {}
      : { clockSkewMs: Math.round(hello.clock - heardAt) }),
  };
}
