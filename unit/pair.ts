import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { Revision } from '../store/revision.ts';
import type { Store } from '../store/store.ts';
import type { Channel } from '../sync/channel.ts';
import { fingerprint, type KeyPair, publicBlob } from '../sync/keys.ts';
import { Link, type UpdateReport } from '../sync/link.ts';
import { type HaMode, type Hello, PROTOCOL } from '../sync/message.ts';
import type { Partner, Self } from '../sync/pairing.ts';
import type { Timers } from '../sync/requests.ts';
import { serve } from '../sync/service.ts';
import { dial } from '../sync/ssh-client.ts';
import { type Listener, listen } from '../sync/ssh-server.ts';
import type { OwnFacts } from '../sync/state.ts';
import { ClockWatch } from './clock-skew.ts';
import type { Invitation, PairedAnswer, Receipt, Status, TakenUpdate, TakeoverAnswer } from './face.ts';
import type { Health } from './health.ts';
import { IDENTITY_PATHS, type Identity, readIdentity, type UnitFacts } from './identity.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { isEveryAddress, PairingDesk } from './pairing-desk.ts';
import { activeUnit } from './rebuild.ts';
import { makeStatus } from './status.ts';

export interface PairOptions {
  store: Store;
  catalog: Catalog;
  dir: string;
  facts: UnitFacts;
  identity: Identity;
  hostKey: KeyPair;
  clientKey: KeyPair;
  partnerFile: string;
  /** Address to listen on; `0.0.0.0` or `::` for all. */
  address: string;
  port: number;
  intervalSeconds: number;
  everyCommit: boolean;
  timers: Timers;
  now(): Date;
  log: Log;
  metrics: Metrics;
  health: Health;
}

const DIAL_MS = 10_000;
/** Missing revisions are counted up to here; status is not a history. */
const MOST_COUNTED = 1_000;

/** One unit's side of the pair: it listens, keeps the link to the partner, and sends updates when they are due. */
export class Pair {
  private readonly options: PairOptions;
  private identity: Identity;
  private desk: PairingDesk | undefined;
  private listener: Listener | undefined;
  private link: Link | undefined;
  private lastSent: Receipt | undefined;
  private lastTaken: TakenUpdate | undefined;
  private nextUpdateAt: number | undefined;
  private cancelDue: () => void = () => undefined;
  private unwatch: () => void = () => undefined;
  private state = { name: '', since: '' };
  /** When the greeting that carried the partner's `clock` came; that clock tells greetings apart. */
  private heard: { clock: number; at: number; iso: string } | undefined;

  private readonly clocks: ClockWatch;

  private constructor(options: PairOptions) {
    this.options = options;
    this.clocks = new ClockWatch(options.log);
    this.identity = options.identity;
  }

  /** Throws `port-in-use`, `damaged-store`. */
  static async start(options: PairOptions): Promise<Pair> {
    const pair = new Pair(options);
    pair.desk = await pair.openDesk();
    pair.lastSent = await options.store.readLocal<Receipt>('last-update');
    pair.listener = await listen({
      address: options.address,
      port: options.port,
      hostKey: options.hostKey.private,
      admit: key => pair.desk?.admit(key),
      onChannel: (channel, peer) => pair.welcome(channel, peer.who, peer.keyBlob),
      onRefusal: ({ source, reason }) => {
        options.metrics.refusals.inc({ reason: 'connection' });
        options.log.warn({ source, reason }, 'connection refused');
      },
    });
    options.health.onChange = () => pair.link?.ownChanged();
    pair.unwatch = options.store.watch((revision, paths) => pair.committed(revision, paths));
    pair.scheduleUpdate();
    pair.connect();
    return pair;
  }

  get address(): { address: string; port: number } {
    return {
      address: this.listener?.address ?? this.options.address,
      port: this.listener?.port ?? this.options.port,
    };
  }

  async stop(): Promise<void> {
    this.unwatch();
    this.cancelDue();
    this.link?.stop();
    await this.listener?.close();
  }

  async forceUpdate(): Promise<Receipt> {
    const report = await this.assertLinked().forceUpdate();
    return this.receipt(report);
  }

  async takeOver(force: boolean): Promise<TakeoverAnswer> {
    if (!force) this.options.health.assertGood();
    const { epoch, partnerSteppedDown } = await this.assertLinked().takeOver(force);
    this.options.log.warn({ epoch, partnerSteppedDown }, 'this unit took over as active');
    return { role: 'active', epoch, partnerSteppedDown };
  }

