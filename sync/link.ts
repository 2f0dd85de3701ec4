import { type Moment, remainingMs } from '../host/deadline.ts';
import { elapsedMs } from '../host/stopwatch.ts';
import type { Timers } from '../host/timers.ts';
import { asLockstepError, type LockstepError, LockstepError as Refusal } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { FellBack, Provisional, Witness } from '../store/head.ts';
import type { PairChange, Store } from '../store/store.ts';
import { cutNode, type Difference, difference, type NodePair } from '../store/tree-walk.ts';
import { BranchExchange } from './branch-exchange.ts';
import type { Channel } from './channel.ts';
import { type Evidence, holdsNothingOfItsOwn, type Past, questionTo } from './fall-back.ts';
import { findFork } from './fork.ts';
import { assertAllCross, holdBack } from './held-back.ts';
import { step } from './machine.ts';
import { type Hello, MOST_BUCKETS, MOST_NODES, type ProvisionalNote } from './message.ts';
import { type Outgoing, prepareOutgoing, updateFrames } from './outgoing.ts';
import { nameOf, type StateName, updateRefusal } from './pair-state.ts';
import { Requests } from './requests.ts';
import {
  type Effect,
  greetingOf,
  type HeldBack,
  heldBack,
  initialState,
  type OwnFacts,
  type SyncEvent,
  type SyncState,
  type Ticket,
} from './state.ts';

/** What an update did (docs/DOMAIN.md, Words: receipt). */
export interface UpdateReport {
  result: 'applied' | 'already-applied';
  forced: boolean;
  revision: number;
  digest: string;
  records: number;
  bytes: number;
  ms: number;
  /** What was left out; without it, both units held the same after the update. */
  heldBack: HeldBack | undefined;
  /** What the receipt says of the partner's store: kept beside the common digest. */
  seen: Witness | undefined;
}

export interface LinkOptions {
  store: Store;
  timers: Timers;
  /** Opens a channel to the partner, to ask on; rejects with a LockstepError. */
  dial(signal: AbortSignal): Promise<Channel>;
  own(): OwnFacts;
  clock(): Moment;
  /** Makes the role durable; `digest`: only while the store still has it. Resolves to whether it was done. */
  setRole(role: 'active' | 'standby', epoch: number, digest?: string): Promise<boolean>;
  onState(state: SyncState, name: StateName): void;
  onUpdate(report: UpdateReport): void;
  onTrouble(error: LockstepError): void;
  /** This unit found out that its disk fell back. */
  onFellBack?(fellBack: FellBack): void;
  /** Before an update is made for a partner that holds `base`: a look at what the update would put right unseen. */
  beforeUpdate?(base: string): Promise<void>;
}

/** Between two attempts to reach the partner, milliseconds: doubled each time up to the last. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const HEARTBEAT_MS = 5_000;
/** An attempt that is under way for longer is not waited for where the partner can be asked on a connection of its own. */
const PATIENCE_MS = 1_000;
type Waiter = { resolve(value: never): void; reject(error: LockstepError): void };
/**
 * Runs the step machine over a connection to the partner that it keeps open: carries out the effects,
 * and turns what comes of them into events. It asks on the connection that it dialled; where it cannot dial, on one that the
 * partner dialled.
 */
export class Link {
  private readonly options: LinkOptions;
  private current: SyncState;
  private channel: Channel | undefined;
  private requests: Requests | undefined;
  /** That `channel` was dialled by this unit. */
  private isDialled = false;
  /** A connection that was dialled while a run is under way on another one: taken when that is over. */
  private spare: Channel | undefined;
  /** Connections that the partner dialled and answers on, newest last. */
  private readonly offered = new Map<Channel, Requests>();
  /** Why the last attempt to dial the partner failed. */
  private trouble: LockstepError | undefined;
  private attempt: AbortController | undefined;
  private readonly branches: BranchExchange;
  private partnerKinds: { schemaDigest: string; kinds: Record<string, string> } | undefined;
  private readonly waiters = new Map<Ticket, Waiter>();
  private readonly stopping = new AbortController();
  private cancelRetry: () => void = () => undefined;
  private cancelBeat: () => void = () => undefined;
  private cancelPatience: () => void = () => undefined;
  private retryMs = FIRST_RETRY_MS;
  /** An attempt is due then, by the timers; undefined while one is under way, or the partner is linked. */
  private retryAt: number | undefined;
  private counter = 0;
  private findingFork = false;
  private roleTurn: Promise<unknown> = Promise.resolve();
  private outgoing: (Outgoing & { run: number; started: number; records: number; bytes: number }) | undefined;

