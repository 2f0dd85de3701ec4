/** One thing that is measured: a file of its own in bench/, named in bench/main.ts; `npm run bench` runs them all. */
export interface Bench {
  name: string;
  run(say: (line: string) => void): Promise<Figure[]>;
}

export interface Figure {
  what: string;
  /** The least of some rounds: the machine does other things as well. */
  measured: Cost;
  /** Stock tools with the same data, in the same rounds. */
  stock?: Cost;
  /** What the issue asks for: at most so many times the time of the stock tools, milliseconds, or megabytes. */
  aim?: { ratio: number } | { ms: number } | { megabytes: number };
}

export interface Cost {
  ms?: number;
  /** User and system, of all threads and children. */
  cpuMs?: number;
  /** Resident memory at the most. */
  megabytes?: number;
}

/** undefined: there is no aim. */
export function isMet({ measured, stock, aim }: Figure): boolean | undefined {
  if (aim === undefined) return undefined;
  if ('megabytes' in aim) return (measured.megabytes ?? Number.POSITIVE_INFINITY) <= aim.megabytes;
  const most = 'ms' in aim ? aim.ms : aim.ratio * (stock?.ms ?? 0);
  return (measured.ms ?? Number.POSITIVE_INFINITY) <= most;
}

/** `work` of this process, timed once. */
export async function cost(work: () => unknown): Promise<Required<Omit<Cost, 'megabytes'>>> {
  const [used, started] = [process.cpuUsage(), performance.now()];
  await work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** Several works in turn, `rounds` times: the least of each, so that what else the machine does hits all of them alike. */
export async function inTurn<Name extends string>(
  rounds: number,
  works: Record<Name, () => Promise<Cost>>,
): Promise<Record<Name, Cost>> {
  const least = {} as Record<Name, Cost>;
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of Object.entries(works) as [Name, () => Promise<Cost>][])
      least[name] = lesser(least[name], await work());
  return least;
}

function lesser(one: Cost | undefined, other: Cost): Cost {
  return {
    ms: Math.min(one?.ms ?? Infinity, other.ms ?? 0),
    cpuMs: Math.min(one?.cpuMs ?? Infinity, other.cpuMs ?? 0),
  };
}