  /** Throws why this unit cannot be rebuilt from its partner now. `force`: although nothing is heard of that one. */
  assertMayRebuild(force: boolean): void {
    const { state } = this.assertLinked();
    const { partner } = state;
    const name = partner?.name ?? this.partner?.name ?? 'the partner';
    if (this.options.store.head.role === 'active') throw activeUnit(name, 'repeat this');
    if (state.link !== 'up' || partner === undefined) {
      if (force) return;
      throw new LockstepError(
        'partner-unreachable',
        `${name} is not seen: whether it holds a configuration is not known.`,
        {
          hint: 'With --force this unit is emptied all the same, and filled when the partner is back.',
        },
      );
    }
    if (
      partner.role === 'active' &&
      partner.established &&
      !partner.damaged &&
      partner.digest !== EMPTY_DIGEST
    )
      return;
    throw new LockstepError('never-a-source', `${name} cannot be the source: it is ${unfitness(partner)}.`, {
      hint:
        partner.role === 'standby'
          ? `Type lockstep takeover on ${name} first.`
          : 'Mend that one first, or restore a bundle there.',
    });
  }

  async invite(): Promise<Invitation> {
    return this.atDesk().invite();
  }

  join({ host, port, code }: { host: string; port?: number; code: string }): Promise<PairedAnswer> {
    return this.atDesk().join(host, port ?? this.options.facts.port, code);
  }