  constructor(options: LinkOptions) {
    this.options = options;
    this.current = initialState(options.own());
    this.branches = new BranchExchange(options.store, options.onTrouble);
  }

  get state(): SyncState {
    return this.current;
  }

  start(): void {
    void this.connect();
  }

  stop(): void {
    this.stopping.abort();
    for (const cancel of [this.cancelRetry, this.cancelBeat, this.cancelPatience]) cancel();
    this.spare?.close('this unit stops');
    this.channel?.close('this unit stops');
    this.feed({ type: 'unlinked', reason: 'this unit stops' });
  }

  /** Where the partner is asked now: on a connection that this unit dialled there, or that the partner dialled from there. */
  get via(): { dialled: boolean; remote: Channel['remote'] } | undefined {
    return this.channel && { dialled: this.isDialled, remote: this.channel.remote };
  }

  /** Why the partner cannot be dialled, also while it is asked on a connection of its own. */
  get notDialled(): LockstepError | undefined {
    return this.trouble;
  }

  /** The partner may be somewhere else now: it is dialled anew, and what works stays until that does. */
  redial(): void {
    if (this.stopping.signal.aborted) return;
    this.retryMs = FIRST_RETRY_MS;
    this.cancelRetry();
    void this.connect();
  }

  /** Resolves with the receipt; rejects with the reason why there is none. */
  forceUpdate(): Promise<UpdateReport> {
    return this.ask(ticket => ({ type: 'force', ticket }));
  }

  takeOver(force: boolean): Promise<{ epoch: number; partnerSteppedDown: boolean }> {
    return this.ask(ticket => ({ type: 'take-over', ticket, force }));
  }

  /** The partner asks this unit to become standby; resolves once it is, durably. */
  stepDown(epoch: number, force: boolean, digest: string): Promise<{ epoch: number }> {
    return this.ask(ticket => ({ type: 'asked-to-step-down', ticket, epoch, force, digest }));
  }

  /** How many records wait until the partner runs the same release. */
  get heldBack(): number {
    return heldBack(this.current)?.records ?? 0;
  }

  /** Rejects with the reason why the partner would not take these changes, in step as it is now. */
  async tryOut(changes: PairChange[]): Promise<void> {
    const refused = updateRefusal(this.current);
    if (refused !== undefined) throw refused;
    const { own, partner } = this.current;
    if (partner !== undefined && partner.schemaDigest !== own.schemaDigest)
      assertAllCross(
        changes,
        this.current,
        this.options.store.catalog,
        await this.kindsOfPartner(partner.schemaDigest),
      );
    const { epoch } = own;
    // With something held back, the partner holds less than this unit, and that is what it would take them on.
    const base = (this.heldBack > 0 ? partner?.digest : undefined) ?? own.digest;
    await this.linked().ask(id => ({ type: 'trial', id, epoch, base, changes }), 'would-take');
  }

  /** How the partner says that it is. */
  async examine(nonce: string): Promise<JsonObject> {
    return (await this.linked().ask(id => ({ type: 'examine', id, nonce }), 'facts')).facts;
  }

  /** Greets the partner once more. `ms`: until its answer; `skewMs`: its clock minus ours in the middle of that. */
  async roundTrip(): Promise<{ ms: number; skewMs: number }> {
    const { timers, clock } = this.options;
    const [started, wall] = [timers.now(), clock().wall];
    const { clock: theirs } = await this.linked().ask(
      id => ({ type: 'hello', id, ...this.greeting() }),
      'hello-too',
    );
    const ms = timers.now() - started;
    return { ms, skewMs: theirs - wall - ms / 2 };
  }

