import { isIP } from 'node:net';
import type { Moment } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { isEveryAddress } from '../../schema/address.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, type ErrorBody, LockstepError, type Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Revision } from '../../store/revision.ts';
import type { PairChange, Store, Unconfirmed } from '../../store/store.ts';
import { bothWays } from '../../sync/both-ways.ts';
import type { Channel } from '../../sync/channel.ts';
import { dialFirst } from '../../sync/dial-first.ts';
import { Link } from '../../sync/link.ts';
import { type FileCounts, type HaMode, type Hello, PROTOCOL } from '../../sync/message.ts';
import { tellPacified } from '../../sync/pacified.ts';
import type { Partner, Place, Self } from '../../sync/pairing.ts';
import type { Pause } from '../../sync/pause.ts';
import { serve } from '../../sync/service.ts';
import { dial } from '../../sync/ssh/client.ts';
import { fingerprint, type KeyPair, publicBlob } from '../../sync/ssh/keys.ts';
import { type Listener, listen } from '../../sync/ssh/server.ts';
import { factsOf, type OwnFacts } from '../../sync/state.ts';
import { Operators, type ServeOperator } from '../access/operators.ts';
import type { AuditedPair, Auditing } from '../audits/auditing.ts';
import { ProvisionalKeeper } from '../changes/provisional-keeper.ts';
import type {
  ChangeView,
  Invitation,
  InviteRequest,
  JoinRequest,
  LeftBehind,
  PairedAnswer,
  Receipt,
  ResumeAnswer,
  Status,
  StoreHealth,
  TakeoverAnswer,
  UnpairedAnswer,
} from '../contract.ts';
import type { Events } from '../events.ts';
import { IDENTITY_PATHS, type Identity, readIdentity, type UnitFacts } from '../identity.ts';
import { Listening } from '../listening.ts';
import type { Log } from '../log/log.ts';
import { Refusals } from '../log/refusals.ts';
import type { Metrics } from '../metrics.ts';
import type { Health } from '../store-care/health.ts';
import { assertPartnerFills } from '../store-care/rebuild-source.ts';
import { pacifiedError, type StartBook } from '../store-care/starts.ts';
import { pairNotes } from './address-notes.ts';
import { ClockWatch } from './clock-skew.ts';
import { PairingDesk } from './invitations.ts';
import { PairMembership } from './membership.ts';
import { missingRevisions } from './missing.ts';
import { Pausing } from './pausing.ts';
import { placesOf, portOf } from './places.ts';
import { makeStatus, type PairStatus } from './status.ts';
import { TakeoverWatch } from './takeover-watch.ts';
import { type Ground, NOWHERE, readGround } from './update-interface.ts';
import { UpdateJournal } from './update-journal.ts';
import { lineWarnings } from './warnings.ts';

export interface PairOptions {
  store: Store;
  catalog: Catalog;
  dir: string;
  facts: UnitFacts;
  identity: Identity;
  hostKey: KeyPair;
  clientKey: KeyPair;
  partnerFile: string;
  /** Address to listen on, where the unit was told one; `0.0.0.0` or `::` for all. */
  listenAddress: string | undefined;
  port: number;
  intervalSeconds: number;
  everyCommit: boolean;
  timers: Timers;
  now(): Date;
  clock(): Moment;
  starts: StartBook;
  log: Log;
  metrics: Metrics;
  health: Health;
  events: Events;
  /** Files of the mirror that wait for somebody, and that cannot be written now. */
  fileCounts(): FileCounts;
  /** Looks for drift, and answers the audits of the partner. */
  audit?: Pick<Auditing, 'attach' | 'answerPartner' | 'beforeUpdate' | 'due' | 'settled'>;
}

const DIAL_MS = 10_000;

