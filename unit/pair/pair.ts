import type { ChangeView } from '../../api/contract/changes.ts';
import type {
  Invitation,
  JoinRequest,
  PairedAnswer,
  ResumeAnswer,
  UnpairedAnswer,
} from '../../api/contract/pair.ts';
import type { ServeOperator } from '../../api/contract/roles.ts';
import type { Pause } from '../../api/contract/shapes.ts';
import type { Moment } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import type { Unconfirmed } from '../../store/store.ts';
import type { Channel } from '../../sync/channel.ts';
import { tellPacified } from '../../sync/pacified.ts';
import { type Listener, listen, type Peer } from '../../sync/ssh/server.ts';
import { Operators } from '../access/operators.ts';
import type { AuditedPair } from '../audits/auditing.ts';
import { ProvisionalKeeper } from '../changes/provisional-keeper.ts';
import { Refusals } from '../log/refusals.ts';
import type { Metrics } from '../metrics.ts';
import { assertPartnerFills } from '../store-care/rebuild-source.ts';
import type { StartCounter } from '../store-care/starts.ts';
import { pairNotes } from './address-notes.ts';
import { type Answers, Connections } from './connections.ts';
import { Dialler } from './dialler.ts';
import { Listening } from './listening.ts';
import { PairMembership } from './membership.ts';
import { OwnUnit, type OwnUnitOptions } from './own-unit.ts';
import { PairWatch } from './pair-watch.ts';
import { PartnerRegistry } from './partner-registry.ts';
import { Pausing } from './pausing.ts';
import { portOf } from './places.ts';
import { Roles } from './roles.ts';
import { Takeover } from './takeover.ts';
import { UpdateJournal } from './update-journal.ts';
import { Updates } from './updates.ts';

export interface PairOptions extends OwnUnitOptions {
  dir: string;
  partnerFile: string;
  port: number;
  intervalSeconds: number;
  timers: Timers;
  now(): Date;
  clock(): Moment;
  starts: StartCounter;
  metrics: Metrics;
}

/** What others ask of this unit over the network; handed in when it begins to listen. */
export interface PairAnswers extends Answers {
  serveOperator: ServeOperator;
}

/** One unit's side of the pair: its parts, and how they begin and end. */
export class Pair {
  readonly startedAt: string;
  readonly own: OwnUnit;
  readonly registry: PartnerRegistry;
  readonly connections: Connections;
  readonly updates: Updates;
  readonly takeover: Takeover;
  readonly pausing: Pausing;
  readonly listening: Listening;
  readonly watch: PairWatch;
  readonly journal: UpdateJournal;
  readonly options: PairOptions;
  private readonly refusals: Refusals;
  private readonly operators: Operators;
  private readonly provisional: ProvisionalKeeper;
  private answers: PairAnswers | undefined;
  private waking: Promise<void> | undefined;
  private takesPart = false;
  private endPacified: () => void = () => undefined;

  private constructor(
    options: PairOptions,
    parts: Pick<Pair, 'own' | 'registry' | 'pausing' | 'listening' | 'journal'> & {
      dialler: Dialler;
      refusals: Refusals;
      operators: Operators;
    },
  ) {
    this.options = options;
    this.startedAt = options.now().toISOString();
    this.own = parts.own;
    this.registry = parts.registry;
    this.pausing = parts.pausing;
    this.listening = parts.listening;
    this.journal = parts.journal;
    this.refusals = parts.refusals;
    this.operators = parts.operators;
    this.watch = new PairWatch(options);
    const shared = { ...options, ...parts, watch: this.watch };
    this.connections = new Connections({ ...shared, roles: new Roles(options) });
    this.takeover = new Takeover({ ...shared, connections: this.connections });
    this.updates = new Updates({ ...shared, connections: this.connections });
    this.provisional = new ProvisionalKeeper(options);
  }

  /** Nothing is listened to or dialled yet. Throws `damaged-store`. */
  static async open(options: PairOptions): Promise<Pair> {
    const listening = new Listening({ ...options, told: options.listenAddress });
    const pausing = await Pausing.open(options);
    const own = await OwnUnit.open({ ...options, pausing, listening });
    await listening.ownIs(own.addresses.update?.address);
    const refusals = new Refusals(options);
    const dialler = new Dialler({ ...options, source: () => listening.source });
    const membership = await PairMembership.open(options.store);
    const registry = await PartnerRegistry.open({
      ...options,
      self: () => own.self(),
      ha: () => own.addresses.facts,
      listening: () => ({ host: listening.address.address, port: listening.address.port }),
      pairId: () => membership.pairId,
      settle: partner => membership.settle(partner),
      dial: (...call) => dialler.dial(...call),
      onRefusal: (error, source) => refusals.message(error, source),
    });
    if (registry.partner !== undefined) await membership.settle(registry.partner);
    const operators = await Operators.open(options);
    options.events.on('operatorGone', ({ who }) => listening.closeChannelsOf(who));
    const journal = await UpdateJournal.open(options);
    return new Pair(options, {
      own,
      registry,
      pausing,
      listening,
      journal,
      dialler,
      refusals,
      operators,
    });
  }

  /** Listens, and looks for the partner; a pacified unit tells only that it is. Throws `port-in-use`. */
  async start(answers: PairAnswers): Promise<void> {
    this.answers = answers;
    if (this.options.starts.pacified === undefined) await this.takePart(answers);
    else this.sayPacified();
  }

  async stop(): Promise<void> {
    this.operators.stop();
    this.endPacified();
    this.updates.stop();
    this.provisional.stop();
    this.pausing.stop();
    this.connections.stop();
    await this.takeover.stop();
    await this.listening.stop();
  }

  get address(): { address: string; port: number } {
    return this.listening.address;
  }

