import { type Moment, remainingMs } from '../../host/deadline.ts';
import type { Problem } from '../../schema/error.ts';
import { DAMAGE_HINT } from '../../store/damage.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Provisional } from '../../store/head.ts';
import type { Revision } from '../../store/revision.ts';
import type { Head } from '../../store/store.ts';
import { fallBackSentence, fallenHereHint, fallenThereHint, hasFallenBack } from '../../sync/fall-back.ts';
import type { Hello } from '../../sync/message.ts';
import {
  BOTH_ACTIVE_HINT,
  mismatches,
  nameOf,
  pacifiedHint,
  type StateName,
  updateRefusal,
} from '../../sync/pair-state.ts';
import type { Partner } from '../../sync/pairing.ts';
import { pausedError } from '../../sync/pause.ts';
import { type HeldBack, heldBack, type SyncState } from '../../sync/state.ts';
import type {
  Damage,
  Pacified,
  PartnerStatus,
  Pause,
  ProvisionalStatus,
  Receipt,
  Square,
  Status,
  StoreHealth,
  SyncStatus,
  TakenUpdate,
  UnitHead,
} from '../contract.ts';
import type { Identity } from '../identity.ts';
import { PACIFIED_HINT, pacifiedSentence } from '../store-care/starts.ts';
import { clockWarning } from './clock-skew.ts';
import { misfitWords } from './warnings.ts';

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

/** Latest missing revisions that a status names. */
const MOST_MISSING = 10;

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