/** One unit's side of the pair: it listens, keeps the link to the partner, and sends updates when they are due. */
export class Pair {
  private readonly options: PairOptions;
  private identity: Identity;
  private readonly membership: PairMembership;
  private readonly refusals: Refusals;
  private desk: PairingDesk | undefined;
  private listening: Listening | undefined;
  private ground: Ground = NOWHERE;
  private groundTurn: Promise<void> = Promise.resolve();
  private link: Link | undefined;
  private nets: ProvisionalKeeper | undefined;
  private pausing: Pausing | undefined;
  private waking: Promise<void> | undefined;
  private readonly takeover: TakeoverWatch;
  private operators: Operators | undefined;
  private journal: UpdateJournal | undefined;
  private nextUpdateAt: number | undefined;
  private cancelDue: () => void = () => undefined;
  private endPacified: () => void = () => undefined;
  private unwatch: () => void = () => undefined;
  private stopped = false;
  private settled = false;
  private state = { name: '', since: '' };
  /** When the greeting that carried the partner's `clock` came; that clock tells greetings apart. */
  private heard: { clock: number; at: number; iso: string } | undefined;

  private readonly clocks: ClockWatch;
  /** What this unit tells a partner that asks how it is. */
  onExamine: (nonce: string) => Promise<JsonObject> = async () => ({});

  private constructor(options: PairOptions, membership: PairMembership) {
    this.options = options;
    this.membership = membership;
    this.refusals = new Refusals(options);
    this.clocks = new ClockWatch(options.log);
    this.identity = options.identity;
    this.takeover = new TakeoverWatch({ ...options, syncState: () => this.link?.state });
  }

  /** Throws `port-in-use`, `damaged-store`. */
  static async start(options: PairOptions): Promise<Pair> {
    const pair = new Pair(options, await PairMembership.open(options.store));
    pair.desk = await pair.openDesk();
    pair.ground = await readGround(options.store);
    options.audit?.attach(pair.audited());
    if (pair.partner !== undefined) await pair.membership.settle(pair.partner);
    const { events } = options;
    pair.operators = await Operators.open(options);
    events.on('operatorGone', ({ who }) => pair.listening?.closeChannelsOf(who));
    pair.journal = await UpdateJournal.open(options);
    pair.pausing = await Pausing.open(options);
    await pair.pausing.roleChanged();
    events.onAny(['pauseChanged', 'damaged', 'mended', 'sourceConfirmed'], () => pair.link?.ownChanged());
    events.onAny(['diskRefused', 'diskRecovered'], () => pair.takeover.note());
    events.on('provisionalUndone', () => pair.link?.due());
    // The answer to whoever made the change, or the receipt for the partner that did, goes out first.
    pair.unwatch = events.on('committed', ({ revision, paths }) =>
      setImmediate(() => pair.committed(revision, paths)),
    );
    pair.nets = new ProvisionalKeeper(options);
    if (options.starts.pacified === undefined) await pair.takePart();
    else pair.sayPacified();
    return pair;
  }

  /** Throws `port-in-use`. */
  private async takePart(): Promise<void> {
    if (this.listening !== undefined) return; // an earlier resume got this far
    const { listenAddress, port, timers, log } = this.options;
    this.listening = await Listening.start(
      {
        told: listenAddress,
        port,
        open: (address, at) => this.listen(address, at),
        timers,
        log,
        onMoved: () => {
          this.options.events.emit('listeningMoved', this.address);
          this.link?.redial();
        },
      },
      this.ground.update?.address,
    );
    this.endPacified();
    this.scheduleUpdate();
    this.connect();
    this.takeover.records.start();
  }

  /** All that a pacified unit says to its partner. */
  private sayPacified(): void {
    const { partner } = this;
    if (partner === undefined) return;
    const { timers, clock } = this.options;
    const dial = async (signal: AbortSignal) => (await this.callPartner(partner, signal)).channel;
    this.endPacified = tellPacified({ timers, clock, dial, own: () => this.own() });
  }

  private listen(address: string, port: number): Promise<Listener> {
    return listen({
      address,
      port,
      hostKey: this.options.hostKey.private,
      admit: key => this.admit(key),
      onChannel: (channel, peer) => this.welcome(channel, peer.who, peer.keyBlob),
      operators: {
        admit: key => this.operators?.admit(key),
        onStream: (stream, peer) => this.operators?.take(stream, peer),
      },
      onRefusal: refusal => this.refusals.connection(refusal),
    });
  }

