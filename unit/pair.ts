import { randomBytes, randomUUID } from 'node:crypto';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import type { Revision } from '../store/revision.ts';
import type { Store } from '../store/store.ts';
import type { Channel } from '../sync/channel.ts';
import { fingerprint, type KeyPair, publicBlob, publicLine } from '../sync/keys.ts';
import { Link, type Timers, type UpdateReport } from '../sync/link.ts';
import type { OwnFacts } from '../sync/machine.ts';
import { type HaMode, type Hello, PROTOCOL } from '../sync/message.ts';
import * as pairing from '../sync/pairing.ts';
import { serve } from '../sync/service.ts';
import { dial } from '../sync/ssh-client.ts';
import { type Listener, listen } from '../sync/ssh-server.ts';
import type { Invitation, PairedAnswer, Receipt, Status, TakenUpdate, TakeoverAnswer } from './face.ts';
import { IDENTITY_PATHS, type Identity, readIdentity, type UnitFacts } from './identity.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { readPartner, writePartner } from './partner.ts';
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
}

const DIAL_MS = 10_000;
/** Missing revisions are counted up to here; status is not a history. */
const MOST_COUNTED = 1_000;

/** One unit's side of the pair: it listens, keeps the link to the partner, and sends updates when they are due. */
export class Pair {
  private readonly options: PairOptions;
  private identity: Identity;
  private partner: pairing.Partner | undefined;
  private listener: Listener | undefined;
  private link: Link | undefined;
  private invitation: (pairing.Invitation & { pairId: string }) | undefined;
  private lastSent: Receipt | undefined;
  private lastTaken: TakenUpdate | undefined;
  private nextUpdateAt: number | undefined;
  private cancelDue: () => void = () => undefined;
  private unwatch: () => void = () => undefined;
  private state = { name: '', since: '' };
  /** When the greeting that carried the partner's `clock` came; that clock tells greetings apart. */
  private heard: { clock: number; at: number; iso: string } | undefined;

  private constructor(options: PairOptions) {
    this.options = options;
    this.identity = options.identity;
  }

  /** Throws `port-in-use`, `damaged-store`. */
  static async start(options: PairOptions): Promise<Pair> {
    const pair = new Pair(options);
    pair.partner = await readPartner(options.partnerFile);
    pair.lastSent = await options.store.readLocal<Receipt>('last-update');
    pair.listener = await listen({
      address: options.address,
      port: options.port,
      hostKey: options.hostKey.private,
      admit: key => pair.admit(key),
      onChannel: (channel, peer) => pair.welcome(channel, peer.who, peer.keyBlob),
      onRefusal: ({ source, reason }) => {
        options.metrics.refusals.inc({ reason: 'connection' });
        options.log.warn({ source, reason }, 'connection refused');
      },
    });
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
    const { epoch, partnerSteppedDown } = await this.assertLinked().takeOver(force);
    this.options.log.warn({ epoch, partnerSteppedDown }, 'this unit took over as active');
    return { role: 'active', epoch, partnerSteppedDown };
  }

  async invite(): Promise<Invitation> {
    this.mode();
    const token = randomBytes(16);
    const { timers, hostKey } = this.options;
    const pairId = this.partner?.pairId ?? randomUUID();
    this.invitation = { token, pairId, attempts: 0, expires: timers.now() + pairing.INVITATION_MS };
    this.options.log.info({ until: this.inMs(pairing.INVITATION_MS) }, 'pairing invited');
    return {
      code: pairing.encodeCode({ hostKeyHash: pairing.hashOfKey(publicBlob(hostKey.public)), token }),
      fingerprint: fingerprint(hostKey.public),
      expiresAt: this.inMs(pairing.INVITATION_MS),
      host: this.address.address,
      port: this.address.port,
    };
  }