/** Without what has a place of its own in a status. */
function headOf(all: Head): UnitHead {
  const { provisional: _pair, ownProvisional: _own, confirmed: _last, ...rest } = all;
  const { store: _id, witnessed: _seen, overruled: _decided, ...head } = rest;
  return head;
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

type UnitState = StateName | 'single' | 'unpaired' | 'pacified';

export function stateName({
  identity,
  partner,
  syncState,
  pacified,
  store,
}: Pick<StatusFacts, 'identity' | 'partner' | 'syncState' | 'pacified' | 'store'>): UnitState {
  if (store.damage !== null) return 'damaged';
  if (pacified !== undefined) return 'pacified';
  if (partner === undefined || syncState === undefined)
    return identity.mode === 'single' ? 'single' : 'unpaired';
  return nameOf(syncState);
}

/** Left is HA1, right is HA2 (docs/DOMAIN.md, Status squares). */
export function squares(facts: StatusFacts): Square[] {
  const { identity, head, syncState } = facts;
  if (identity.mode === 'single') return [];
  const state = stateName(facts);
  const own = identity.mode === 'first' ? 'HA1' : 'HA2';
  const partner = own === 'HA1' ? 'HA2' : 'HA1';
  const name = facts.partner?.name;
  const between = stateName({ ...facts, store: { ...facts.store, damage: null } });
  const misfit = state === 'pacified' || state === 'damaged' ? undefined : misfitWords(syncState);
  if (misfit !== undefined) return misfitSquares([own, partner], head, syncState?.partner, name, misfit);
  const pair = [
    { unit: own, ...ownSquare(state, facts) } as Square,
    { unit: partner, ...partnerSquare(between, syncState?.partner, name) } as Square,
  ];
  return pair.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

/** Two units that are no pair yet. */
function misfitSquares(
  [own, other]: ['HA1' | 'HA2', 'HA1' | 'HA2'],
  { role }: Head,
  hello: Hello | undefined,
  name: string | undefined,
  misfit: string,
): Square[] {
  const pair: Square[] = [
    { unit: own, colour: 'grey', active: role === 'active', sentence: `this unit; no pair yet: ${misfit}` },
    {
      unit: other,
      colour: 'grey',
      active: hello?.role === 'active',
      sentence: `${name ?? 'the partner'}; no pair yet: ${misfit}`,
    },
  ];
  return pair.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

function ownSquare(state: UnitState, { head, store, syncState }: StatusFacts): Omit<Square, 'unit'> {
  const { role } = head;
  const damagedHere = store.damage !== null;
  if (state === 'pacified')
    return { colour: 'blue', active: false, sentence: 'this unit; pacified: it takes part in nothing' };
  if (state === 'unpaired')
    return { colour: 'grey', active: false, sentence: 'this unit; set-up is incomplete: not paired yet' };
  if (state === 'damaged' && damagedHere)
    return { colour: 'blue', active: role === 'active', sentence: 'this unit; its store is damaged' };
  if (state === 'both-active')
    return { colour: 'grey', active: true, sentence: 'this unit; both units are active' };
  if (state === 'fallen-back' && syncState !== undefined && hasFallenBack(syncState))
    return { colour: 'grey', active: role === 'active', sentence: 'this unit; its disk fell back' };
  return { colour: 'green', active: role === 'active', sentence: `this unit; up, ${role}` };
}

function partnerSquare(
  state: UnitState,
  hello: Hello | undefined,
  name: string | undefined,
): Omit<Square, 'unit'> {
  const who = name ?? 'the partner';
  if (state === 'unpaired' || name === undefined)
    return { colour: 'red', active: false, sentence: 'not paired' };
  if (state === 'pacified') return { colour: 'red', active: false, sentence: `${who}; not looked for` };
  if (state === 'unreachable' && hello?.pacified === true)
    return { colour: 'blue', active: false, sentence: `${who}; pacified: it takes part in nothing` };
  if (state === 'unreachable')
    return { colour: 'red', active: false, sentence: `${who}; unreachable or off` };
  if (state === 'greeting') return { colour: 'updating', active: false, sentence: `${who}; connecting` };
  if (state === 'both-active')
    return { colour: 'grey', active: true, sentence: `${who}; both units are active` };
  if (hello?.damaged)
    return { colour: 'blue', active: hello.role === 'active', sentence: `${who}; its store is damaged` };
  if (state === 'fallen-back' && hello?.fellBack !== undefined)
    return { colour: 'grey', active: hello.role === 'active', sentence: `${who}; its disk fell back` };
  const unwritten = hello?.files?.unwritten ?? 0;
  const files = unwritten === 0 ? '' : `; ${unwritten} ${unwritten === 1 ? 'file' : 'files'} not written`;
  return {
    colour: 'green',
    active: hello?.role === 'active',
    sentence: `${who}; up, ${hello?.role ?? 'unknown'}${files}`,
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

function syncStatus(facts: StatusFacts): SyncStatus {
  const state = stateName(facts);
  const refusal =
    (state === 'unreachable' ? facts.syncState?.downRefusal : undefined) ??
    facts.syncState?.refusal ??
    (facts.syncState === undefined ||
    facts.head.role !== 'active' ||
    state === 'unreachable' ||
    state === 'greeting'
      ? undefined
      : updateRefusal(facts.syncState)?.toJSON());
  const held = facts.syncState === undefined ? undefined : heldBack(facts.syncState);
  const words = sentence(state, facts, refusal?.message);
  const hint =
    facts.syncState?.downRefusal?.hint ??
    (state === 'unreachable' ? pacifiedHint(facts.syncState?.partner) : undefined) ??
    (state === 'damaged' && facts.store.damage === null ? (refusal?.hint ?? PARTNER_HINT) : hints[state]) ??
    refusal?.hint ??
    fellBackHint(state, facts) ??
    (state === 'refused' ? MISFIT_HINT : undefined) ??
    pausedThere(state, facts);
  return {
    state,
    sentence: words,
    ...(hint === undefined ? {} : { hint }),
    since: facts.since,
    inStep: inStep(state, facts),
    missing: facts.head.role !== 'active' || facts.partner === undefined ? null : missing(facts, held),
    lastUpdate: facts.lastUpdate ?? null,
    nextUpdateAt: facts.nextUpdateAt ?? null,
    intervalSeconds: facts.intervalSeconds,
    pause: facts.pause ?? null,
    refusal: refusal ?? null,
    heldBack: held === undefined ? null : { records: held.records, paths: held.paths },
  };
}

/** With records held back, all the others are there; which revisions made those is not looked for. */
function missing(facts: StatusFacts, held: HeldBack | undefined): SyncStatus['missing'] {
  if (held !== undefined) return { revisions: 0, records: held.records, latest: [] };
  return {
    revisions: facts.missing.length,
    records: facts.missingRecords,
    latest: facts.missing
      .slice(0, MOST_MISSING)
      .map(({ revision, author, reason, at }) => ({ revision, author, reason, at })),
  };
}

/** Known to be equal, known to differ, or not known. */
function inStep(state: UnitState, { head, syncState }: StatusFacts): boolean | null {
  if (state === 'single' || state === 'unpaired' || state === 'pacified' || syncState === undefined)
    return null;
  if (state === 'in-step') return true;
  if (state !== 'unreachable' && state !== 'greeting') return false;
  const common = syncState?.own.common ?? EMPTY_DIGEST;
  return common !== EMPTY_DIGEST && head.digest !== common ? false : null;
}

const hints: Partial<Record<UnitState, string>> = {
  pacified: PACIFIED_HINT,
  unpaired: 'Type lockstep pair --invite on one unit, and what it prints on the other.',
  'held-back':
    'Bring both units to the same release, with the same kinds of the site (schema.d); the rest then follows by itself.',
  'both-active': BOTH_ACTIVE_HINT,
  damaged: DAMAGE_HINT,
  'no-active': 'Type lockstep takeover on the unit that is to serve.',
  unreachable:
    'Is lockstep serve running there, and TCP port 6973 open between the units? If it has another address now: lockstep pair ADDRESS',
};

const PARTNER_HINT =
  'lockstep status there says what is damaged; lockstep rebuild --from-partner, typed there, makes it anew.';

function pausedThere(state: UnitState, { partner }: StatusFacts): string | undefined {
  return state === 'paused'
    ? `lockstep status on ${partner?.name ?? 'the partner'} says why; lockstep resume there ends it.`
    : undefined;
}

function fellBackHint(state: UnitState, { partner, syncState }: StatusFacts): string | undefined {
  if (state !== 'fallen-back' || syncState === undefined) return undefined;
  const who = partner?.name ?? 'the partner';
  return hasFallenBack(syncState) ? fallenHereHint(who) : fallenThereHint(who);
}

const MISFIT_HINT = 'Make them equal; updates then start by themselves.';

function sentence(
  state: UnitState,
  { head, partner, syncState, pause, pacified, store }: StatusFacts,
  refusal: string | undefined,
): string {
  const who = partner?.name ?? 'the partner';
  const because = syncState?.downBecause ?? 'no connection';
  switch (state) {
    case 'single':
      return 'This is a single unit; there is nobody to be in step with.';
    case 'unpaired':
      return 'This unit is set up for a pair, but has no partner yet.';
    case 'unreachable':
      return `${who} is not seen: ${because.replace(/\.$/, '')}.`;
    case 'greeting':
      return `Connecting to ${who}.`;
    case 'refused':
      return refusal ?? misfit(who, syncState);
    case 'damaged':
      return store.damage === null
        ? `The store of ${who} is damaged; it neither sends nor takes updates.`
        : damaged(store.damage);
    case 'fallen-back':
      return fellBackWords(who, syncState);
    case 'both-active':
      return 'Both units are active; neither sends updates.';
    case 'no-active':
      return 'Both units are standby; nobody serves.';
    case 'updating':
    case 'comparing':
      return `An update to ${who} is under way.`;
    case 'taking-over':
      return `This unit is taking over from ${who}.`;
    case 'in-step':
      return `In step: ${who} holds the same configuration.`;
    case 'held-back':
      return heldBackWords(who, syncState);
    case 'pacified':
      return pacifiedSentence({ restarts: pacified?.restarts ?? 0 });
    case 'paused':
      return pause === undefined
        ? `This unit lacks changes that were made on ${who}, whose updates are paused.`
        : `${who} lacks changes that were made here: ${pausedError(pause).message}`;
    case 'behind':
      return head.role === 'active'
        ? `${who} lacks changes that were made here.`
        : `This unit lacks changes that were made on ${who}.`;
  }
}

function fellBackWords(who: string, syncState: SyncState | undefined): string {
  const here = syncState !== undefined && hasFallenBack(syncState);
  return here
    ? fallBackSentence('This unit', syncState.own.fellBack ?? syncState.fallen, who)
    : fallBackSentence(who, syncState?.partner?.fellBack, 'this unit');
}

function heldBackWords(who: string, syncState: SyncState | undefined): string {
  const { own, partner } = syncState ?? {};
  const records = (syncState && heldBack(syncState)?.records) ?? partner?.heldBack ?? 0;
  const count = records === 1 ? '1 record waits' : `${records} records wait`;
  return own?.release === partner?.release
    ? `${who} describes some kinds of record differently: ${count} until both describe them alike; all else is equal.`
    : `${who} runs release ${partner?.release}, this unit ${own?.release}: ${count} until both run the same; all else is equal.`;
}

function damaged({ findings, more }: Damage): string {
  const [first] = findings;
  const others = findings.length + more - 1;
  return `The store of this unit is damaged: ${first?.path} ${first?.reason}${others > 0 ? `, and ${others} more` : ''}.`;
}

/** A standby refuses nothing itself, so it says what differs. */
function misfit(who: string, syncState: SyncState | undefined): string {
  const partner = syncState?.partner;
  const different =
    syncState === undefined || partner === undefined ? [] : mismatches(syncState.own, partner);
  const words = different.map(({ what, ours, theirs }) => `${what} here ${ours}, there ${theirs}`);
  return `${who} does not fit to this unit${words.length > 0 ? `: ${words.join('; ')}` : ''}.`;
}