  /** While an invitation is open any key may come to answer it, but an operator comes to work. */
  private admit(key: Buffer): 'partner' | 'candidate' | undefined {
    const who = this.desk?.admit(key);
    return who === 'candidate' && this.operators?.admit(key) !== undefined ? undefined : who;
  }

  get address(): { address: string; port: number } {
    const { listenAddress, port } = this.options;
    return this.listening?.address ?? { address: listenAddress ?? this.ground.update?.address ?? '::', port };
  }

  /**
   * Where the records say that the partner is. A unit that was told to listen elsewhere than on its own address is in a network
   * that the records do not describe.
   */
  private get home(): { path: string; host: string } | undefined {
    const { update } = this.ground;
    const { listenAddress: told } = this.options;
    const isDescribed = told === undefined || isEveryAddress(told) || told === update?.address;
    if (update?.partnerAddress === undefined || !isDescribed) return undefined;
    return { path: update.path, host: update.partnerAddress };
  }

  /** Where the partner is now, or is looked for first. */
  private get partnerAt(): Place | undefined {
    const { partner } = this;
    if (partner === undefined) return undefined;
    const via = this.link?.via;
    const known = via === undefined ? undefined : via.dialled ? partner.reached : partner.cameFrom;
    return known ?? placesOf(partner, this.home)[0];
  }

  /** From now on operators reach the API. */
  serveOperators(serve: ServeOperator): void {
    this.assertStarted(this.operators).serve = serve;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch();
    this.operators?.stop();
    this.endPacified();
    this.cancelDue();
    this.nets?.stop();
    this.pausing?.stop();
    this.link?.stop();
    await this.takeover.records.stop();
    await this.listening?.stop();
  }

  async forceUpdate(): Promise<Receipt> {
    const report = await this.assertLinked().forceUpdate();
    return this.assertStarted(this.journal).receipt(report);
  }

  /** Ask the standby whether it would take these changes; rejects with its reason when it would not. */
  tryOut(changes: PairChange[]): Promise<void> {
    return this.assertLinked().tryOut(changes);
  }

  /** Throws `not-paired`, `pacified`, `partner-unreachable`. */
  async examinePartner(nonce: string): Promise<JsonObject> {
    return this.assertLinked().examine(nonce);
  }

  async roundTrip(): Promise<{ ms: number; skewMs: number }> {
    return this.assertLinked().roundTrip();
  }

  /** Empty: of none. */
  get pairId(): string {
    return this.partner?.pairId ?? '';
  }

  netSettled(author: string, undone: boolean): void {
    this.options.log.info({ author, undone }, 'a change that waited is settled');
    this.nets?.look();
    this.link?.ownChanged();
  }

  /** An update now, so that the partner knows what was settled here. */
  async tellPartner(): Promise<{ partnerKnows: boolean; error?: ErrorBody }> {
    if (this.link === undefined || this.options.store.head.role !== 'active') return { partnerKnows: true };
    try {
      await this.link.forceUpdate();
      return { partnerKnows: true };
    } catch (error) {
      return { partnerKnows: false, error: asLockstepError(error).toJSON() };
    }
  }

  async takeOver(force: boolean): Promise<TakeoverAnswer> {
    if (!force) this.options.health.assertGood();
    const link = this.assertLinked();
    const lacking = await this.options.health.whatCanBeRead(() => this.lacking(), undefined);
    const { epoch, partnerSteppedDown } = await link.takeOver(force);
    const leftBehind = partnerSteppedDown ? undefined : lacking;
    const { waiting } = this.options.fileCounts();
    this.options.log.warn(
      {
        epoch,
        partnerSteppedDown,
        ...(leftBehind === undefined ? {} : { leftBehind }),
        ...(waiting === 0 ? {} : { filesWaiting: waiting }),
      },
      'this unit took over as active',
    );
    return {
      role: 'active',
      epoch,
      partnerSteppedDown,
      ...(leftBehind === undefined ? {} : { leftBehind }),
      ...(waiting === 0 ? {} : { filesWaiting: waiting }),
    };
  }