  async join({
    host,
    port = this.options.facts.port,
    code: text,
  }: {
    host: string;
    port?: number;
    code: string;
  }): Promise<PairedAnswer> {
    const code = pairing.decodeCode(text);
    const own = this.self();
    let shown: Buffer | undefined;
    const acceptHostKey = (blob: Buffer): boolean => {
      shown = blob;
      return pairing.hashOfKey(blob).equals(code.hostKeyHash);
    };
    const channel = await this.dial(host, port, acceptHostKey);
    try {
      const hostKey = publicLine(shown as Buffer);
      this.assertFree(hostKey);
      const { address, port: ownPort } = this.address;
      const listening = { host: isAnyAddress(address) ? '' : address, port: ownPort };
      const partner = await pairing.join(channel, { ...own, ...listening }, code, { hostKey, host, port });
      await this.accept(partner);
      return { partner: { name: partner.name, host, port, fingerprint: fingerprint(hostKey) } };
    } finally {
      channel.close('pairing is over');
    }
  }

  async status(files: Status['files']): Promise<Status> {
    const { store, catalog, dir, facts, intervalSeconds } = this.options;
    const syncState = this.link?.state;
    const missing = await this.missing();
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
      warnings: await store.warnings(),
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

  private self(): pairing.Self {
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
    const { store, catalog, facts, everyCommit } = this.options;
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
        if (clock !== undefined && clock !== this.heard?.clock)
          this.heard = { clock, at: now().getTime(), iso: now().toISOString() };
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
      ...(isAnyAddress(address) ? {} : { localAddress: address }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  private async setRole(role: 'active' | 'standby', epoch: number, digest?: string): Promise<boolean> {
    const done = await this.options.store.setRole(role, epoch, digest);
    if (done) this.options.log.warn({ role, epoch }, 'role changed');
    return done;
  }

  /** Whose key is it? Strangers come in only while an invitation is open, and may only answer it. */
  private admit(key: Buffer): string | undefined {
    if (this.partner !== undefined && publicBlob(this.partner.clientKey).equals(key)) return 'partner';
    return this.openInvitation() === undefined ? undefined : 'candidate';
  }

  private openInvitation(): (pairing.Invitation & { pairId: string }) | undefined {
    const { invitation } = this;
    return invitation !== undefined &&
      this.options.timers.now() <= invitation.expires &&
      invitation.attempts < pairing.MOST_ATTEMPTS
      ? invitation
      : undefined;
  }

  private welcome(channel: Channel, who: string, keyBlob: Buffer): void {
    const { store, log, metrics, now, timers } = this.options;
    const onRefusal = (error: LockstepError): void => {
      metrics.refusals.inc({ reason: error.code });
      log.warn(
        { code: error.code, reason: error.message, source: channel.remote.address },
        'message refused',
      );
    };
    if (who === 'candidate' || this.openInvitation() !== undefined) {
      const { invitation } = this;
      if (who === 'candidate' && invitation !== undefined) {
        const { pairId } = invitation;
        pairing.answerJoin(channel, {
          own: this.self(),
          pairId,
          clientKeyBlob: keyBlob,
          now: timers.now(),
          invitation: () => this.invitation,
          accept: partner => this.accept(partner),
          onRefusal,
        });
        return;
      }
    }
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
      onRefusal,
      stepDown: async (epoch, force, digest) => this.assertLinked().stepDown(epoch, force, digest),
    });
  }

  /** Pin the partner: durable before it returns. An invitation works once. */
  private async accept(partner: pairing.Partner): Promise<void> {
    this.assertFree(partner.hostKey);
    await writePartner(this.options.partnerFile, partner);
    this.invitation = undefined;
    this.partner = partner;
    this.options.log.info(
      {
        partner: partner.name,
        host: partner.host,
        port: partner.port,
        fingerprint: fingerprint(partner.hostKey),
      },
      'paired',
    );
    this.connect();
  }

  private assertFree(hostKey: string): void {
    const { partner } = this;
    if (partner === undefined || publicBlob(partner.hostKey).equals(publicBlob(hostKey))) return;
    throw new LockstepError(
      'already-paired',
      `This unit is paired with ${partner.name} (${fingerprint(partner.hostKey)}).`,
      {
        hint: 'A unit has one partner.',
        facts: { partner: partner.name, fingerprint: fingerprint(partner.hostKey) },
      },
    );
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

function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