  /** Empty: of none. */
  get pairId(): string {
    return this.registry.partner?.pairId ?? '';
  }

  get knownPartner(): { name: string; unitId: string; seen: boolean } | undefined {
    const { partner, partnerName, link } = this.connections;
    if (partner === undefined || partnerName === undefined) return undefined;
    return { name: partnerName, unitId: partner.unitId, seen: link?.state.link === 'up' };
  }

  /** For whoever keeps history: what the partner last said to hold, where there is one. */
  get known(): { isPaired: boolean; partnerDigest: string | undefined } {
    const { partner, link } = this.connections;
    return { isPaired: partner !== undefined, partnerDigest: link?.state.partner?.digest };
  }

  /** Throws `not-active`, `not-paired`, `pacified`. */
  async pause(by: string, reason: string, durationMs: number | undefined): Promise<Pause> {
    this.connections.linked();
    return this.pausing.begin(by, reason, durationMs);
  }

  /** Lifts whatever keeps this unit from taking part. Throws `port-in-use`, `disk`. */
  async resume(by: string): Promise<ResumeAnswer> {
    const { starts } = this.options;
    const pacified = starts.pacified !== undefined;
    if (pacified && this.answers !== undefined) {
      this.waking ??= this.takePart(this.answers).finally(() => {
        this.waking = undefined;
      });
      await this.waking;
    }
    await starts.resume(by);
    const pause = await this.pausing.lift('resumed', by);
    return { lifted: [...(pacified ? ['pacified' as const] : []), ...(pause ? ['pause' as const] : [])] };
  }

  /** What was restored here may be a source from now on. */
  async confirmSource(by: string): Promise<Unconfirmed | undefined> {
    const { store, events, log } = this.options;
    const confirmed = await store.confirmSource();
    if (confirmed === undefined) return undefined;
    log.warn({ by, restored: confirmed }, 'the restored configuration is confirmed as a source');
    events.emit('sourceConfirmed', {});
    return confirmed;
  }

  /** What waited is confirmed, or taken back. */
  provisionalSettled(author: string, undone: boolean): void {
    this.options.log.info({ author, undone }, 'a change that waited is settled');
    this.provisional.look();
  }

  async invite(replaces: string | undefined): Promise<Invitation> {
    this.connections.assertTakingPart();
    return this.registry.invite(replaces);
  }

  async join({ host, port, code, replaces }: JoinRequest & { code: string }): Promise<PairedAnswer> {
    this.connections.assertTakingPart();
    return this.registry.join(host, port ?? this.options.facts.port, code, replaces);
  }

  async unpair(): Promise<UnpairedAnswer> {
    this.connections.assertTakingPart();
    return this.registry.unpair();
  }

  /** Throws why this unit cannot be rebuilt from its partner now. `force`: although nothing is heard of that one. */
  assertMayRebuild(force: boolean): void {
    const { partner } = this.registry;
    assertPartnerFills(this.connections.linked().state, partner?.name ?? 'the partner', force);
  }

  /** What a change does to the pair, beside what it changes. */
  notesOn(changes: readonly ChangeView[]): string[] {
    const { partner, link } = this.connections;
    if (partner === undefined) return [];
    const heard = link?.state.partner;
    const { update, facts } = this.own.addresses;
    return pairNotes(changes, {
      partner: {
        name: heard?.name ?? partner.name,
        mode: heard?.mode ?? partner.mode,
        established: (heard?.established ?? true) && this.options.store.head.common !== '',
        ha: heard?.ha,
        port: portOf(partner),
      },
      update,
      facts,
      told: this.options.listenAddress,
    });
  }

  /** What an audit may know of the pair. */
  get audited(): AuditedPair {
    const { connections, own, options } = this;
    return {
      syncState: () => connections.link?.state,
      partner: () => connections.partner,
      ask: async question => connections.linked().audit(question),
      self: () => ({ ...own.identity, unitId: options.facts.id, pairId: this.pairId }),
    };
  }

  /** Throws `port-in-use`. */
  private async takePart(answers: PairAnswers): Promise<void> {
    if (this.takesPart) return; // an earlier resume got this far
    const open = (address: string, port: number): Promise<Listener> => this.listen(address, port, answers);
    await this.listening.start(open);
    this.takesPart = true;
    this.endPacified();
    this.updates.start(answers.audit);
    this.connections.start(answers);
    this.takeover.start();
  }

  /** All that a pacified unit says to its partner. */
  private sayPacified(): void {
    const { partner } = this.registry;
    if (partner === undefined) return;
    const { timers, clock } = this.options;
    const dial = async (signal: AbortSignal) => (await this.connections.call(partner, signal)).channel;
    this.endPacified = tellPacified({ timers, clock, dial, own: () => this.connections.own() });
  }

  private listen(address: string, port: number, { serveOperator }: PairAnswers): Promise<Listener> {
    const { operators } = this;
    return listen({
      address,
      port,
      hostKey: this.options.hostKey.private,
      admit: key => this.admit(key),
      onChannel: (channel, peer) => this.welcome(channel, peer),
      operators: {
        admit: key => operators.admit(key),
        onStream: (stream, peer) => operators.take(stream, peer, serveOperator),
      },
      onRefusal: refusal => this.refusals.connection(refusal),
    });
  }

  /** While an invitation is open any key may come to answer it, but an operator comes to work. */
  private admit(key: Buffer): 'partner' | 'candidate' | undefined {
    const who = this.registry.admit(key);
    return who === 'candidate' && this.operators.admit(key) !== undefined ? undefined : who;
  }

  private welcome(channel: Channel, { who, keyBlob }: Peer): void {
    if (who === 'candidate') this.registry.answer(channel, keyBlob);
    else this.connections.welcome(channel);
  }
}
