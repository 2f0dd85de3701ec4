import { type Image, USUAL_WRITE_MS } from './disk.ts';
import type { SimulatedUnit } from './simulated-unit.ts';
import { echoOf, type World } from './world.ts';

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS;
/** A takeover and an update of every store take fewer durable writes. */
const MOST_WRITES_AHEAD = 4;

/** Everything that goes wrong without anybody typing it. */
export class Faults {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  async crash(unit: SimulatedUnit): Promise<void> {
    const { world } = this;
    if (unit.process === undefined) return;
    world.tell(`${unit.name} crashes`);
    const { process } = unit;
    await unit.crash();
    world.cutLinesOf(process);
    world.time.after(world.random.between(10, 20_000), () => {
      if (world.units().includes(unit)) void unit.start();
    });
  }

  /** Its machine goes off, whether the unit runs or not, and its files come back as they may. */
  async powerCut(unit: SimulatedUnit): Promise<void> {
    await this.crash(unit);
    this.world.tell(`the machine of ${unit.name} loses its power`);
    unit.disk.cutPower();
  }

  /** It comes back with the disk of an earlier moment: a snapshot of the machine was put back. */
  async fallBack(unit: SimulatedUnit, to?: Image): Promise<void> {
    const { world } = this;
    const { disk } = unit;
    const image = to ?? (disk.images.length === 0 ? undefined : world.random.pick(disk.images));
    if (unit.process === undefined || image === undefined || !world.units().includes(unit)) return;
    await this.crash(unit);
    await disk.fallBack(image);
    const head = await world.ledger.fellBack(disk);
    world.tell(
      `the disk of ${unit.name} falls back to revision ${head.revision}: ${head.role} in epoch ${head.epoch}`,
    );
  }

  /** It crashes just before or just after one of its next writes. */
  crashAtWrite(unit: SimulatedUnit): void {
    const { random } = this.world;
    unit.disk.trap = {
      writes: random.between(0, MOST_WRITES_AHEAD),
      is: random.pick(['before', 'after']),
      spring: () => this.crash(unit),
    };
  }

  /** Something else keeps the disk busy for a while. */
  slowDisk(unit: SimulatedUnit): void {
    const { random, time } = this.world;
    const { disk } = unit;
    if (disk.writeMs > USUAL_WRITE_MS) return;
    disk.writeMs = random.pick([60, 400]);
    this.world.tell(`the disk of ${unit.name} is slow`);
    time.after(random.between(1_000, 30_000), () => {
      disk.writeMs = USUAL_WRITE_MS;
    });
  }

  /** One of the ways in which the line that a unit dialled can fail. */
  line(unit: SimulatedUnit): void {
    const { world } = this;
    const [line] = world.network.linesOf(({ dialler }) => dialler === unit.process);
    if (line === undefined) return;
    const [what, act] = world.random.weighted<readonly [string, () => void]>([
      [5, ['is cut', () => line.cut()]],
      [3, ['is given up, and what was said there arrives late', () => line.abandon()]],
      [2, ['is dead in one direction', () => line.cutOneWay()]],
      [3, ['stands still', () => line.stall(world.random.between(50, 20_000))]],
    ]);
    world.tell(`the line that ${unit.name} dialled ${what}`);
    act();
  }

  block(unit: SimulatedUnit): void {
    const { world } = this;
    world.tell(`${unit.name} does not get through any more`);
    world.blocked.add(unit);
    world.network.cut(({ dialler }) => dialler === unit.process);
  }

  /** Neither reaches the other, for longer than every deadline. */
  partition(): void {
    const { world } = this;
    for (const unit of world.pair) this.block(unit);
    world.time.after(world.random.between(20_000, 200_000), () => {
      world.tell('the units can reach each other again');
      world.blocked.clear();
    });
  }

  clockJump(unit: SimulatedUnit): void {
    const { random } = this.world;
    unit.clockError = random.pick([-TEN_YEARS_MS, -5 * HOUR_MS, 3 * HOUR_MS, TEN_YEARS_MS, 0]);
    this.world.tell(`the clock of ${unit.name} is wrong by ${unit.clockError / HOUR_MS} hours`);
  }

  /** It comes back as another release, which describes everything alike. */
  async upgrade(unit: SimulatedUnit): Promise<void> {
    unit.release = this.world.random.chance(0.3) ? '1.1.0' : '1.0.0';
    await this.crash(unit);
  }

  /** A line of earlier on is played again from its beginning: to the letter, or with frames left out, doubled, garbled. */
  echo(): void {
    const { world } = this;
    const { random } = world;
    if (world.said.length === 0) return;
    const { by, frames } = random.pick(world.said);
    const to = random.pick(world.pair.filter(({ name }) => name !== by));
    if (to.process === undefined) return;
    world.tell(`somebody repeats to ${to.name} what ${by} said`);
    const party = { name: echoOf(by), alive: () => true };
    const { left, right } = world.network.line(party, to.process).ends;
    to.welcome(right, { name: party.name, at: world.time.now() });
    const toTheLetter = random.chance(0.5);
    const keptIdentity = world.retired?.unit.name === by && world.retired.identity === 'kept';
    for (const frame of frames) {
      // Whoever holds the key of the partner and takes over by force is obeyed, however often he says it.
      if (frame.includes('"force":true')) continue;
      // Nor can the survivor know, without keys and under one identity, that it was not its new partner who asked for the next epoch.
      if (keptIdentity && frame.includes('"type":"step-down"')) continue;
      const times = toTheLetter ? 1 : random.weighted([[8, 1] as const, [1, 0] as const, [1, 2] as const]);
      for (let time = 0; time < times; time++) left.send(frame).catch(() => undefined);
    }
    if (random.chance(0.2)) left.send(Buffer.from('{"type":"update"')).catch(() => undefined);
  }
}
