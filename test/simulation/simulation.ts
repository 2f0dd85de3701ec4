import type { Channel } from '../../sync/channel.ts';
import type { StateName } from '../../sync/standing.ts';
import { Disk } from './disk.ts';
import { Ledger } from './ledger.ts';
import { type Line, Network, type Party } from './network.ts';
import { MARKS, Operator } from './operator.ts';
import { Random } from './random.ts';
import { type Process, SimulatedUnit, unreachable } from './simulated-unit.ts';
import { VirtualTime, withoutRealTime } from './virtual-time.ts';

export interface Outcome {
  seed: number;
  /** What was broken; empty when every promise was kept. */
  broken: string[];
  log: string[];
  /** How the pair ended before anybody helped it, as the two units say it. */
  end: string;
  commits: number;
  updates: number;
}

/** Without a fault for so long, every retry, deadline and interval has come round. */
const CALM_MS = 150_000;
const SETTLED: ReadonlySet<StateName | 'off'> = new Set(['in-step', 'both-active', 'no-active', 'refused']);

export function simulate(seed: number): Promise<Outcome> {
  return withoutRealTime(() => new Simulation(seed).run());
}

/** Two units, somebody who types, and everything that can go wrong between them; all of it as the seed says. */
class Simulation {
  private readonly seed: number;
  private readonly random: Random;
  private readonly time = new VirtualTime();
  private readonly lines: string[] = [];
  private readonly ledger: Ledger;
  private readonly network: Network;
  private readonly operator: Operator;
  private readonly units: SimulatedUnit[];
  /** Units whose calls do not get through to the other. */
  private readonly blocked = new Set<SimulatedUnit>();
  /** What was said on lines before, by who dialled: somebody may say it again. */
  private readonly heardBefore: { from: string; frames: Buffer[] }[] = [];
  private disks = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Random(seed);
    const log = (line: string): void => this.log(line);
    this.ledger = new Ledger(disk => {
      const unit = this.units.find(one => one.disk === disk);
      const cutOff = unit?.process === undefined || unit.process.link.state.link === 'down';
      return { forced: (unit?.forced ?? 0) > 0, cutOff, isNew: unit?.new ?? false };
    });
    const weather = {
      delayMs: this.random.pick([2, 40, 400, 4_000]),
      cutChance: this.random.pick([0, 0.002, 0.03]),
      inPieces: this.random.chance(0.5),
    };
    this.network = new Network(this.time, this.random, weather, (from, payload, is) =>
      this.watch(from, payload, is),
    );
    this.operator = new Operator(this.random, this.ledger, log);
    const around = {
      time: this.time,
      log,
      dial: (from: SimulatedUnit, process: Process) => this.dial(from, process),
    };
    this.units = (['first', 'second'] as const).map(
      mode => new SimulatedUnit(mode, this.newDisk(mode), around),
    );
  }

  async run(): Promise<Outcome> {
    for (const unit of this.units) await this.setUp(unit);
    await this.time.pass(this.random.between(0, 2_000));
    const acts = this.random.between(8, 40);
    for (let act = 0; act < acts; act++) {
      await this.act();
      await this.time.pass(
        this.random.chance(0.5) ? this.random.between(0, 60) : this.random.between(60, 9_000),
      );
    }
    await this.calm();
    const end = this.units.map(({ state }) => state).join(' / ');
    this.settled();
    await this.ledger.close();
    if (end !== 'in-step / in-step') await this.help();
    const { broken, commits, updates } = this.ledger;
    return { seed: this.seed, broken, log: this.lines, end, commits, updates };
  }

  private async act(): Promise<void> {
    const { random, operator } = this;
    const unit = random.pick(this.units);
    const likely = this.units.find(({ process }) => process?.store.head.role === 'active') ?? unit;
    const act = random.weighted<() => unknown>([
      [30, () => void operator.shared(random.chance(0.85) ? likely : unit)],
      [8, () => void operator.own(unit)],
      [5, () => void operator.rollback(likely)],
      [6, () => void operator.forceUpdate(random.chance(0.8) ? likely : unit)],
      [6, () => void operator.takeOver(unit, false)],
      [3, () => void operator.takeOver(unit, true)],
      [3, () => operator.pause(likely)],
      [4, () => operator.resume(likely)],
      [1, () => void operator.restore(likely)],
      [2, () => void operator.confirmSource(likely)],
      [4, () => this.confusion(unit)],
      [4, () => this.race(unit)],
      [8, () => this.crash(unit)],
      [8, () => this.cut(unit)],
      [5, () => this.block(unit)],
      [4, () => this.blocked.clear()],
      [5, () => this.repeat()],
      [1, () => this.replace(unit)],
    ]);
    await act();
  }

  /** Commits and a takeover at once, so that they meet. */
  private async race(unit: SimulatedUnit): Promise<void> {
    const other = this.units.find(one => one !== unit) as SimulatedUnit;
    void this.operator.takeOver(unit, this.random.chance(0.1));
    for (let commits = this.random.between(3, 12); commits > 0; commits--) {
      void this.operator.shared(other);
      await this.time.pass(this.random.between(0, 15));
    }
  }

  /** Two people, one at each unit, one of whom may not see the other's. */
  private async confusion(unit: SimulatedUnit): Promise<void> {
    const other = this.units.find(one => one !== unit) as SimulatedUnit;
    if (this.random.chance(0.5)) {
      this.block(unit);
      await this.time.pass(this.random.between(0, 300));
    }
    void this.operator.takeOver(other, this.random.chance(0.2));
    await this.time.pass(this.random.between(0, Math.min(this.network.weather.delayMs, 40)));
    void this.operator.takeOver(unit, this.random.chance(0.2));
  }

  private newDisk(mode: string): Disk {
    const name = `${mode}#${++this.disks}`;
    return new Disk(name, this.time, this.random, (disk, batch) => this.ledger.written(disk, batch));
  }

  /** As `lockstep init` does it; the pairing is there from the start. */
  private async setUp(unit: SimulatedUnit): Promise<void> {
    unit.everyCommit = this.random.chance(0.5);
    void unit.start();
    await this.time.pass(100);
    void this.operator.init(unit);
    await this.time.pass(200);
    if (unit.mode === 'first' && unit.process?.store.head.epoch === 0) {
      unit.new = true;
      const { store, link } = unit.process;
      store.setRole('active', 1).then(
        () => link.ownChanged(),
        () => undefined, // somebody was faster and took over already
      );
      await this.time.pass(100);
      unit.new = false;
    }
  }

  private async crash(unit: SimulatedUnit): Promise<void> {
    if (unit.process === undefined) return;
    this.log(`${unit.mode} crashes`);
    const { process } = unit;
    await unit.crash();
    this.network.cut(line => line.dialler.party === process || line.answerer.party === process);
    const { disk } = unit;
    this.time.after(this.random.between(10, 20_000), () => unit.disk === disk && void unit.start());
  }

  private cut(unit: SimulatedUnit): void {
    this.log(`the line that ${unit.mode} dialled is cut`);
    this.network.cut(line => line.dialler.party === unit.process);
  }

  private block(unit: SimulatedUnit): void {
    this.log(`${unit.mode} does not get through any more`);
    this.blocked.add(unit);
    this.cut(unit);
  }

  /** Somebody says again what was said before, on a line of his own: some of it, some of it twice, some of it garbled. */
  private repeat(): void {
    if (this.heardBefore.length === 0) return;
    const { from, frames } = this.random.pick(this.heardBefore);
    const to = this.units.find(({ mode }) => mode !== from);
    if (to?.process === undefined) return;
    this.log(`somebody repeats to ${to.mode} what ${from} said`);
    const line = this.network.line({ name: 'somebody', alive: () => true }, to.process);
    to.welcome(line.answerer);
    for (const frame of frames) {
      // Whoever holds the key of the partner and takes over by force is obeyed, however often he says it.
      if (frame.includes('"force":true')) continue;
      const times = this.random.weighted([[8, 1] as const, [1, 0] as const, [1, 2] as const]);
      for (let time = 0; time < times; time++) line.dialler.send(frame).catch(() => undefined);
    }
    if (this.random.chance(0.2)) line.dialler.send(Buffer.from('{"type":"update"')).catch(() => undefined);
  }

  /** A unit burns; a new one with the same name and mode takes its place. */
  private async replace(unit: SimulatedUnit): Promise<void> {
    const other = this.units.find(one => one !== unit);
    if (!this.random.chance(0.4) || other?.process?.store.head.common === '') return;
    this.log(`${unit.mode} is lost and replaced`);
    const { process } = unit;
    await unit.crash();
    this.network.cut(line => line.dialler.party === process || line.answerer.party === process);
    this.heardBefore.length = 0;
    this.ledger.lost(unit.disk);
    unit.disk = this.newDisk(unit.mode);
    await this.setUp(unit);
  }

  private async dial(from: SimulatedUnit, process: Process): Promise<Channel> {
    const { delayMs } = this.network.weather;
    const gone = this.random.chance(0.1);
    await new Promise<void>(resolve => this.time.after(this.random.between(1, delayMs), resolve));
    const to = this.units.find(one => one !== from) as SimulatedUnit;
    if (gone || this.blocked.has(from) || to.process === undefined) throw unreachable();
    if (!process.alive()) return new Promise(() => undefined);
    const line = this.lineBetween(process, to.process);
    to.welcome(line.answerer);
    return line.dialler;
  }

  private lineBetween(dialler: Party, answerer: Party): Line {
    this.heardBefore.push({ from: dialler.name, frames: [] });
    if (this.heardBefore.length > 12) this.heardBefore.shift();
    return this.network.line(dialler, answerer);
  }

  private watch(from: string, payload: Buffer, is: 'request' | 'reply'): void {
    const text = payload.toString('latin1');
    for (const mark of MARKS)
      if (text.includes(mark)) this.ledger.breaks(`${mark} of ${from} crossed: ${text}`);
    const type = /"type":"([a-z-]+)"/.exec(text)?.[1] ?? '?';
    const code = type === 'error' ? ` ${/"code":"([a-z-]+)"/.exec(text)?.[1]}` : '';
    if (type !== 'hello' && type !== 'hello-too') this.log(`${from} → ${type}${code}`);
    if (is === 'request') this.heardBefore.findLast(one => one.from === from)?.frames.push(payload);
  }

  /** No fault any more, nobody types, and time passes. */
  private async calm(): Promise<void> {
    this.log('the faults stop');
    this.blocked.clear();
    this.network.weather = { delayMs: 20, cutChance: 0, inPieces: false };
    for (const unit of this.units) {
      unit.disk.healthy = true;
      this.operator.resume(unit);
      void unit.start();
    }
    await this.time.pass(CALM_MS);
  }

  private settled(): void {
    const states = this.units.map(({ state }) => state);
    // Why nothing comes is said where it would come from.
    const waits = (state: string) => state === 'behind' && states.includes('refused');
    if (!states.every(state => SETTLED.has(state) || waits(state)))
      this.ledger.breaks(`the pair ends ${states.join(' / ')}`);
    if (!states.includes('in-step')) return;
    const [one, other] = this.units.map(unit => this.ledger.headOf(unit.disk)?.digest);
    if (one !== other) this.ledger.breaks('in step, and the digests differ');
  }

  /** Whatever state it is that needs a person, one command of his ends it; what was restored there he confirms first. */
  private async help(): Promise<void> {
    const heads = this.units.map(({ disk }) => this.ledger.headOf(disk));
    const known = this.units.filter((_unit, index) => heads[index]?.common !== '');
    const unit =
      known.find(({ process }) => process?.store.head.role === 'active') ?? known[0] ?? this.units[0];
    if (unit === undefined) return;
    void this.operator.confirmSource(unit);
    await this.time.pass(1_000);
    void this.operator.takeOver(unit, true);
    await this.time.pass(CALM_MS);
    void this.operator.forceUpdate(unit);
    await this.time.pass(CALM_MS);
    const states = this.units.map(({ state }) => state).join(' / ');
    if (states !== 'in-step / in-step') this.ledger.breaks(`a person took over, and the pair ends ${states}`);
  }

  private log(line: string): void {
    this.lines.push(`${(this.time.now() / 1000).toFixed(3).padStart(8)} ${line}`);
  }
}
