import type { Faults } from './faults.ts';
import { replaceUnit } from './replacement.ts';
import type { SimulatedUnit } from './simulated-unit.ts';
import type { World } from './world.ts';

/** Something that happens next, and how often it does compared with the others. A new kind of move is one more line. */
export type Move = readonly [weight: number, act: () => unknown];

/** `unit`: the one that it happens to. */
export function movesFor(unit: SimulatedUnit, world: World, faults: Faults): Move[] {
  const { operator, random } = world;
  const active = world.pair.find(({ process }) => process?.store.head.role === 'active');
  const likely = active ?? unit;
  return [
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
    [4, () => void operator.provisional(random.chance(0.85) ? likely : unit)],
    [3, () => void operator.confirm(likely)],
    [6, () => void operator.merge(likely)],
    [active === undefined ? 60 : 4, () => confusion(unit, world, faults)],
    [4, () => race(unit, world)],
    [5, () => faults.crash(unit)],
    [8, () => faults.crashAtWrite(unit)],
    [3, () => faults.fallBack(random.chance(0.7) ? likely : unit)],
    [6, () => fallBehind(likely, world, faults)],
    [4, () => faults.slowDisk(unit)],
    [9, () => faults.line(unit)],
    [5, () => faults.block(unit)],
    [2, () => faults.partition()],
    [4, () => world.blocked.clear()],
    [6, () => faults.echo()],
    [2, () => faults.clockJump(unit)],
    [1, () => faults.upgrade(unit)],
    [5, () => replaceUnit(world, unit)],
    [world.mirrors ? 14 : 0, () => operator.edit(random.chance(0.8) ? likely : unit)],
    [world.mirrors ? 12 : 0, () => powerCut(random.chance(0.7) ? likely : unit, world, faults)],
    [world.prunes ? 14 : 0, () => prune(unit, world)],
  ];
}

/** What still happens to a unit that was replaced and does not know it. */
export function movesForRetired(world: World, faults: Faults): Move[] {
  const { operator, random, retired } = world;
  if (retired === undefined) return [];
  const { unit, identity } = retired;
  return [
    [4, () => void operator.shared(unit)],
    [2, () => void operator.forceUpdate(unit)],
    [2, () => faults.crash(unit)],
    [2, () => faults.line(unit)],
    [identity === 'new' ? 4 : 0, () => void operator.takeOver(unit, random.chance(0.5))],
  ];
}

/** The power goes soon after changes and edits, of one unit or of both; somebody may edit files before the unit is back. */
async function powerCut(unit: SimulatedUnit, world: World, faults: Faults): Promise<void> {
  const { operator, random, time } = world;
  for (let commits = random.between(0, 3); commits > 0; commits--) {
    void operator.shared(unit);
    await time.pass(random.between(0, 300));
  }
  if (random.chance(0.3)) await faults.crash(unit);
  if (random.chance(0.5)) operator.edit(unit);
  await time.pass(random.weighted([[2, 0] as const, [2, 150] as const, [1, 8_000] as const]));
  for (const one of random.chance(0.2) ? world.pair : [unit]) await faults.powerCut(one);
  if (random.chance(0.2)) operator.edit(unit);
}

/** What the partner holds goes at once, on one unit or both; often right after it got something. */
async function prune(unit: SimulatedUnit, world: World): Promise<void> {
  const { operator, random, time } = world;
  if (random.chance(0.7)) {
    for (let commits = random.between(1, 3); commits > 0; commits--) void operator.shared(unit);
    await time.pass(random.between(0, 200));
    void operator.forceUpdate(unit);
    await time.pass(random.between(0, 2_000));
  }
  for (const one of random.chance(0.5) ? world.pair : [unit]) void operator.prune(one);
}

/** Commits and a takeover at once, so that they meet. */
async function race(unit: SimulatedUnit, world: World): Promise<void> {
  const { operator, random, time } = world;
  void operator.takeOver(unit, random.chance(0.1));
  for (let commits = random.between(3, 12); commits > 0; commits--) {
    void operator.shared(world.other(unit));
    await time.pass(random.between(0, 15));
  }
}

/** An image is taken, what comes after reaches the partner, and the image is put back; somebody goes on typing meanwhile. */
async function fallBehind(unit: SimulatedUnit, world: World, faults: Faults): Promise<void> {
  const { operator, random, time } = world;
  if (random.chance(0.3)) void operator.shared(unit);
  const { pairId } = unit;
  const image = await unit.disk.keepImage();
  for (let commits = random.between(1, 4); commits > 0; commits--) {
    void operator.shared(unit);
    await time.pass(random.between(0, 100));
    if (random.chance(0.6)) void operator.forceUpdate(unit);
  }
  if (random.chance(0.3)) void operator.takeOver(world.other(unit), random.chance(0.2));
  await time.pass(random.between(0, 3_000));
  if (random.chance(0.3)) faults.block(unit);
  if (unit.pairId === pairId) await faults.fallBack(unit, image);
  if (random.chance(0.4)) return;
  await time.pass(random.between(0, 20_000));
  for (let commits = random.between(1, 5); commits > 0; commits--) void operator.shared(unit);
}

/** Two people, one at each unit, one of whom may not see the other's. */
async function confusion(unit: SimulatedUnit, world: World, faults: Faults): Promise<void> {
  const { operator, random, time, network } = world;
  const other = world.other(unit);
  if (random.chance(0.5)) {
    faults.block(unit);
    await time.pass(random.between(0, 300));
  }
  void operator.takeOver(other, random.chance(0.2));
  await time.pass(random.between(0, Math.min(2 * network.weather.delayMs, random.pick([40, 400]))));
  void operator.takeOver(unit, random.chance(0.2));
}