  /** What the partner last said, where it says that it holds what this standby lacks; after that no update came. */
  private async lacking(): Promise<LeftBehind | undefined> {
    const { heard } = this;
    const { own, partner } = this.assertLinked().state;
    if (heard === undefined || partner?.role !== 'active' || own.role !== 'standby') return undefined;
    const updatedAt = this.journal?.last?.at ?? '';
    const isLacking = partner.pairId === own.pairId && updatedAt < heard.iso;
    if (!isLacking || (await this.options.store.revisionWithDigest(partner.digest)) !== undefined)
      return undefined;
    return { partner: partner.name, heardAt: heard.iso };
  }

  /** Throws why this unit cannot be rebuilt from its partner now. `force`: although nothing is heard of that one. */
  assertMayRebuild(force: boolean): void {
    assertPartnerFills(this.assertLinked().state, this.partner?.name ?? 'the partner', force);
  }

  /** Throws `not-active`, `not-paired`, `pacified`. */
  async pause(by: string, reason: string, durationMs: number | undefined): Promise<Pause> {
    this.assertLinked();
    return this.assertStarted(this.pausing).begin(by, reason, durationMs);
  }

  /** Lifts whatever keeps this unit from taking part. Throws `port-in-use`, `disk`. */
  async resume(by: string): Promise<ResumeAnswer> {
    const { starts } = this.options;
    const pacified = starts.pacified !== undefined;
    if (pacified) {
      this.waking ??= this.takePart().finally(() => {
        this.waking = undefined;
      });
      await this.waking;
    }
    await starts.resume(by);
    const pause = await this.assertStarted(this.pausing).lift('resumed', by);
    return { lifted: [...(pacified ? ['pacified' as const] : []), ...(pause ? ['pause' as const] : [])] };
  }

  /** What was restored here may be a source from now on. */
  async confirmSource(by: string): Promise<Unconfirmed | undefined> {
    const confirmed = await this.options.store.confirmSource();
    if (confirmed === undefined) return undefined;
    this.options.log.warn({ by, restored: confirmed }, 'the restored configuration is confirmed as a source');
    this.options.events.emit('sourceConfirmed', {});
    return confirmed;
  }

  async invite({ replaces }: InviteRequest): Promise<Invitation> {
    return this.atDesk().invite(replaces);
  }

  join({ host, port, code, replaces }: JoinRequest & { code: string }): Promise<PairedAnswer> {
    return this.atDesk().join(host, port ?? this.options.facts.port, code, replaces);
  }

  /**
   * The partner is there from now on: it is called there, and has to show its key. `record`: the field of the records that says
   * otherwise still. Throws `not-paired`, `key-mismatch`, `partner-unreachable`.
   */
  async movedTo(host: string, port?: number): Promise<{ answer: PairedAnswer; record: string | undefined }> {
    const { partner } = this;
    this.assertTakingPart();
    if (partner === undefined)
      throw new LockstepError(
        'bad-usage',
        'The code is missing: this unit has no partner that could have moved.',
        {
          hint: 'lockstep pair --invite on the other unit prints it; give it with --code CODE.',
        },
      );
    const from = this.partnerAt ?? partner;
    const at = { host, port: port ?? portOf(partner) };
    const pinned = publicBlob(partner.hostKey);
    const channel = await this.dial(host, at.port, blob => blob.equals(pinned), fingerprint(partner.hostKey));
    channel.close('the partner is there');
    await this.desk?.learn(partner.hostKey, { reached: at });
    this.link?.redial();
    const { home } = this;
    const differs = home !== undefined && home.host !== host && isIP(host) > 0;
    return {
      answer: {
        partner: { name: partner.name, ...at, fingerprint: fingerprint(partner.hostKey) },
        moved: { from: { host: from.host, port: from.port } },
      },
      record: differs ? home.path : undefined,
    };
  }

