/** A thousand changes in one update, and the first update of an empty standby, beside the rivals. */
import { aimAt, bytesOf, costOf, type Figure } from './figure.ts';
import { crossing } from './network.ts';
import { run } from './program.ts';
import type { Stage } from './stage.ts';
import { timed } from './timing.ts';

const MANY = 1000;
/** Before any counts, see Rounds. */
const WARM_UPS = 8;

/** Once each: what the stage took when it was set up. */
export function firstUpdate(stage: Stage): Figure {
  const { services } = stage;
  const what = 'first update of an empty standby';
  const rivals = [...stage.results(false), ...stage.results(true)];
  return { services, what, measured: stage.firstUpdate, rivals, ...aimAt(services, { ms: 1500 }) };
}

export async function manyChanges(stage: Stage, folder: string, rounds: number): Promise<Figure[]> {
  const { services, pair } = stage;
  const [commits, updates, inside]: [number[], number[], number[]] = [[], [], []];
  const bytes: (number | undefined)[] = [];
  for (let round = 0; round < WARM_UPS; round++) {
    await pair.active.api.call('change', { changes: stage.renames(MANY) });
    await stage.forceUpdate();
  }
  for (let round = 0; round < rounds; round++) {
    await stage.rivalsCarry(MANY);
    await run(['sync', '--file-system', folder]);
    const changes = stage.renames(MANY);
    commits.push((await timed(() => pair.active.api.call('change', { changes }))).ms);
    const update = await crossing(() => timed(() => stage.forceUpdate()));
    updates.push(update.result.ms);
    inside.push(update.result.result.ms);
    bytes.push(update.bytes);
  }
  const of = `of ${MANY.toLocaleString('en')} changes`;
  const rivals = [...stage.results(false), ...stage.results(true)];
  return [
    { services, what: `commit ${of}, over the API`, measured: costOf(commits) },
    {
      services,
      what: `Force Update ${of}, in the daemon`,
      measured: costOf(inside),
      ...aimAt(services, { ms: 60 }),
    },
    { services, what: `Force Update ${of}, over the API`, measured: costOf(updates, bytesOf(bytes)), rivals },
  ];
}
