import type { Moment } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { LockstepError } from '../../schema/error.ts';
import { RULES } from '../../schema/rules/index.ts';
import { oldestToKeep } from '../../store/retention.ts';
import { Store } from '../../store/store.ts';
import { bothWays } from '../../sync/both-ways.ts';
import type { Channel } from '../../sync/channel.ts';
import { Link } from '../../sync/link.ts';
import { type HaMode, type Hello, PROTOCOL } from '../../sync/message.ts';
import { nameOf, type StateName } from '../../sync/pair-state.ts';
import type { Pause } from '../../sync/pause.ts';
import { serve } from '../../sync/service.ts';
import { factsOf, type OwnFacts } from '../../sync/state.ts';
import { ProvisionalKeeper } from '../../unit/changes/provisional-keeper.ts';
import { Events } from '../../unit/events.ts';
import type { Log } from '../../unit/log/log.ts';
import { historyNeeds } from '../../unit/store-care/history-needs.ts';
import { catalog } from './catalog.ts';
import type { Disk } from './disk.ts';
import type { File } from './files.ts';
import type { Party } from './network.ts';
import { SimulatedMirror } from './simulated-mirror.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Between two updates that nobody asked for. */
export const INTERVAL_MS = 30_000;
const BEGINNING = 1_700_000_000_000;

export interface Surroundings {
  time: VirtualTime;
  /** `to`: the name of the unit that answers. */
  dial(from: SimulatedUnit, process: Process): Promise<{ channel: Channel; to: string }>;
  log(line: string): void;
  /** Whether the line that somebody dialled could be one of the partner, to ask on. */
  mayBeAsked(whom: Caller): boolean;
  /** A unit did what somebody else asked of it: it took an update, or stood down. */
  obeyed(unit: SimulatedUnit, whom: Caller, what: string): void;
  /** A file of the mirror does not hold any more what somebody saved. */
  gaveUp(unit: SimulatedUnit, file: File, how: string): void;
  /** The unit stood down although it may hold what its partner, which is at `digest`, lacks. */
  forced(unit: SimulatedUnit, digest: string): void;
}

/** Who dialled, and when. */
export interface Caller {
  name: string;
  at: number;
}

/** What is gone after a crash. */
export interface Process extends Party {
  store: Store;
  link: Link;
  nets: ProvisionalKeeper;
  mirror?: SimulatedMirror;
}

/** A unit as the daemon composes it (unit/pair/pair.ts), over a disk and a network that fail. */
export class SimulatedUnit {
  readonly name: string;
  readonly mode: HaMode;
  readonly disk: Disk;
  pairId: string;
  release = '1.0.0';
  everyCommit = false;
  /** False: a unit of release 0.1.0, which asks on the connections that it dialled only. */
  bothWays = true;
  /** As kept on its disk; not heeded on a standby. */
  pause: Pause | undefined;
  process: Process | undefined;
  /** How wrong its wall clock is, milliseconds. Timers do not follow it. */
  clockError = 0;
  /** Takeovers that somebody typed and that have not been answered; `cutOff`: the partner was not seen then. */
  readonly takeovers = new Set<{ force: boolean; cutOff: boolean }>();
  /** It is being made, and nobody takes over from anybody. */
  new = false;
  /** The revision that made it what it is; nobody rolls back behind that. */
  firstRevision = 1;
  private readonly around: Surroundings;
  private lives = 0;
  private shown: StateName | undefined;

  constructor(name: string, mode: HaMode, pairId: string, disk: Disk, around: Surroundings) {
    this.name = name;
    this.mode = mode;
    this.pairId = pairId;
    this.disk = disk;
    this.around = around;
  }

  get state(): StateName | 'off' {
    return this.process === undefined ? 'off' : nameOf(this.process.link.state);
  }

  async start(): Promise<void> {
    if (this.process !== undefined) return;
    const life = ++this.lives;
    const alive = () => life === this.lives;
    const now = () => new Date(this.wallClock());
    const store = await Store.open({ port: this.disk.open(), catalog, rules: RULES, now });
    if (!alive()) return;
    const events = new Events(this.journal());
    events.on('provisionalUndone', () => process.link.due());
    const process: Process = {
      name: this.name,
      alive,
      store,
      link: this.linkOf(store, alive, () => process),
      nets: new ProvisionalKeeper({
        store,
        timers: this.timersOf(alive),
        clock: () => this.clock(),
        log: this.journal(),
        events,
      }),
    };
    this.process = process;
    store.watch(() => process.link.ownChanged());
    process.link.start();
    this.mirror(process);
    this.scheduleUpdate(process);
    this.around.log(`${this.name} starts: ${store.head.role} in epoch ${store.head.epoch}`);
  }

  /** The process ends between two turns of the event loop: nothing of it acts any more. */
  async crash(): Promise<void> {
    this.lives++;
    this.process = undefined;
    this.takeovers.clear();
    this.shown = undefined;
    await this.disk.crash();
  }

  /** Another partner is pinned in place of the one before; the link to that one ends (unit/pair/connections.ts). */
  repaired(pairId: string): void {
    this.pairId = pairId;
    // Before that it had another partner, whose keys no one has any more.
    this.disk.images = [];
    const { process } = this;
    if (process === undefined) return;
    const { fellBack, common } = process.store.head;
    if (fellBack !== undefined) process.store.beginWithPartner(common).catch(() => undefined);
    process.link.stop();
    process.link = this.linkOf(process.store, process.alive, () => process);
    process.link.start();
  }