  /** What a change does to the pair, beside what it changes. */
  notesOn(changes: readonly ChangeView[]): string[] {
    const { partner } = this;
    if (partner === undefined) return [];
    const heard = this.link?.state.partner;
    return pairNotes(changes, {
      partner: {
        name: heard?.name ?? partner.name,
        mode: heard?.mode ?? partner.mode,
        established: (heard?.established ?? true) && this.options.store.head.common !== '',
        ha: heard?.ha,
        port: portOf(partner),
      },
      update: this.ground.update,
      facts: this.ground.facts,
      told: this.options.listenAddress,
    });
  }

  private lineWarnings(): Problem[] {
    const { partner, link, ground, home } = this;
    return lineWarnings({
      name: link?.state.partner?.name ?? partner?.name ?? 'the partner',
      ground,
      home,
      via: link?.via,
      notDialled: link?.notDialled,
      partnerHost: this.partnerAt?.host,
      notListening: this.listening?.trouble,
      syncState: link?.state,
    });
  }

  unpair(): Promise<UnpairedAnswer> {
    return this.atDesk().unpair();
  }

  async status(files: Status['files'], verification: Omit<StoreHealth, 'damage'>): Promise<PairStatus> {
    const { health, store, catalog, dir, facts, intervalSeconds } = this.options;
    const syncState = this.link?.state;
    const missing = await health.whatCanBeRead(() => this.missing(), []);
    const warnings = await health.whatCanBeRead(() => store.warnings(), []);
    return makeStatus({
      head: store.head,
      identity: this.identity,
      unitId: facts.id,
      schemaDigest: catalog.digest,
      dir,
      ...this.address,
      startedAt: this.startedAt,
      partner:
        this.partner === undefined
          ? undefined
          : { ...this.partner, ...this.partnerAt, fingerprint: fingerprint(this.partner.hostKey) },
      syncState,
      since: this.state.since || this.startedAt,
      lastSeenAt: this.heard?.iso,
      heardAt: this.heard?.at,
      missing,
      missingRecords: missing.reduce((sum, { pairRecords }) => sum + pairRecords, 0),
      lastUpdate: this.journal?.last,
      nextUpdateAt:
        this.nextUpdateAt === undefined || store.head.role !== 'active' || this.link === undefined
          ? undefined
          : this.inMs(this.nextUpdateAt - this.options.timers.now()),
      intervalSeconds,
      pause: this.pausing?.current,
      pacified: this.options.starts.pacified,
      takeover: this.takeover.readiness(files),
      files,
      warnings: [...this.lineWarnings(), ...warnings],
      provisional: store.head.provisional ?? store.head.ownProvisional,
      clock: this.options.clock(),
      branches: store.branches
        .all()
        .filter(({ merged }) => merged === undefined)
        .map(({ name, unit, at, records }) => ({ name, unit, at, records })),
      store: { damage: health.damage ?? null, ...verification },
    });
  }

  readonly startedAt = new Date().toISOString();

  get isPaired(): boolean {
    return this.partner !== undefined;
  }

  get knownPartner(): { name: string; unitId: string; seen: boolean } | undefined {
    const { partner, link } = this;
    if (partner === undefined) return undefined;
    const name = link?.state.partner?.name ?? partner.name;
    return { name, unitId: partner.unitId, seen: link?.state.link === 'up' };
  }

  /** An update goes out, comes in or is compared. */
  get isUpdating(): boolean {
    return this.link !== undefined && this.link.state.work.step !== 'idle';
  }

  /** Digest of what the partner last said to hold; undefined: it said nothing yet. */
  get partnerDigest(): string | undefined {
    return this.link?.state.partner?.digest;
  }

