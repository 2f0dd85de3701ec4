import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { PairChange } from '../store/store.ts';
import type { Channel } from './channel.ts';
import { Greeter } from './greeter.ts';
import { assertAllCross } from './held-back.ts';
import { LinkConnection } from './link-connection.ts';
import type { LinkContext, LinkOptions } from './link-context.ts';
import { step } from './machine.ts';
import type { Hello } from './message.ts';
import { nameOf, updateRefusal } from './pair-state.ts';
import type { Receipt } from './receipt.ts';
import type { Requests } from './requests.ts';
import { RoleChanges } from './role-changes.ts';
import { type Effect, heldBack, initialState, type SyncEvent, type SyncState, type Ticket } from './state.ts';
import { UpdateRun } from './update-run.ts';

type Waiter = { resolve(value: never): void; reject(error: LockstepError): void };

/**
 * Runs the step machine over a connection to the partner that it keeps open: carries out the effects,
 * and turns what comes of them into events.
 */
export class Link implements LinkContext {
  readonly options: LinkOptions;
  private current: SyncState;
  private readonly connection: LinkConnection;
  private readonly greeter: Greeter;
  private readonly updates: UpdateRun;
  private readonly roles: RoleChanges;
  private readonly waiters = new Map<Ticket, Waiter>();
  private counter = 0;

  constructor(options: LinkOptions) {
    this.options = options;
    this.current = initialState(options.own());
    this.connection = new LinkConnection(this, () => this.greet());
    this.greeter = new Greeter(this);
    this.updates = new UpdateRun(this);
    this.roles = new RoleChanges(this);
  }

  get state(): SyncState {
    return this.current;
  }

  start(): void {
    void this.connection.connect();
  }

  stop(): void {
    this.connection.stop();
    this.feed({ type: 'unlinked', reason: 'this unit stops' });
  }

  /** Where the partner is asked now: on a connection that this unit dialled there, or that the partner dialled from there. */
  get via(): { dialled: boolean; remote: Channel['remote'] } | undefined {
    const { current } = this.connection;
    return current && { dialled: current.isDialled, remote: current.channel.remote };
  }

  /** Why the partner cannot be dialled, also while it is asked on a connection of its own. */
  get notDialled(): LockstepError | undefined {
    return this.connection.trouble;
  }

  /** The partner may be somewhere else now: it is dialled anew, and what works stays until that does. */
  redial(): void {
    this.connection.redial();
  }

  /** Rejects with the reason why there is no receipt. */
  forceUpdate(): Promise<Receipt> {
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
    if (partner !== undefined && partner.schemaDigest !== own.schemaDigest) {
      const kinds = await this.updates.kindsOfPartner(partner.schemaDigest);
      assertAllCross(changes, this.current, this.options.store.catalog, kinds);
    }
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
    const hello = this.greeter.greeting();
    const { clock: theirs } = await this.linked().ask(id => ({ type: 'hello', id, ...hello }), 'hello-too');
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

  ownChanged(): void {
    this.feed({ type: 'own', own: this.options.own() });
  }

  /** The partner greeted on a connection where it asks. `asking`: the other use of the connection, where the partner dialled it. */
  heard(hello: Hello, asking?: Channel): void {
    if (hello.pacified === true) {
      // What is left of connections to it leads nowhere: it was ended before it was pacified.
      const close = this.connection.abandon();
      this.feed({ type: 'heard', hello, greeting: false });
      close('the partner is pacified');
      return;
    }
    void this.greeter.heard(hello);
    this.connection.heard(hello.bothWays === true ? asking : undefined);
  }

  linked(): Requests {
    const { current } = this.connection;
    if (current !== undefined) return current.requests;
    throw new LockstepError('partner-unreachable', this.current.downBecause);
  }

  settle(ticket: Ticket | undefined, outcome: object | LockstepError): void {
    const waiter = ticket === undefined ? undefined : this.waiters.get(ticket);
    if (waiter === undefined || ticket === undefined) return;
    this.waiters.delete(ticket);
    if (outcome instanceof LockstepError) waiter.reject(outcome);
    else waiter.resolve(outcome as never);
  }

  feed(event: SyncEvent): void {
    const { state, effects } = step(this.current, event);
    this.current = state;
    this.options.onState(state, nameOf(state));
    for (const effect of effects) this.carryOut(effect);
  }

  private ask<T>(event: (ticket: Ticket) => SyncEvent): Promise<T> {
    const ticket = ++this.counter;
    return new Promise<T>((resolve, reject) => {
      this.waiters.set(ticket, { resolve: resolve as Waiter['resolve'], reject });
      this.ownChanged();
      this.feed(event(ticket));
    });
  }

  private carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'greet':
        this.greet();
        break;
      case 'answer':
        this.settle(effect.ticket, effect.error);
        break;
      case 'prepare':
      case 'compare':
      case 'list':
      case 'send':
        this.updates.carryOut(effect);
        break;
      case 'remember':
        this.updates.remember(effect);
        break;
      case 'ask-step-down':
        void this.roles.askStepDown(effect);
        break;
      case 'become-active':
        void this.roles.becomeActive(effect);
        break;
      case 'become-standby':
        void this.roles.becomeStandby(effect);
        break;
      case 'find-fork':
        void this.greeter.findFork(effect.evidence);
        break;
      case 'drop-unconfirmed':
        void this.dropUnconfirmed(effect.digest);
        break;
    }
  }

  private greet(): void {
    const { current } = this.connection;
    if (current === undefined) return;
    void this.greeter.greet(current, () => this.connection.current?.requests === current.requests);
  }

  private async dropUnconfirmed(digest: string): Promise<void> {
    try {
      await this.options.store.dropUnconfirmed(digest);
      this.ownChanged();
    } catch (error) {
      this.options.onTrouble(asLockstepError(error));
    }
  }
}