  /** Lets go of old revisions as unit/store-care/history-keeper.ts does, which keeps far more of them than a run has. */
  async prune(most: number): Promise<number> {
    const { process } = this;
    if (process === undefined) return 0;
    const { store, link, alive } = process;
    const partnerDigest = link.state.partner?.digest;
    const facts = {
      newest: store.head.revision,
      oldest: await store.oldestRevision(),
      aged: 0,
      needed: await historyNeeds(store, { isPaired: true, partnerDigest }, this.disk.files !== undefined),
    };
    const { revision, because } = oldestToKeep({ least: 1, days: 1, most }, facts);
    if (revision <= Math.max(1, facts.oldest)) return facts.oldest;
    this.say(`keeps nothing before revision ${revision} (${because})`);
    await store.keepFrom(revision);
    for (let more = true; more && alive(); ) more = await store.pruneSome();
    return store.oldestRevision();
  }

  welcome(channel: Channel, from: Caller): void {
    const { process } = this;
    if (process === undefined) return;
    const { asking, answering } = this.bothWays
      ? bothWays(channel, 'the-partner')
      : { asking: undefined, answering: channel };
    this.answer(answering, process, from, hello =>
      process.link.heard(hello, this.around.mayBeAsked(from) ? asking : undefined),
    );
  }

  private answer(channel: Channel, process: Process, from: Caller, onHello: (hello: Hello) => void): void {
    serve(channel, {
      store: process.store,
      own: () => this.own(process.store),
      clock: () => this.clock(),
      heldBack: () => process.link.heldBack,
      onHello,
      onUpdate: async ({ result, digest }) => {
        this.around.obeyed(this, from, `took ${digest.slice(0, 8)}: ${result}`);
      },
      onRefusal: error => this.say(`refuses: ${error.code}: ${error.message}`),
      stepDown: async (epoch, force, digest) => {
        const done = await process.link.stepDown(epoch, force, digest);
        if (force) this.around.forced(this, digest);
        this.around.obeyed(this, from, `stood down in epoch ${epoch}`);
        return done;
      },
      examine: async nonce => ({ nonce }),
    });
  }

  private mirror(process: Process): void {
    const { files, boot } = this.disk;
    if (files === undefined) return;
    const { wall, uptime } = this.clock();
    process.mirror = new SimulatedMirror({
      store: process.store,
      files,
      timers: this.timersOf(process.alive),
      alive: process.alive,
      wall: () => this.wallClock(),
      boot: { id: boot.id, at: wall - uptime },
      gaveUp: (file, how) => this.around.gaveUp(this, file, how),
      say: line => this.say(line),
    });
  }

  private linkOf(store: Store, alive: () => boolean, process: () => Process): Link {
    const link: Link = new Link({
      store,
      timers: this.timersOf(alive),
      dial: async () => {
        const { channel, to } = await this.around.dial(this, process());
        if (!this.bothWays) return channel;
        const { asking, answering } = bothWays(channel, 'this-unit');
        const caller = { name: to, at: this.around.time.now() };
        this.answer(answering, process(), caller, hello => process().link.heard(hello));
        return asking;
      },
      own: () => this.own(store),
      clock: () => this.clock(),
      setRole: async (role, epoch, digest) => {
        const done = await store.setRole(role, epoch, digest);
        if (done && role === 'standby') this.pause = undefined;
        if (done) process().nets.look();
        return done;
      },
      onState: (_state, name) => {
        if (name === this.shown || !alive()) return;
        this.shown = name;
        this.say(`is ${name}`);
      },
      onUpdate: ({ digest, revision, result }, seen) => {
        this.say(`has the receipt for ${digest.slice(0, 8)}: ${result}`);
        store
          .setCommon(digest, revision, seen)
          .catch((error: LockstepError) => this.say(`could not keep the receipt: ${error.code}`));
      },
      onTrouble: () => undefined,
    });
    return link;
  }

  private own(store: Store): OwnFacts {
    const { role } = store.head;
    return {
      ...factsOf(store.head),
      protocol: PROTOCOL,
      pairId: this.pairId,
      unitId: this.disk.name,
      name: this.name,
      mode: this.mode,
      release: this.release,
      model: 'generic',
      schemaDigest: catalog.digest,
      everyCommit: this.everyCommit,
      pause: role === 'active' ? this.pause : undefined,
      ...(this.bothWays ? { bothWays: true } : {}),
    };
  }

  clock(): Moment {
    const { id, at } = this.disk.boot;
    return { wall: this.wallClock(), uptime: this.around.time.now() - at, bootId: id };
  }

  wallClock(): number {
    return BEGINNING + this.around.time.now() + this.clockError;
  }

  private timersOf(alive: () => boolean): Timers {
    const { time } = this.around;
    return { now: () => time.now(), after: (ms, act) => time.after(ms, () => alive() && act()) };
  }

  private scheduleUpdate(process: Process): void {
    this.around.time.after(INTERVAL_MS, () => {
      if (!process.alive()) return;
      process.link.due();
      this.scheduleUpdate(process);
    });
  }

  private journal(): Log {
    const note = (facts: unknown, message?: string): void => this.say(`${message}: ${JSON.stringify(facts)}`);
    return { debug: note, info: note, warn: note, error: note };
  }

  private say(line: string): void {
    this.around.log(`${this.name} ${line}`);
  }
}

export function unreachable(): LockstepError {
  return new LockstepError('partner-unreachable', 'The partner does not answer.');
}