  /** Where shared configuration is changed while this unit is standby; undefined when nobody is known to be active. */
  activePartner(): { name: string; host: string } | undefined {
    const { partner } = this;
    const heard = this.link?.state.partner;
    if (partner === undefined || heard?.role !== 'active') return undefined;
    return { name: heard.name, host: this.partnerAt?.host ?? partner.host };
  }

  /** Revisions that the partner does not hold, newest first. */
  private async missing(): Promise<Revision[]> {
    const { store } = this.options;
    const seen = this.link?.state.link === 'up' ? this.link.state.partner : undefined;
    return this.partner === undefined ? [] : missingRevisions(store, seen?.digest ?? store.head.common);
  }

  private audited(): AuditedPair {
    return {
      syncState: () => this.link?.state,
      partner: () => this.partner,
      ask: question => this.assertLinked().audit(question),
      self: () => ({ ...this.identity, unitId: this.options.facts.id, pairId: this.pairId }),
    };
  }

  private assertAudited(): NonNullable<PairOptions['audit']> {
    return this.assertStarted(this.options.audit);
  }

  private get partner(): Partner | undefined {
    return this.desk?.partner;
  }

  private openDesk(): Promise<PairingDesk> {
    const { partnerFile, timers, now, log } = this.options;
    return PairingDesk.open({
      partnerFile,
      self: () => this.self(),
      ha: () => this.ground.facts,
      listening: () => ({ host: this.address.address, port: this.address.port }),
      pairId: () => this.membership.pairId,
      dial: (host, port, acceptHostKey, expected) => this.dial(host, port, acceptHostKey, expected),
      timers,
      now,
      log,
      onLeft: () => this.leave(),
      settle: partner => this.membership.settle(partner),
      onPaired: () => {
        this.options.events.emit('paired', { name: this.partner?.name ?? '' });
        this.connect();
      },
      onRefusal: (error, source) => this.refusals.message(error, source),
    });
  }

  private atDesk(): PairingDesk {
    this.assertTakingPart();
    return this.assertStarted(this.desk);
  }

  private assertStarted<Room>(room: Room | undefined): Room {
    if (room === undefined) throw new LockstepError('internal', 'The unit has not started.');
    return room;
  }

  private assertTakingPart(): void {
    const { pacified } = this.options.starts;
    if (pacified !== undefined) throw pacifiedError(pacified);
  }

  private assertLinked(): Link {
    this.assertTakingPart();
    if (this.link !== undefined) return this.link;
    const hint =
      this.identity.mode === 'single'
        ? 'This is a single unit.'
        : 'Type lockstep pair --invite on one unit, and what it prints on the other.';
    throw new LockstepError('not-paired', 'This unit has no partner.', { hint });
  }

  private mode(): HaMode {
    if (this.identity.mode !== 'single') return this.identity.mode;
    throw new LockstepError('mismatch', 'This is a single unit, not one of a pair.', {
      hint: 'Set ha/mode to first or second.',
    });
  }

  private self(): Self {
    const { facts, hostKey, clientKey } = this.options;
    return {
      unitId: facts.id,
      name: this.identity.name,
      mode: this.mode(),
      hostKey: hostKey.public,
      clientKey: clientKey.public,
    };
  }

  private own(): OwnFacts {
    const { store, catalog, facts, everyCommit, health } = this.options;
    const { name, mode, model, release } = this.identity;
    return {
      ...factsOf(store.head),
      protocol: PROTOCOL,
      pairId: this.partner?.pairId ?? '',
      unitId: facts.id,
      name,
      mode: mode === 'second' ? 'second' : 'first',
      release,
      model,
      schemaDigest: catalog.digest,
      everyCommit,
      pause: this.pausing?.current,
      port: this.address.port,
      bothWays: true,
      ha: this.ground.facts,
      ...(health.damage === undefined ? {} : { damaged: true }),
      ...this.fileCounts(),
    };
  }

  private fileCounts(): Pick<OwnFacts, 'files'> {
    const { waiting, unwritten } = this.options.fileCounts();
    return waiting + unwritten === 0 ? {} : { files: { waiting, unwritten } };
  }