  /** Ask the partner a question of an audit. Throws `partner-unreachable`, and what it refuses with. */
  async audit(question: JsonObject): Promise<JsonObject> {
    return (await this.linked().ask(id => ({ type: 'audit', id, question }), 'audited')).answer;
  }

  due(): void {
    this.feed({ type: 'due' });
  }

  /** Own facts changed: a commit, a role, the partner's configuration. */
  ownChanged(): void {
    this.feed({ type: 'own', own: this.options.own() });
  }

  /**
   * The partner greeted on a connection where it asks: it is back, so the next attempt need not be waited for.
   * `asking`: the other use of the connection, where the partner dialled it.
   */
  heard(hello: Hello, asking?: Channel): void {
    if (hello.pacified === true) {
      this.heardPacified(hello);
      return;
    }
    const question = questionTo(this.options.own(), hello);
    if (question === undefined) this.feed({ type: 'heard', hello, greeting: false });
    else
      void this.past(question).then(
        past => {
          this.ownChanged(); // judged by what stands now: a commit may not have been told yet
          this.feed({ type: 'heard', hello, greeting: false, past });
        },
        error => this.options.onTrouble(asLockstepError(error)),
      );
    if (asking !== undefined && hello.bothWays === true) this.offer(asking);
    if (this.channel !== undefined) return;
    this.retryMs = FIRST_RETRY_MS;
    // Only ever sooner: a busy partner greets with every commit, and would put the attempt off for as long as it is busy.
    if (this.retryAt !== undefined && this.retryAt > this.options.timers.now() + FIRST_RETRY_MS) this.retry();
  }

  /** What is left of connections to it leads nowhere: it was ended before it was pacified. */
  private heardPacified(hello: Hello): void {
    const dead = [...this.offered.keys(), this.spare, this.channel];
    this.offered.clear();
    this.spare = undefined;
    this.feed({ type: 'heard', hello, greeting: false });
    for (const channel of dead) channel?.close('the partner is pacified');
  }

  private ask<T>(event: (ticket: Ticket) => SyncEvent): Promise<T> {
    const ticket = ++this.counter;
    return new Promise<T>((resolve, reject) => {
      this.waiters.set(ticket, { resolve: resolve as Waiter['resolve'], reject });
      this.feed({ type: 'own', own: this.options.own() });
      this.feed(event(ticket));
    });
  }

  private settle(ticket: Ticket | undefined, outcome: object | LockstepError): void {
    const waiter = ticket === undefined ? undefined : this.waiters.get(ticket);
    if (waiter === undefined || ticket === undefined) return;
    this.waiters.delete(ticket);
    if (outcome instanceof Refusal) waiter.reject(outcome);
    else waiter.resolve(outcome as never);
  }

