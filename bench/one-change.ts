/** One change: committed here, carried to the standby, beside the rivals; in turn at every size. */
import { BOTH, COMMIT, COMMIT_INSIDE, INSIDE, JUST_STARTED, UPDATE } from './acts.ts';
import { aimAt, bytesOf, costOf, type Figure } from './figure.ts';
import type { Floor } from './floor.ts';
import { crossing } from './network.ts';
import { cpuMs } from './pair.ts';
import { run } from './program.ts';
import { median } from './samples.ts';
import type { Stage } from './stage.ts';
import { timed } from './timing.ts';

export interface Rounds {
  /** Changes before anything counts: Node.js compiles for real only what was called some hundred times. */
  warmUps: number;
  /** Of the rivals: one change each. */
  rounds: number;
  /** Of Lockstep in each of them. */
  changes: number;
}

const FIRST = 50;

interface Sample {
  commitMs: number;
  /** As the answer says. */
  commitInsideMs: number;
  updateMs: number;
  /** As the receipt says: the time, and the bytes of the frames alone. */
  insideMs: number;
  frames: number;
  /** Of both daemons; the kernel counts in steps of 10 ms, so only the mean of many says something. */
  cpuMs: number;
  bytes: number | undefined;
  /** Of the change itself. */
  changeBytes: number;
}

/** Every size has its turn in every round, so that their ratios mean something on a busy machine. */
export async function oneChange(
  stages: Stage[],
  floor: Floor,
  folder: string,
  { warmUps, rounds, changes }: Rounds,
) {
  const samples = stages.map((): Sample[] => []);
  const first: Sample[][] = [];
  for (const stage of stages) first.push((await warmUp(stage, warmUps)).slice(0, FIRST));
  for (let round = 0; round < rounds; round++) {
    for (const stage of stages) await stage.rivalsCarry(1);
    await run(['sync', '--file-system', folder]); // what the rivals left to be written is not ours to wait for
    for (let change = 0; change <= changes; change++)
      for (const [index, stage] of stages.entries()) {
        await floor.measure();
        const sample = await commitAndUpdate(stage);
        if (change > 0) samples[index]?.push(sample); // the first one finds the caches cold that the rivals left
      }
  }
  return stages.flatMap((stage, index) => [
    ...figures(stage, samples[index] ?? [], floor),
    {
      services: stage.services,
      what: JUST_STARTED,
      measured: costOf((first[index] ?? []).map(({ commitMs, updateMs }) => commitMs + updateMs)),
    },
  ]);
}

async function warmUp(stage: Stage, changes: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let change = 0; change < changes; change++) samples.push(await commitAndUpdate(stage));
  return samples;
}

async function commitAndUpdate(stage: Stage): Promise<Sample> {
  const changes = stage.renames(1);
  const used = cpuOf(stage);
  const commit = await timed(() => stage.pair.active.api.call('change', { changes }));
  const { result: update, bytes } = await crossing(() => timed(() => stage.forceUpdate()));
  const spent = cpuOf(stage) - used;
  const changeBytes = JSON.stringify(changes).length;
  return {
    commitMs: commit.ms,
    commitInsideMs: commit.result.ms ?? Number.NaN,
    updateMs: update.ms,
    insideMs: update.result.ms,
    frames: update.result.bytes,
    cpuMs: spent,
    bytes,
    changeBytes,
  };
}

function cpuOf({ pair }: Stage): number {
  return cpuMs(pair.active) + cpuMs(pair.standby);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function figures(stage: Stage, samples: Sample[], floor: Floor): Figure[] {
  const { services } = stage;
  const of = (take: (sample: Sample) => number): number[] => samples.map(take);
  const disk = median(floor.disk);
  const far = floor.wire.length === 0 ? {} : { floorMs: disk + median(floor.wire) };
  const most = Math.max(...of(({ changeBytes }) => changeBytes)) + 1024;
  const wire = bytesOf(samples.map(({ bytes }) => bytes));
  return [
    {
      services,
      what: COMMIT_INSIDE,
      measured: costOf(of(each => each.commitInsideMs)),
      floorMs: disk,
      ...aimAt(services, { ms: 2 }),
    },
    { services, what: COMMIT, measured: costOf(of(each => each.commitMs)), floorMs: disk },
    {
      services,
      what: INSIDE,
      measured: costOf(
        of(each => each.insideMs),
        bytesOf(of(each => each.frames)),
      ),
      ...far,
      ...aimAt(services, { ms: 4 }),
    },
    {
      services,
      what: UPDATE,
      measured: costOf(
        of(each => each.updateMs),
        wire,
      ),
      rivals: stage.results(false),
      ...far,
      ...aimAt(services, { ratio: 1 / 20, bytes: most }),
    },
    {
      services,
      what: BOTH,
      measured: costOf(
        of(each => each.commitMs + each.updateMs),
        { cpuMs: mean(of(each => each.cpuMs)) },
      ),
      rivals: stage.results(true),
      ...far,
    },
  ];
}
