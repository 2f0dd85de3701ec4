/** What a daemon takes when nothing happens: its start, its memory, its processor; mirror and watchers on. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestUnit, untilInStep } from '../test/e2e/daemon.ts';
import type { Bench } from './bench.ts';
import { aimAt, type Cost, costOf, type Figure } from './figure.ts';
import { startOfNode } from './floor.ts';
import { cpuMs, endPair, fill, forceUpdate, megabytes, type Pair, startPair, untilMirrored } from './pair.ts';
import { median } from './samples.ts';
import { scratchFolder } from './scratch.ts';
import { timed } from './timing.ts';

const IDLE_MS = 30_000;
/** What a start leaves to be done (a look at every file, every record, every page of the store) begins within a minute. */
const SETTLE_MS = 60_000;
/** It is over once so little is used. */
const QUIET_PERCENT = 0.5;
const LOOK_MS = 10_000;
const MAX_LOOKS = 18;
const STARTS = 3;

export const atRest: Bench = {
  name: 'at-rest',
  run: async ({ sizes, say }) => {
    const figures: Figure[] = [];
    for (const [number, services] of sizes.entries()) {
      say(`${services.toLocaleString('en')} Virtual Services`);
      figures.push(...(await resting(services, number)));
    }
    return figures;
  },
};

async function resting(services: number, number: number): Promise<Figure[]> {
  const { folder, remove } = scratchFolder();
  const pair = await startPair(path.join(folder, 'pair'), number);
  try {
    await fill(pair.active, services);
    await forceUpdate(pair);
    await untilMirrored([pair.active, pair.standby], services);
    const busy = Math.max(...[pair.active, pair.standby].map(unit => megabytes(unit, 'VmHWM')));
    const starts = await restarts(pair);
    await sleep(SETTLE_MS);
    await untilQuiet([pair.active, pair.standby]);
    const idle = await shares([pair.active, pair.standby], IDLE_MS);
    const { floorMs, ...started } = starts;
    const rss = [pair.active, pair.standby].map(unit => megabytes(unit, 'VmRSS'));
    return [
      {
        services,
        what: 'start of a unit, until it serves',
        measured: started,
        floorMs,
        aim: startAim(services),
      },
      {
        services,
        what: 'memory (RSS) in step, the larger',
        measured: { megabytes: Math.max(...rss) },
        ...aimAt(services, { megabytes: 200 }),
      },
      {
        services,
        what: 'memory at the most, while everything was applied and updated',
        measured: { megabytes: busy },
      },
      {
        services,
        what: `processor of an idle unit, ${IDLE_MS / 1000} s, the busier`,
        measured: { percent: Math.max(...idle) },
        ...aimAt(services, { percent: 0.2 }),
      },
    ];
  } finally {
    await endPair(pair);
    remove();
  }
}

/** 1 s, and 6 s at ten times the size. */
function startAim(services: number): { ms: number } {
  return { ms: services <= 10_000 ? 1000 : 6000 };
}

/** Of the active unit, beside Node.js that does nothing; the last leaves both running and in step. */
async function restarts({ active, standby, options }: Pair): Promise<Cost & { floorMs: number }> {
  const [starts, cpu, floor]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < STARTS; round++) {
    await active.stop();
    floor.push(await startOfNode());
    starts.push((await timed(() => active.start(...options))).ms);
    cpu.push(cpuMs(active));
  }
  await standby.stop();
  await standby.start(...options);
  await untilInStep(active, standby);
  return { ...costOf(starts, { cpuMs: median(cpu) }), floorMs: median(floor) };
}

async function untilQuiet(units: TestUnit[]): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look++)
    if (Math.max(...(await shares(units, LOOK_MS))) < QUIET_PERCENT) return;
}

/** Percent of one processor that each takes. */
async function shares(units: TestUnit[], forMs: number): Promise<number[]> {
  const before = units.map(cpuMs);
  const { ms } = await timed(() => sleep(forMs));
  return units.map((unit, index) => ((cpuMs(unit) - (before[index] ?? 0)) / ms) * 100);
}
