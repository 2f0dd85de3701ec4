import { type Cost, costOf } from './figure.ts';
import { median } from './samples.ts';

/** `work` of this process, timed once. */
export async function cost(work: () => unknown): Promise<{ ms: number; cpuMs: number }> {
  const [used, started] = [process.cpuUsage(), performance.now()];
  await work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** Milliseconds that `work` takes, and what it resolves to. */
export async function timed<Result>(
  work: () => Promise<Result> | Result,
): Promise<{ ms: number; result: Result }> {
  const started = performance.now();
  const result = await work();
  return { ms: performance.now() - started, result };
}

/** Several works in turn, `rounds` times, so that what else the machine does hits all of them alike: the middle of each. */
export async function inTurn<Works extends { [Name in keyof Works]?: () => Promise<Cost> }>(
  rounds: number,
  works: Works,
): Promise<{ [Name in keyof Works]: Cost }> {
  const named = Object.entries(works) as [string, () => Promise<Cost>][];
  const took = new Map(named.map(([name]) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of named) took.get(name)?.push(await work());
  const middles = [...took].map(([name, costs]) => [name, middle(costs)]);
  return Object.fromEntries(middles) as { [Name in keyof Works]: Cost };
}

function middle(costs: Cost[]): Cost {
  const cpuMs = median(costs.map(each => each.cpuMs ?? 0));
  return costOf(
    costs.map(each => each.ms ?? 0),
    { cpuMs },
  );
}