  private feed(event: SyncEvent): void {
    const { state, effects } = step(this.current, event);
    this.current = state;
    this.options.onState(state, nameOf(state));
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'greet':
        void this.greet();
        break;
      case 'answer':
        this.settle(effect.ticket, effect.error);
        break;
      case 'prepare':
        this.inRun(effect.run, () => this.prepare(effect));
        break;
      case 'compare':
        this.inRun(effect.run, () => this.compare(effect.run, effect.nodes));
        break;
      case 'list':
        this.inRun(effect.run, () => this.list(effect.run, effect.buckets));
        break;
      case 'send':
        this.inRun(effect.run, () => this.send(effect));
        break;
      case 'remember':
        this.remember(effect);
        break;
      case 'ask-step-down':
        void this.askStepDown(effect);
        break;
      case 'find-fork':
        void this.findFork(effect.evidence);
        break;
      case 'drop-unconfirmed':
        void this.dropUnconfirmed(effect.digest);
        break;
      case 'become-active':
        void this.becomeActive(effect);
        break;
      case 'become-standby':
        void this.becomeStandby(effect);
        break;
    }
  }

  /** A failure inside a run is an event, never an exception. */
  private inRun(run: number, act: () => Promise<SyncEvent>): void {
    act()
      .catch((error: unknown): SyncEvent => ({ type: 'failed', run, error: asLockstepError(error).toJSON() }))
      .then(event => {
        this.feed(event);
        this.dropAbandoned(run);
      });
  }

  /** Only once its last act has ended: a snapshot must not be closed while it is read. */
  private dropAbandoned(run: number): void {
    const { run: now, work } = this.current;
    if (this.outgoing?.run === run && (now !== run || !('serving' in work))) this.dropOutgoing();
  }

  private async prepare({
    run,
    base,
    walk,
    otherSchema,
  }: Extract<Effect, { do: 'prepare' }>): Promise<SyncEvent> {
    this.dropOutgoing();
    await this.options.beforeUpdate?.(base);
    const started = this.options.timers.now();
    const kinds = otherSchema === undefined ? undefined : await this.kindsOfPartner(otherSchema);
    const outgoing = await prepareOutgoing(this.options.store, base, walk, kinds);
    if (run !== this.current.run) {
      outgoing.close();
      throw overtaken();
    }
    this.outgoing = { ...outgoing, run, started, records: 0, bytes: 0 };
    return {
      type: 'prepared',
      run,
      route: outgoing.route,
      target: outgoing.target,
      revision: outgoing.revision,
    };
  }

  private async compare(run: number, nodes: [number, number][]): Promise<SyncEvent> {
    const snapshot = this.outgoingOf(run).snapshot;
    const pairs: NodePair[] = [];
    for (const part of parts(nodes, MOST_NODES)) {
      const reply = await this.linked().ask(id => ({ type: 'compare', id, nodes: part }), 'nodes');
      for (const [position, [level, index]] of part.entries()) {
        const own = cutNode((await snapshot?.node(level, index)) ?? Buffer.alloc(0));
        pairs.push({ level, index, own, partner: Buffer.from(reply.nodes[position] ?? '', 'base64') });
      }
    }
    return { type: 'compared', run, nodes: pairs };
  }

  /** Asked once for each release of the partner. */
  private async kindsOfPartner(schemaDigest: string): Promise<Record<string, string>> {
    if (this.partnerKinds?.schemaDigest !== schemaDigest)
      this.partnerKinds = await this.linked().ask(id => ({ type: 'kinds', id }), 'kinds-are');
    return this.partnerKinds.kinds;
  }

  private async list(run: number, buckets: number[]): Promise<SyncEvent> {
    const outgoing = this.outgoingOf(run);
    const { snapshot, kinds } = outgoing;
    const found: Difference = { upserts: [], removals: [] };
    const theirs = new Map<string, string>();
    for (const part of parts(buckets, MOST_BUCKETS)) {
      const reply = await this.linked().ask(id => ({ type: 'list', id, buckets: part }), 'leaves');
      for (const [position, bucket] of part.entries()) {
        const own = new Map(
          [...((await snapshot?.bucket(bucket)) ?? [])].map(([path, hash]) => [
            path,
            hash.toString('base64'),
          ]),
        );
        const partner = new Map(reply.buckets[position]);
        const { upserts, removals } = difference([{ own, partner }]);
        found.upserts.push(...upserts);
        found.removals.push(...removals);
        for (const path of upserts) if (partner.has(path)) theirs.set(path, partner.get(path) as string);
      }
    }
    if (kinds === undefined || snapshot === undefined) return { type: 'listed', run, difference: found };
    const split = await holdBack(found, { kinds, theirs, snapshot, catalog: this.options.store.catalog });
    outgoing.target = split.heldBack?.target ?? outgoing.target;
    return { type: 'listed', run, ...split };
  }

  private async send({
    run,
    base,
    epoch,
    difference: found,
  }: Extract<Effect, { do: 'send' }>): Promise<SyncEvent> {
    const outgoing = this.outgoingOf(run);
    const { target, revision, brought, waiting } = outgoing;
    // The standby may take the first update, and this unit end before the receipt is in. Found without a mark of it, it
    // would look like a unit that is new to a pair whose configuration the other one holds.
    if (!this.options.own().established) await this.options.store.setCommon(EMPTY_DIGEST, 0);
    const { confirmed = '' } = this.options.store.head;
    const provisional =
      waiting.provisional === undefined ? null : noteOf(waiting.provisional, this.options.clock());
    const header = { epoch, base, target, revision, brought, provisional, confirmed };
    async function* frames(id: number): AsyncIterable<Buffer> {
      for await (const { payload, records } of updateFrames(header, id, outgoing.changes(found))) {
        outgoing.records += records;
        outgoing.bytes += payload.length;
        yield payload;
      }
    }
    const receipt = await this.linked().askInFrames(frames, 'receipt');
    return {
      type: 'receipt',
      run,
      result: receipt.result,
      digest: receipt.digest,
      revision: receipt.revision,
    };
  }

  private remember({
    result,
    digest,
    revision,
    forced,
    tickets,
    heldBack,
    seen,
  }: Extract<Effect, { do: 'remember' }>): void {
    const { started = 0, records = 0, bytes = 0 } = this.outgoing ?? {};
    const ms = elapsedMs(started, this.options.timers.now());
    const report: UpdateReport = { result, forced, revision, digest, records, bytes, ms, heldBack, seen };
    this.dropOutgoing();
    for (const ticket of tickets) this.settle(ticket, report);
    this.options.onUpdate(report);
  }

  private async askStepDown({ run, epoch, force }: Extract<Effect, { do: 'ask-step-down' }>): Promise<void> {
    try {
      const { digest } = this.options.own();
      const { partner } = this.current;
      const reply = await this.linked().ask(
        id => ({ type: 'step-down', id, epoch, force, digest }),
        'stepped-down',
      );
      this.feed({ type: 'own', own: this.options.own() });
      const free = partner !== undefined && holdsNothingOfItsOwn(partner) && reply.digest === partner.digest;
      if (!force && !free && reply.digest !== this.current.own.digest)
        throw new Refusal(
          'takeover-incomplete',
          'The partner stepped down with another state than this unit holds.',
        );
      this.feed({ type: 'stepped-down', run });
    } catch (error) {
      this.feed({ type: 'not-stepped-down', run, error: asLockstepError(error).toJSON() });
    }
  }

  private async becomeActive({
    ticket,
    epoch,
    partnerSteppedDown,
    overrules,
  }: Extract<Effect, { do: 'become-active' }>): Promise<void> {
    try {
      await this.inRoleTurn(async () => {
        // Meanwhile it may have stood down for a partner that becomes active in this very epoch.
        if (this.options.own().epoch >= epoch)
          throw new Refusal('stale-epoch', `The partner took over in epoch ${epoch} at this very moment.`, {
            hint: 'Try again.',
          });
        return this.options.setRole('active', epoch);
      });
      if (overrules !== undefined) await this.options.store.overrule(overrules);
      this.ownChanged();
      this.settle(ticket, { epoch, partnerSteppedDown });
    } catch (error) {
      this.settle(ticket, asLockstepError(error));
    }
  }

  private async becomeStandby({
    ticket,
    epoch,
    digest,
  }: Extract<Effect, { do: 'become-standby' }>): Promise<void> {
    try {
      const done = await this.inRoleTurn(() => this.options.setRole('standby', epoch, digest));
      this.ownChanged();
      if (done) this.settle(ticket, { epoch });
      else
        this.settle(
          ticket,
          new Refusal('conflict', 'The configuration changed at this very moment.', { hint: 'Try again.' }),
        );
    } catch (error) {
      this.settle(ticket, asLockstepError(error));
    }
  }

  /** One change of the role after the other: the next one is decided by what the last one did. */
  private inRoleTurn(act: () => Promise<boolean>): Promise<boolean> {
    const done = this.roleTurn.then(act);
    this.roleTurn = done.catch(() => undefined);
    return done;
  }

  private async connect(): Promise<void> {
    this.retryAt = undefined;
    if (this.stopping.signal.aborted) return;
    this.attempt?.abort();
    const attempt = new AbortController();
    this.attempt = attempt;
    const isCurrent = (): boolean => this.attempt === attempt && !this.stopping.signal.aborted;
    try {
      const channel = await this.options.dial(AbortSignal.any([this.stopping.signal, attempt.signal]));
      if (!isCurrent()) return channel.close('it is not needed any more');
      this.attempt = undefined;
      this.dialled(channel);
    } catch (error) {
      if (!isCurrent()) return;
      this.attempt = undefined;
      this.notReached(asLockstepError(error));
    }
  }

  private notReached(error: LockstepError): void {
    if (this.trouble?.message !== error.message) this.options.onTrouble(error);
    this.trouble = error;
    const refusal = error.class === 'refused' ? error.toJSON() : undefined;
    // Somebody with another key is where the partner should be: whoever calls meanwhile is told nothing.
    if (refusal !== undefined && !this.isDialled) this.channel?.close(error.message);
    if (this.channel === undefined && !this.adoptOffered()) {
      this.feed({ type: 'unlinked', reason: error.message, ...(refusal === undefined ? {} : { refusal }) });
    }
    if (!(this.channel !== undefined && this.isDialled)) this.retry();
  }

  /** What works is not given up for what was dialled while something is under way on it. */
  private dialled(channel: Channel): void {
    this.trouble = undefined;
    this.retryMs = FIRST_RETRY_MS;
    if (this.channel === undefined) {
      this.adopt(channel, new Requests(channel, this.options.timers), true);
      return;
    }
    this.spare?.close('dialled anew');
    this.spare = channel;
    channel.onClose(() => {
      if (this.spare !== channel) return;
      this.spare = undefined;
      if (!this.isDialled) this.retry();
    });
    this.takeSpare();
  }

  private takeSpare(): void {
    const { spare, channel, requests } = this;
    const greeting = this.current.link === 'greeting' && !this.isDialled;
    const idle = this.current.work.step === 'idle' && this.current.stepDown === undefined;
    if (spare === undefined || !(greeting || (idle && requests?.isIdle !== false))) return;
    const wasDialled = this.isDialled;
    this.spare = undefined;
    this.adopt(spare, new Requests(spare, this.options.timers), true);
    if (wasDialled) channel?.close('dialled anew');
  }

  private offer(asking: Channel): void {
    if (!this.offered.has(asking)) {
      this.offered.set(asking, new Requests(asking, this.options.timers));
      asking.onClose(() => this.offered.delete(asking));
    }
    // One that was offered before and does not answer may be dead without knowing.
    const unanswered = !this.isDialled && this.current.link === 'greeting' && asking !== this.channel;
    if (this.channel !== undefined && !unanswered) return;
    if (this.retryAt !== undefined && this.trouble !== undefined) this.adoptOffered();
    else {
      this.cancelPatience();
      this.cancelPatience = this.options.timers.after(PATIENCE_MS, () => {
        if (this.channel === undefined) this.adoptOffered();
      });
    }
  }

  private adoptOffered(): boolean {
    const [channel, requests] = [...this.offered].at(-1) ?? [];
    if (channel === undefined || requests === undefined || this.stopping.signal.aborted) return false;
    if (this.trouble?.class === 'refused') return false;
    this.adopt(channel, requests, false);
    return true;
  }

  private adopt(channel: Channel, requests: Requests, isDialled: boolean): void {
    const seamless = this.channel !== undefined && this.current.link === 'up';
    this.channel = channel;
    this.requests = requests;
    this.isDialled = isDialled;
    if (seamless) void this.greet();
    else {
      this.feed({ type: 'own', own: this.options.own() });
      this.feed({ type: 'linked' });
    }
    this.beat();
    // Last, since a channel that is closed already tells so at once, and the next attempt must come after all this.
    channel.onClose(reason => {
      requests.failAll(new Refusal('partner-unreachable', reason));
      this.offered.delete(channel);
      if (this.channel === channel) this.lost(reason);
    });
  }

  private lost(reason: string): void {
    this.channel = undefined;
    this.requests = undefined;
    this.cancelBeat();
    this.feed({ type: 'unlinked', reason });
    const { spare } = this;
    this.spare = undefined;
    if (spare !== undefined) {
      this.dialled(spare);
      return;
    }
    if (this.trouble !== undefined) this.adoptOffered();
    if (this.attempt === undefined) this.retry();
  }

  private retry(): void {
    if (this.stopping.signal.aborted) return;
    this.cancelRetry();
    this.retryAt = this.options.timers.now() + this.retryMs;
    this.cancelRetry = this.options.timers.after(this.retryMs, () => void this.connect());
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  private beat(): void {
    this.cancelBeat();
    this.cancelBeat = this.options.timers.after(HEARTBEAT_MS, () => {
      this.takeSpare();
      void this.greet();
      this.beat();
    });
  }

  private greeting(): Hello {
    const beside = { branches: this.options.store.branches.open(), heldBack: this.heldBack };
    return greetingOf(this.options.own(), this.options.clock().wall, beside);
  }

  private async greet(): Promise<void> {
    const { channel } = this;
    try {
      const own = this.greeting();
      const requests = this.linked();
      const {
        type: _type,
        re: _re,
        ...hello
      } = await requests.ask(id => ({ type: 'hello', id, ...own }), 'hello-too');
      const question = questionTo(this.options.own(), hello);
      const past = question && (await this.past(question));
      if (this.requests !== requests) return; // another connection has begun with a greeting of its own
      if (past !== undefined) this.ownChanged();
      const unknown = this.lacksBranchOf(hello);
      this.feed({ type: 'heard', hello, greeting: true, past, unknown });
      await this.branches.greeted(requests, hello);
      if (unknown && !this.lacksBranchOf(hello)) this.feed({ type: 'copied' });
    } catch (error) {
      channel?.close(asLockstepError(error).message);
    }
  }

  private lacksBranchOf({ branches }: Hello): boolean {
    return branches.some(name => !this.options.store.branches.has(name));
  }

  private async past({ revision, common }: { revision: number; common: string }): Promise<Past> {
    const { store } = this.options;
    // It may have been held longer ago than the history reaches.
    const knowsCommon =
      common === '' ||
      (await store.oldestRevision()) > 0 ||
      (await store.revisionWithDigest(common)) !== undefined;
    return { stoodAt: await store.digestAt(revision), knowsCommon };
  }

  /** Asks until it is answered: at the latest at the next greeting. */
  private async findFork({ store: id, from }: Evidence): Promise<void> {
    if (this.findingFork) return;
    this.findingFork = true;
    const { store, clock } = this.options;
    try {
      const asks = this.current.partner?.witnessed !== undefined;
      const fork = await findFork(store, async revisions =>
        asks ? (await this.linked().ask(id => ({ type: 'known', id, revisions }), 'known-is')).revision : 0,
      );
      const [found, digest] = [await store.revision(fork), await store.digestAt(fork)];
      const seen = new Date(clock().wall).toISOString();
      const fellBack = { revision: fork, digest: digest ?? EMPTY_DIGEST, at: found?.at ?? '', from, seen };
      await store.setFellBack(fellBack, id);
      if (store.head.fellBack?.seen === seen) this.options.onFellBack?.(fellBack);
      this.ownChanged();
    } catch (error) {
      this.options.onTrouble(asLockstepError(error));
    } finally {
      this.findingFork = false;
    }
  }

  private async dropUnconfirmed(digest: string): Promise<void> {
    try {
      await this.options.store.dropUnconfirmed(digest);
      this.ownChanged();
    } catch (error) {
      this.options.onTrouble(asLockstepError(error));
    }
  }

  private linked(): Requests {
    if (this.requests !== undefined) return this.requests;
    throw new Refusal('partner-unreachable', this.current.downBecause);
  }

  private outgoingOf(run: number): NonNullable<Link['outgoing']> {
    if (this.outgoing?.run === run) return this.outgoing;
    throw overtaken();
  }

  private dropOutgoing(): void {
    this.outgoing?.close();
    this.outgoing = undefined;
  }
}

function noteOf({ deadline, ...rest }: Provisional, clock: Moment): ProvisionalNote {
  const { author, reason } = rest;
  const msLeft = remainingMs(deadline, clock);
  return { ...rest, author: author.slice(0, 200), reason: reason.slice(0, 2000), msLeft };
}

function overtaken(): LockstepError {
  return new Refusal('internal', 'An update was overtaken by another.');
}

function* parts<Item>(items: Item[], size: number): Iterable<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
