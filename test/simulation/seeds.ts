import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './simulation.ts';

const CHILD = fileURLToPath(new URL('./seeds-child.ts', import.meta.url));
/** As many seeds a child is given at a time. */
const HANDFUL = 10;

export interface Summary {
  seeds: number;
  failed: Outcome[];
  /** How pairs ended before anybody helped them → how many did. */
  ends: Map<string, number>;
  commits: number;
  updates: number;
  replacements: number;
  fallBacks: number;
  prunings: number;
  seconds: number;
}

/** Runs seeds `first` … on all processors. `mostFailed`: no further seeds once so many have failed. */
export async function runSeeds(first: number, count: number, mostFailed = 5): Promise<Summary> {
  const started = performance.now();
  const summary: Summary = {
    seeds: 0,
    failed: [],
    ends: new Map(),
    commits: 0,
    updates: 0,
    replacements: 0,
    fallBacks: 0,
    prunings: 0,
    seconds: 0,
  };
  let next = first;
  const handful = (): number[] => {
    const most = summary.failed.length >= mostFailed ? 0 : Math.min(HANDFUL, first + count - next);
    const seeds = Array.from({ length: most }, (_, index) => next + index);
    next += most;
    return seeds;
  };
  const add = (outcome: Outcome): void => {
    summary.seeds++;
    summary.ends.set(outcome.end, (summary.ends.get(outcome.end) ?? 0) + 1);
    summary.commits += outcome.commits;
    summary.updates += outcome.updates;
    summary.replacements += outcome.replacements;
    summary.fallBacks += outcome.fallBacks;
    summary.prunings += outcome.prunings;
    if (outcome.broken.length > 0) summary.failed.push(outcome);
  };
  const work = async (): Promise<void> => {
    const child = fork(CHILD);
    try {
      for (let seeds = handful(); seeds.length > 0; seeds = handful()) await outcomesOf(child, seeds, add);
    } finally {
      child.kill();
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(availableParallelism(), Math.ceil(count / HANDFUL)) }, work),
  );
  summary.failed.sort((one, other) => one.seed - other.seed);
  summary.seconds = (performance.now() - started) / 1000;
  return summary;
}

/** Resolves when each of `seeds` has its outcome; rejects when the child ends before. */
function outcomesOf(child: ChildProcess, seeds: number[], add: (outcome: Outcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = seeds.length;
    const ended = (): void => reject(new Error(`A child ended within the seeds from ${seeds[0]}.`));
    const take = (outcome: Outcome): void => {
      add(outcome);
      if (--left > 0) return;
      child.off('message', take).off('exit', ended);
      resolve();
    };
    child.on('message', take).on('exit', ended);
    child.send(seeds);
  });
}
