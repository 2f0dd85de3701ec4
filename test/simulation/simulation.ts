import type { StateName } from '../../sync/pair-state.ts';
import { USUAL_WRITE_MS } from './disk.ts';
import { Faults } from './faults.ts';
import { movesFor, movesForRetired } from './moves.ts';
import { FAIR_WEATHER } from './network.ts';
import { switchOff } from './replacement.ts';
import { INTERVAL_MS } from './simulated-unit.ts';
import { withoutRealTime } from './virtual-time.ts';
import { World } from './world.ts';

export interface Outcome {
  seed: number;
  /** What was broken; empty when every promise was kept. */
  broken: string[];
  log: string[];
  /** How the pair ended before anybody helped it, as the two units say it. */
  end: string;
  commits: number;
  updates: number;
  replacements: number;
  /** How often a disk fell back. */
  fallBacks: number;
  /** How often old revisions were let go. */
  prunings: number;
}

/** Without a fault for so long, every retry, deadline and interval has come round. */
const CALM_MS = 150_000;
/** Longer than any deadline: nothing that began before it is still under way. */
const QUIET_MS = 65_000;
const LOOK_MS = 5_000;
const SETTLED: ReadonlySet<StateName | 'off'> = new Set([
  'in-step',
  'fallen-back',
  'both-active',
  'no-active',
  'refused',
]);
const IN_STEP = 'in-step / in-step';

export function simulate(seed: number): Promise<Outcome> {
  return withoutRealTime(() => new Simulation(seed).run());
}

/** A pair, somebody who types, and everything that can go wrong between them; all of it as the seed says. */
class Simulation {
  private readonly seed: number;
  private readonly world: World;
  private readonly faults: Faults;

  constructor(seed: number) {
    this.seed = seed;
    this.world = new World(seed);
    this.faults = new Faults(this.world);
  }

  async run(): Promise<Outcome> {
    const { world } = this;
    const { random, time, ledger } = world;
    for (const unit of world.pair) await world.setUp(unit);
    await time.pass(random.between(0, 2_000));
    const acts = random.between(8, 34);
    for (let act = 0; act < acts; act++) {
      await this.act();
      await time.pass(random.chance(0.5) ? random.between(0, 60) : random.between(60, 9_000));
    }
    await this.calm();
    const end = this.states();
    this.settled();
    await this.filesFit();
    await ledger.close();
    if (end !== IN_STEP) await this.help();
    else await this.proof();
    if (this.states() === IN_STEP) await ledger.closeInStep();
    const { broken, commits, updates, replacements, fallBacks, prunings } = ledger;
    return {
      seed: this.seed,
      broken,
      log: world.log,
      end,
      commits,
      updates,
      replacements,
      fallBacks,
      prunings,
    };
  }

  private async act(): Promise<void> {
    const { world, faults } = this;
    const { random } = world;
    const late = world.retired !== undefined && random.chance(0.25);
    const moves = late ? movesForRetired(world, faults) : movesFor(random.pick(world.pair), world, faults);
    await random.weighted(moves)();
  }

  /** No fault any more, nobody types, a unit that was replaced is off, and time passes. */
  private async calm(): Promise<void> {
    const { world } = this;
    world.tell('the faults stop');
    world.blocked.clear();
    // One connection that works is enough, whoever dialled it.
    if (world.pair.every(({ bothWays }) => bothWays) && world.random.chance(0.3))
      this.faults.block(world.random.pick(world.pair));
    world.network.weather = FAIR_WEATHER;
    await switchOff(world, world.retired?.unit);
    world.retired = undefined;
    for (const unit of world.pair) {
      unit.disk.healthy = true;
      unit.disk.trap = undefined;
      unit.disk.writeMs = USUAL_WRITE_MS;
      world.operator.resume(unit);
      void unit.start();
    }
    await this.passWhile(CALM_MS, quietMs => quietMs < QUIET_MS || !this.isSettled());
  }

  /** Until `holds` does not hold; `quietMs`: for how long nothing has changed. */
  private async passWhile(mostMs: number, holds: (quietMs: number) => boolean): Promise<void> {
    const { time } = this.world;
    const until = time.now() + mostMs;
    let [shown, since] = ['', time.now()];
    while (time.now() < until && holds(time.now() - since)) {
      await time.pass(LOOK_MS);
      const now = this.shown();
      if (now !== shown) since = time.now();
      shown = now;
    }
  }

  private shown(): string {
    const { pair, ledger } = this.world;
    return JSON.stringify([this.states(), pair.map(({ disk }) => ledger.headOf(disk))]);
  }

  private states(): string {
    return this.world.pair.map(({ state }) => state).join(' / ');
  }

  private isSettled(): boolean {
    const states = this.world.pair.map(({ state }) => state);
    // Why nothing comes is said where it would come from.
    const waits = (state: string) => state === 'behind' && states.includes('refused');
    return states.every(state => SETTLED.has(state) || waits(state));
  }

  private settled(): void {
    const { pair, ledger } = this.world;
    if (!this.isSettled()) ledger.breaks(`the pair ends ${this.states()}`);
    if (!this.states().includes('in-step')) return;
    const [one, other] = pair.map(({ disk }) => ledger.headOf(disk)?.digest);
    if (one !== other) ledger.breaks('in step, and the digests differ');
  }

  /** Each file says what the store says, unless somebody's work is in it. */
  private async filesFit(): Promise<void> {
    for (const { name, process } of this.world.pair) {
      const looking = process?.mirror?.stale() ?? [];
      await this.world.time.pass(LOOK_MS); // reading takes time
      const stale = await looking;
      if (stale.length > 0) this.world.ledger.breaks(`files of ${name} are stale: ${stale.join(', ')}`);
    }
  }

  /** In step means that changes arrive: those of the next interval, or at once those of a unit that sends every commit. */
  private async proof(): Promise<void> {
    const { pair, ledger, operator, time } = this.world;
    const active = pair.find(({ process }) => process?.store.head.role === 'active') ?? pair[0];
    const head = ledger.headOf(active.disk);
    if (head?.common === '') return; // both are empty, and only the standby is of the pair
    if (head?.unconfirmed !== undefined) return; // its next change waits for confirm-source
    for (let commits = 0; commits < 2; commits++) {
      void operator.own(active);
      void operator.shared(active);
      await time.pass(15);
    }
    await time.pass(active.everyCommit ? LOOK_MS : INTERVAL_MS + LOOK_MS);
    if (this.states() !== IN_STEP) ledger.breaks(`commits without a fault end ${this.states()}`);
  }

  /** Whatever state it is that needs a person, he confirms what he restored, and one command of his ends it. */
  private async help(): Promise<void> {
    const { pair, ledger, operator } = this.world;
    const known = pair.filter(({ disk }) => ledger.headOf(disk)?.common !== '');
    const active = known.find(({ process }) => process?.store.head.role === 'active');
    // Of a pair with a unit that fell back, either may be decided for.
    const fallen = this.states().includes('fallen-back');
    const unit = (fallen ? this.world.random.pick(known) : active) ?? known[0] ?? pair[0];
    void operator.confirmSource(unit);
    await this.world.time.pass(1_000);
    void operator.takeOver(unit, true);
    await this.world.time.pass(LOOK_MS);
    void operator.forceUpdate(unit);
    await this.passWhile(2 * CALM_MS, () => this.states() !== IN_STEP);
    if (this.states() !== IN_STEP) ledger.breaks(`a person took over, and the pair ends ${this.states()}`);
  }
}