  async status(files: Status['files'], verification: Omit<Status['store'], 'damage'>): Promise<Status> {
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
          : { ...this.partner, fingerprint: fingerprint(this.partner.hostKey) },
      syncState,
      since: this.state.since || this.startedAt,
      lastSeenAt: this.heard?.iso,
      heardAt: this.heard?.at,
      missing,
      missingRecords: missing.reduce((sum, { pairRecords }) => sum + pairRecords, 0),
      lastUpdate: store.head.role === 'active' ? this.lastSent : this.lastTaken,
      nextUpdateAt:
        this.nextUpdateAt === undefined || store.head.role !== 'active' || this.link === undefined
          ? undefined
          : this.inMs(this.nextUpdateAt - this.options.timers.now()),
      intervalSeconds,
      files,
      warnings,
      store: { damage: health.damage ?? null, ...verification },
    });
  }

  private readonly startedAt = new Date().toISOString();

  /** Where shared configuration is changed while this unit is standby; undefined when nobody is known to be active. */
  activePartner(): { name: string; host: string } | undefined {
    const { partner } = this;
    const heard = this.link?.state.partner;
    if (partner === undefined || heard?.role !== 'active') return undefined;
    return { name: heard.name, host: partner.host };
  }

  /** Revisions that the partner does not hold, newest first. */
  private async missing(): Promise<Revision[]> {
    const { store } = this.options;
    const held = this.link?.state.link === 'up' ? this.link.state.partner?.digest : store.head.common;
    if (this.partner === undefined || held === store.head.digest) return [];
    const known = held === undefined || held === '' ? undefined : await store.revisionWithDigest(held);
    const missing: Revision[] = [];
    for await (const revision of store.history()) {
      if (revision.revision <= (known ?? 0) || missing.length >= MOST_COUNTED) break;
      if (revision.pairRecords > 0) missing.push(revision);
    }
    return missing;
  }

  private get partner(): Partner | undefined {
    return this.desk?.partner;
  }

  private openDesk(): Promise<PairingDesk> {
    const { partnerFile, timers, now, log } = this.options;
    return PairingDesk.open({
      partnerFile,
      self: () => this.self(),
      listening: () => ({ host: this.address.address, port: this.address.port }),
      dial: (host, port, acceptHostKey) => this.dial(host, port, acceptHostKey),
      timers,
      now,
      log,
      onPaired: () => this.connect(),
      onRefusal: (error, source) => this.refused(error, source),
    });
  }

  private atDesk(): PairingDesk {
    if (this.desk === undefined) throw new LockstepError('internal', 'The unit has not started.');
    return this.desk;
  }

  private assertLinked(): Link {
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
    const { role, epoch, revision, digest, common } = store.head;
    const { name, mode, model, release } = this.identity;
    return {
      protocol: PROTOCOL,
      pairId: this.partner?.pairId ?? '',
      unitId: facts.id,
      name,
      mode: mode === 'second' ? 'second' : 'first',
      role,
      epoch,
      revision,
      digest,
      release,
      model,
      schemaDigest: catalog.digest,
      established: common !== '',
      common,
      everyCommit,
      ...(health.damage === undefined ? {} : { damaged: true }),
    };
  }

  private connect(): void {
    const { partner } = this;
    if (partner === undefined) return;
    this.link?.stop();
    const { store, timers, log, now } = this.options;
    const pinned = publicBlob(partner.hostKey);
    this.link = new Link({
      store,
      timers,
      dial: signal => this.dial(partner.host, partner.port, blob => blob.equals(pinned), signal),
      own: () => this.own(),
      clock: () => now().getTime(),
      setRole: (role, epoch, digest) => this.setRole(role, epoch, digest),
      onState: (state, name) => {
        const clock = state.partner?.clock;
        if (clock !== undefined && clock !== this.heard?.clock) {
          this.heard = { clock, at: now().getTime(), iso: now().toISOString() };
          this.clocks.seen(Math.round(clock - this.heard.at));
        }
        if (name === this.state.name) return;
        this.state = { name, since: now().toISOString() };
        log.info({ state: name, partner: partner.name }, 'sync state');
      },
      onUpdate: report => this.updated(report),
      onTrouble: error => log.warn({ code: error.code, reason: error.message }, 'partner not reached'),
    });
    this.link.start();
  }

  private dial(
    host: string,
    port: number,
    acceptHostKey: (blob: Buffer) => boolean,
    signal?: AbortSignal,
  ): Promise<Channel> {
    const { address, clientKey } = this.options;
    return dial({
      host,
      port,
      clientKey: clientKey.private,
      acceptHostKey,
      timeoutMs: DIAL_MS,
      ...(isEveryAddress(address) ? {} : { localAddress: address }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  private async setRole(role: 'active' | 'standby', epoch: number, digest?: string): Promise<boolean> {
    const done = await this.options.store.setRole(role, epoch, digest);
    if (done) this.options.log.warn({ role, epoch }, 'role changed');
    return done;
  }

  private welcome(channel: Channel, who: string, keyBlob: Buffer): void {
    if (who === 'candidate') this.atDesk().answer(channel, keyBlob);
    else this.serve(channel);
  }

  private refused(error: LockstepError, source: string): void {
    const { log, metrics, health } = this.options;
    health.noteOf('a commit or an update', error);
    metrics.refusals.inc({ reason: error.code });
    log.warn({ code: error.code, reason: error.message, source }, 'message refused');
  }

  private serve(channel: Channel): void {
    const { store, log, metrics, now } = this.options;
    serve(channel, {
      store,
      own: () => this.own(),
      clock: () => now().getTime(),
      onHello: (hello: Hello) => this.link?.heard(hello),
      onUpdate: async ({ result, digest, revision, from, records }) => {
        metrics.updates.inc({ direction: 'taken', result });
        this.lastTaken = { result, kind: 'taken', revision, digest, records, at: now().toISOString() };
        log.info({ result, digest, revision, from, records }, 'update taken');
      },
      onRefusal: error => this.refused(error, channel.remote.address),
      stepDown: async (epoch, force, digest) => this.assertLinked().stepDown(epoch, force, digest),
    });
  }

  private committed(revision: Revision, paths: string[]): void {
    this.options.metrics.commits.inc({ kind: revision.kind });
    const { revision: number, kind, author, reason, records } = revision;
    this.options.log.info({ revision: number, kind, author, reason, records }, 'commit');
    this.link?.ownChanged();
    if (paths.some(path => IDENTITY_PATHS.has(path))) void this.refreshIdentity();
  }

  private async refreshIdentity(): Promise<void> {
    this.identity = await readIdentity(this.options.store, this.options.facts.id);
    this.link?.ownChanged();
  }

  private updated(report: UpdateReport): void {
    const { metrics, log, store } = this.options;
    this.lastSent = this.receipt(report);
    metrics.updates.inc({ direction: 'sent', result: report.result });
    metrics.updateSeconds.observe(report.ms / 1000);
    log.info({ ...report }, 'update sent');
    const keep = async (): Promise<void> => {
      await store.setCommon(report.digest);
      await store.writeLocal('last-update', this.lastSent);
    };
    keep().catch((error: unknown) => log.error({ reason: String(error) }, 'the receipt could not be kept'));
  }

  private receipt({ result, forced, revision, digest, records, bytes, ms }: UpdateReport): Receipt {
    return {
      result,
      kind: forced ? 'forced' : 'periodic',
      revision,
      digest,
      records,
      bytes,
      ms,
      at: this.options.now().toISOString(),
    };
  }

  private scheduleUpdate(): void {
    const { timers, intervalSeconds } = this.options;
    this.nextUpdateAt = timers.now() + intervalSeconds * 1000;
    this.cancelDue = timers.after(intervalSeconds * 1000, () => {
      this.link?.due();
      this.scheduleUpdate();
    });
  }

  private inMs(ms: number): string {
    return new Date(this.options.now().getTime() + ms).toISOString();
  }
}

function unfitness({ role, damaged, established }: Hello): string {
  if (damaged) return 'damaged too';
  if (role === 'standby') return 'standby';
  return established ? 'empty' : 'new to the pair';
}
