/** A pair in step at every size, beside what people would use instead. */
import path from 'node:path';
import { BOTH, COMMIT, INSIDE, UPDATE } from './acts.ts';
import type { Bench, BenchOptions } from './bench.ts';
import { commands } from './commands.ts';
import { isMissing } from './entrant.ts';
import { type Figure, growth } from './figure.ts';
import { Floor } from './floor.ts';
import { keepOpen } from './kept-open.ts';
import { firstUpdate, manyChanges } from './many-changes.ts';
import { oneChange } from './one-change.ts';
import { pairAudit } from './pair-audit.ts';
import { scratchFolder } from './scratch.ts';
import { Stage } from './stage.ts';

const ROUNDS = { warmUps: 1000, rounds: 20, changes: 5 };
const ROUNDS_OF_MANY = 5;
const MAX_GROWTH = 1.3;

export const inStep: Bench = {
  name: 'in-step',
  run: options =>
    onStages(options, async (stages, floor, folder) => {
      const figures: Figure[] = stages.map(firstUpdate);
      options.say('one change, in turn');
      figures.push(...(await oneChange(stages, floor, folder, ROUNDS)));
      figures.push(...growth(figures, [COMMIT, INSIDE, UPDATE, BOTH], MAX_GROWTH));
      for (const stage of stages) {
        options.say(
          `${stage.services.toLocaleString('en')} Virtual Services: many changes, audits, commands`,
        );
        figures.push(...(await manyChanges(stage, folder, ROUNDS_OF_MANY)));
        figures.push(...(await pairAudit(stage)), ...(await commands(stage)));
      }
      return figures;
    }),
};

/** Pairs of these sizes and the rivals that are there, for as long as `measure` takes. */
export async function onStages<Result>(
  { sizes, rivals, say, note, firstTimes = true }: BenchOptions & { firstTimes?: boolean },
  measure: (stages: Stage[], floor: Floor, folder: string) => Promise<Result>,
): Promise<Result> {
  const { folder, remove } = scratchFolder();
  const stages: Stage[] = [];
  const connection = await keepOpen(path.join(folder, 'ssh'));
  const floor = new Floor(folder, connection);
  if (connection === undefined) note('OpenSSH is not installed: no rival is measured.');
  for (const rival of rivals) note(`${rival.name}: ${isMissing(rival) ?? rival.note}`);
  const there = rivals.filter(rival => isMissing(rival) === undefined);
  try {
    for (const [number, services] of sizes.entries()) {
      const able = there.filter(({ largest }) => services <= largest);
      const at = path.join(folder, String(services));
      stages.push(
        await Stage.open({ services, rivals: able, folder: at, number, connection, firstTimes, say, note }),
      );
    }
    return await measure(stages, floor, folder);
  } finally {
    for (const stage of stages) await stage.end();
    floor.end();
    await connection?.end();
    remove();
  }
}