  private connect(): void {
    const { partner } = this;
    if (partner === undefined) return;
    this.link?.stop();
    const { store, timers, log, now, clock } = this.options;
    this.link = new Link({
      store,
      timers,
      dial: signal => this.dialPartner(partner, signal),
      own: () => this.own(),
      clock,
      setRole: (role, epoch, digest) => this.setRole(role, epoch, digest),
      onState: (state, name) => {
        const clock = state.partner?.clock;
        if (clock !== undefined && clock !== this.heard?.clock) {
          this.heard = { clock, at: now().getTime(), iso: now().toISOString() };
          this.clocks.seen(Math.round(clock - this.heard.at));
        }
        this.tellConnection(state, partner.name);
        if (name === this.state.name) return;
        const since = now().toISOString();
        this.state = { name, since };
        this.options.events.emit('pairStateChanged', { state: name, since });
        log.info({ state: name, partner: partner.name }, 'sync state');
        queueMicrotask(() => this.takeover.note());
      },
      onUpdate: report => {
        this.journal?.noteSent(report);
        this.options.audit?.settled();
      },
      beforeUpdate: async () => this.options.audit?.beforeUpdate(),
      onFellBack: ({ digest: _digest, ...fellBack }) => log.warn(fellBack, 'the disk of this unit fell back'),
      onTrouble: ({ code, message, facts }) => {
        const { pinned, offered } = facts;
        log.warn(
          { code, reason: message, ...(code === 'key-mismatch' ? { pinned, offered } : {}) },
          'partner not reached',
        );
      },
    });
    this.link.start();
  }

  private tellConnection({ link, downBecause }: Link['state'], partner: string): void {
    const isUp = link === 'up';
    if (isUp === this.settled) return;
    this.settled = isUp;
    if (isUp) this.options.events.emit('connectionSettled', { partner });
    else this.options.events.emit('connectionLost', { partner, reason: downBecause });
  }

  /** At the first of the places where it may be that answers with its key. */
  private callPartner(pinned: Partner, signal: AbortSignal) {
    const blob = publicBlob(pinned.hostKey);
    const expected = fingerprint(pinned.hostKey);
    return dialFirst({
      places: placesOf(this.partner ?? pinned, this.home),
      dial: ({ host, port }, either) =>
        this.dial(host, port, offered => offered.equals(blob), expected, either),
      because: ({ because }) => because,
      timers: this.options.timers,
      signal,
    });
  }

  private async dialPartner(pinned: Partner, signal: AbortSignal): Promise<Channel> {
    const { channel, place } = await this.callPartner(pinned, signal);
    const { asking, answering } = bothWays(channel, 'this-unit');
    this.serve(answering, pinned, hello => this.link?.heard(hello));
    const reached = { host: place.host, port: place.port };
    if (await this.desk?.learn(pinned.hostKey, { reached }))
      this.options.log.info({ ...reached, because: place.because }, 'the partner is reached');
    return asking;
  }

  /** It calls from somewhere else: it may listen there too. */
  private async cameFrom({ hostKey }: Partner, cameFrom: Place): Promise<void> {
    if (!(await this.desk?.learn(hostKey, { cameFrom }))) return;
    this.options.log.info({ ...cameFrom }, 'the partner comes from');
    this.link?.redial();
  }

  /** The partner so far is none any more. */
  private leave(): void {
    this.link?.stop();
    this.link = undefined;
    this.heard = undefined;
    this.journal?.forget();
    this.options.events.emit('unpaired', {});
    this.listening?.closeChannelsOf('partner');
  }

