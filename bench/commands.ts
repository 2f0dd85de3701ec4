/** What an operator waits for at the prompt: whole commands, from the start of Node.js to its end. */
import type { TestUnit } from '../test/e2e/daemon.ts';
import { aimAt, costOf, type Figure } from './figure.ts';
import { startOfNode } from './floor.ts';
import { median } from './samples.ts';
import type { Stage } from './stage.ts';
import { timed } from './timing.ts';

const ROUNDS = 9;

export async function commands(stage: Stage): Promise<Figure[]> {
  const { services, pair } = stage;
  const [updates, statuses, floor]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    await pair.active.api.call('change', { changes: stage.renames(1) });
    updates.push(await command(pair.active, 'force-update'));
    statuses.push(await command(pair.active, 'status'));
    floor.push(await startOfNode());
  }
  const floorMs = median(floor);
  const figure = (name: string, samples: number[], ms: number): Figure => ({
    ...{ services, what: `\`lockstep ${name}\`, the command`, measured: costOf(samples), floorMs },
    ...aimAt(services, { ms }),
  });
  return [figure('force-update', updates, 200), figure('status', statuses, 150)];
}

async function command(unit: TestUnit, name: string): Promise<number> {
  const { ms, result } = await timed(() => unit.cli(name));
  if (result.code !== 0) throw new Error(`lockstep ${name}: ${result.stderr}`);
  return ms;
}
