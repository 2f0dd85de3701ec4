import type { SimulatedUnit } from './simulated-unit.ts';
import type { Retired, World } from './world.ts';

/** A unit is taken out of the pair; a new one with an empty folder is paired in its place; later the old one is back. */
export async function replaceUnit(world: World, old: SimulatedUnit): Promise<void> {
  const { random, time, ledger } = world;
  const survivor = world.other(old);
  // Somebody types it on a unit that runs and that holds the configuration of the pair.
  if (survivor.process === undefined || survivor.process.store.head.common === '') return;
  const identity = random.chance(0.3) && isFencedOff(world, old, survivor) ? 'kept' : 'new';
  const keepsRunning = random.chance(0.5);
  world.tell(`${old.name} is taken out of the pair; the identity of the pair is ${identity}`);
  await switchOff(world, world.retired?.unit);
  if (!keepsRunning) await switchOff(world, old);
  world.network.cut(({ dialler, answerer }) => dialler.name === old.name || answerer.name === old.name);
  ledger.retire(old.disk);
  const retired: Retired = { unit: old, identity, since: time.now(), away: true };
  world.retired = retired;
  const pairId = identity === 'kept' ? survivor.pairId : `${survivor.pairId}'`;
  const replacement = world.newUnit(old.mode, pairId);
  world.pair[world.pair.indexOf(old)] = replacement;
  survivor.repaired(pairId);
  await world.setUp(replacement);
  if (random.chance(0.7)) void world.operator.takeOver(survivor, true);
  time.after(random.between(0, 40_000), () => {
    if (world.retired !== retired) return;
    world.tell(`${old.name} is back`);
    retired.away = false;
    void old.start();
  });
}

export async function switchOff(world: World, unit: SimulatedUnit | undefined): Promise<void> {
  const process = unit?.process;
  await unit?.crash();
  world.cutLinesOf(process);
}

/** Under the same identity only the epoch tells the old unit from its replacement (world.ts, reachedBy). */
function isFencedOff({ ledger }: World, old: SimulatedUnit, survivor: SimulatedUnit): boolean {
  const [past, now] = [ledger.headOf(old.disk), ledger.headOf(survivor.disk)];
  if (past === undefined || now?.role !== 'active') return false;
  return past.epoch < now.epoch || (past.epoch === now.epoch && past.role === 'standby');
}