  private dial(
    host: string,
    port: number,
    acceptHostKey: (blob: Buffer) => boolean,
    expected: string,
    signal?: AbortSignal,
  ): Promise<Channel> {
    const source = this.listening?.source;
    return dial({
      host,
      port,
      clientKey: this.options.clientKey.private,
      acceptHostKey,
      expected,
      timeoutMs: DIAL_MS,
      ...(source === undefined ? {} : { localAddress: source }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  private async setRole(role: 'active' | 'standby', epoch: number, digest?: string): Promise<boolean> {
    const done = await this.options.store.setRole(role, epoch, digest);
    if (!done) return false;
    this.options.log.warn({ role, epoch }, 'role changed');
    this.nets?.look();
    this.takeover.records.roleChanged();
    this.options.events.emit('roleChanged', { role, epoch });
    await this.pausing?.roleChanged();
    return true;
  }

  private welcome(channel: Channel, who: string, keyBlob: Buffer): void {
    if (who === 'candidate') {
      this.atDesk().answer(channel, keyBlob);
      return;
    }
    const { partner } = this;
    if (partner === undefined) {
      channel.close('this unit has no partner');
      return;
    }
    const { asking, answering } = bothWays(channel, 'the-partner');
    this.serve(answering, partner, hello => {
      this.link?.heard(hello, asking);
      if (hello.pacified === true) return; // it does not listen there
      void this.cameFrom(partner, { host: channel.remote.address, port: hello.port ?? portOf(partner) });
    });
  }

  private isStill(partner: Partner): boolean {
    const { hostKey, pairId } = this.partner ?? {};
    return hostKey === partner.hostKey && pairId === partner.pairId;
  }

  /**
   * What a partner said before it was replaced may still wait for its turn, whoever dialled: it is of no pair any more, and the
   * link to the next partner does not hear of it.
   */
  private serve(channel: Channel, partner: Partner, onHello: (hello: Hello) => void): void {
    const { store, health, clock } = this.options;
    serve(channel, {
      store,
      own: () => (this.isStill(partner) ? this.own() : { ...this.own(), pairId: '' }),
      clock,
      heldBack: () => this.link?.heldBack ?? 0,
      onHello: hello => {
        if (this.isStill(partner)) onHello(hello);
      },
      onUpdate: async update => {
        this.journal?.noteTaken(update);
        this.options.audit?.settled();
      },
      onAudit: async question => this.assertAudited().answerPartner(question),
      onRefusal: error => {
        health.noteOf('a commit or an update', error);
        this.refusals.message(error, channel.remote.address);
      },
      stepDown: async (epoch, force, digest) => this.assertLinked().stepDown(epoch, force, digest),
      examine: nonce => this.onExamine(nonce),
    });
  }

  private committed(revision: Revision, paths: readonly string[]): void {
    const { revision: number, kind, author, reason, records } = revision;
    this.options.log.info({ revision: number, kind, author, reason, records }, 'commit');
    if (this.stopped) return;
    this.link?.ownChanged();
    if (paths.some(path => IDENTITY_PATHS.has(path))) void this.refreshIdentity();
    if (paths.some(path => path === 'ha' || path.startsWith('interfaces/'))) void this.refreshGround();
  }

  /** The unit listens where its records say, and looks for its partner there. */
  private refreshGround(): Promise<void> {
    this.groundTurn = this.groundTurn
      .then(async () => {
        const before = this.home?.host;
        this.ground = await readGround(this.options.store);
        await this.listening?.ownIs(this.ground.update?.address);
        this.link?.ownChanged();
        if (this.home?.host !== before) this.link?.redial();
      })
      .catch((error: unknown) =>
        this.options.log.warn({ reason: String(error) }, 'the addresses of the pair could not be looked at'),
      );
    return this.groundTurn;
  }

  private async refreshIdentity(): Promise<void> {
    this.identity = await readIdentity(this.options.store, this.options.facts.id);
    this.options.events.emit('selfChanged', {});
    this.link?.ownChanged();
  }

  private scheduleUpdate(): void {
    const { timers, intervalSeconds } = this.options;
    this.nextUpdateAt = timers.now() + intervalSeconds * 1000;
    this.cancelDue = timers.after(intervalSeconds * 1000, () => {
      void this.options.audit?.due();
      this.link?.due();
      this.scheduleUpdate();
    });
  }

  private inMs(ms: number): string {
    return new Date(this.options.now().getTime() + ms).toISOString();
  }
}
