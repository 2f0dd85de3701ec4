import { type Catalog, loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { RULES } from '../../schema/rules/index.ts';
import { Store } from '../../store/store.ts';
import type { Channel } from '../../sync/channel.ts';
import { Link } from '../../sync/link.ts';
import { type HaMode, PROTOCOL } from '../../sync/message.ts';
import type { Pause } from '../../sync/pause.ts';
import type { Timers } from '../../sync/requests.ts';
import { serve } from '../../sync/service.ts';
import { nameOf, type StateName } from '../../sync/standing.ts';
import type { OwnFacts } from '../../sync/state.ts';
import type { Disk } from './disk.ts';
import type { Party } from './network.ts';
import type { VirtualTime } from './virtual-time.ts';

export const catalog: Catalog = loadCatalog();

const INTERVAL_MS = 30_000;

export interface Surroundings {
  time: VirtualTime;
  dial(from: SimulatedUnit, process: Process): Promise<Channel>;
  log(line: string): void;
}

/** What is gone after a crash. */
export interface Process extends Party {
  store: Store;
  link: Link;
}

/** A unit as the daemon composes it (unit/pair.ts), over a disk and a network that fail. */
export class SimulatedUnit {
  readonly mode: HaMode;
  disk: Disk;
  everyCommit = false;
  /** As kept on its disk; not heeded on a standby. */
  pause: Pause | undefined;
  process: Process | undefined;
  /** Takeovers that somebody typed with --force and that have not been answered. */
  forced = 0;
  /** It is being made, and nobody takes over from anybody. */
  new = false;
  private readonly around: Surroundings;
  private lives = 0;
  private shown: StateName | undefined;

  constructor(mode: HaMode, disk: Disk, around: Surroundings) {
    this.mode = mode;
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
    const now = () => new Date(1_700_000_000_000 + this.around.time.now());
    const store = await Store.open({ port: this.disk.open(), catalog, rules: RULES, now });
    if (!alive()) return;
    const link: Link = this.linkOf(store, alive, () => process);
    const process: Process = { name: this.mode, alive, store, link };
    this.process = process;
    store.watch(() => link.ownChanged());
    link.start();
    this.scheduleUpdate(process);
    this.around.log(`${this.mode} starts: ${store.head.role} in epoch ${store.head.epoch}`);
  }

  /** The process ends between two turns of the event loop: nothing of it acts any more. */
  async crash(): Promise<void> {
    this.lives++;
    this.process = undefined;
    this.forced = 0;
    this.shown = undefined;
    await this.disk.crash();
  }

  welcome(channel: Channel): void {
    const { process } = this;
    if (process === undefined) return;
    serve(channel, {
      store: process.store,
      own: () => this.own(process.store),
      clock: () => ({ wall: 0, uptime: 0, bootId: '' }),
      heldBack: () => process.link.heldBack,
      onHello: hello => process.link.heard(hello),
      onUpdate: async ({ result, digest }) => this.say(`took ${digest.slice(0, 8)}: ${result}`),
      onRefusal: error => this.say(`refuses: ${error.code}`),
      stepDown: (epoch, force, digest) => process.link.stepDown(epoch, force, digest),
    });
  }

  private linkOf(store: Store, alive: () => boolean, process: () => Process): Link {
    return new Link({
      store,
      timers: this.timersOf(alive),
      dial: () => this.around.dial(this, process()),
      own: () => this.own(store),
      clock: () => ({ wall: 0, uptime: 0, bootId: '' }),
      setRole: async (role, epoch, digest) => {
        const done = await store.setRole(role, epoch, digest);
        if (done && role === 'standby') this.pause = undefined;
        return done;
      },
      onState: (_state, name) => {
        if (name === this.shown || !alive()) return;
        this.shown = name;
        this.say(`is ${name}`);
      },
      onUpdate: ({ digest, result }) => {
        this.say(`has the receipt for ${digest.slice(0, 8)}: ${result}`);
        store
          .setCommon(digest)
          .catch((error: LockstepError) => this.say(`could not keep the receipt: ${error.code}`));
      },
      onTrouble: () => undefined,
    });
  }

  private own(store: Store): OwnFacts {
    const { role, epoch, revision, digest, common, unconfirmed } = store.head;
    return {
      protocol: PROTOCOL,
      pairId: 'pair-1',
      unitId: this.disk.name,
      name: this.mode,
      mode: this.mode,
      role,
      epoch,
      revision,
      digest,
      release: '1.0.0',
      model: 'generic',
      schemaDigest: catalog.digest,
      established: common !== '',
      unconfirmed: unconfirmed !== undefined,
      common,
      provisional: store.head.provisional?.id ?? '',
      everyCommit: this.everyCommit,
      pause: role === 'active' ? this.pause : undefined,
    };
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

  private say(line: string): void {
    this.around.log(`${this.mode} ${line}`);
  }
}

export function unreachable(): LockstepError {
  return new LockstepError('partner-unreachable', 'The partner does not answer.');
}
