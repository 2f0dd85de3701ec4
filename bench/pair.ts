/** A real pair of the built command, over real SSH on loopback, and what its daemons use of the machine. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pairUp, TestUnit, until, untilInStep } from '../test/e2e/daemon.ts';
import type { Cost } from './figure.ts';
import { parts, siteDocument } from './site.ts';
import { timed } from './timing.ts';

const SERVICES_A_REQUEST = 20_000;
const CLOCK_TICKS = 100;
const ASK_EVERY_MS = 50;
const LONG_MS = 15 * 60_000;
/** No update of its own accord: the bench says when. */
const NEVER_S = '86400';

export interface Pair {
  active: TestUnit;
  standby: TestUnit;
  options: string[];
}

/** Both empty. `number`: each pair of a run has addresses of its own. */
export async function startPair(folder: string, number: number, ...more: string[]): Promise<Pair> {
  const [active, standby] = [1, 2].map(
    unit =>
      new TestUnit(path.join(folder, `ha${unit}`), `127.0.${72 + number}.${unit}`, { timeoutMs: LONG_MS }),
  ) as [TestUnit, TestUnit];
  const common = { virtualId: 139 };
  await active.init({ ...common, mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' });
  await standby.init({
    ...common,
    mode: 'second',
    name: 'lb2',
    address: '10.0.0.12/24',
    partner: '10.0.0.11',
  });
  const options = ['--interval', NEVER_S, ...more];
  await Promise.all([active.start(...options), standby.start(...options)]);
  await pairUp(active, standby);
  return { active, standby, options };
}

export async function endPair({ active, standby }: Pair): Promise<void> {
  await Promise.all([active.kill(), standby.kill()]);
}

export async function fill(unit: TestUnit, services: number): Promise<void> {
  for (const part of parts(services, SERVICES_A_REQUEST))
    await unit.api.call('apply', { document: siteDocument(part) });
}

/**
 * At a size where a unit is silent for longer than its partner waits, Force Update breaks off, and the pair mends by itself:
 * then until that is done.
 */
export async function forceUpdate({ active, standby }: Pair): Promise<void> {
  await active.api.call('forceUpdate').catch(() => untilInStep(active, standby, LONG_MS));
}

export function untilMirrored(units: TestUnit[], services: number): Promise<void> {
  const written = ({ dir }: TestUnit): number =>
    readdirSync(path.join(dir, 'config', 'virtualServices')).filter(name => name.endsWith('.json')).length;
  const all = async (): Promise<boolean> => units.every(unit => written(unit) === services);
  return until('every file of the mirror is written', all, LONG_MS);
}

/** Milliseconds of CPU that the daemon has used (utime + stime of /proc/PID/stat). */
export function cpuMs({ pid }: TestUnit): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS;
}

/** Resident memory now (`VmRSS`) or at the most (`VmHWM`). */
export function megabytes({ pid }: TestUnit, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(line?.[1]) * 1024) / 1e6;
}

/** A long act: its time, the CPU of the daemons, and the longest that one of them let a request for its status wait. */
export async function watched(units: TestUnit[], act: () => Promise<unknown>): Promise<Cost> {
  const used = units.map(cpuMs);
  const stops = units.map(askForStatus);
  const { ms } = await timed(act);
  const cpu = units.map((unit, index) => cpuMs(unit) - (used[index] ?? 0));
  const waits = await Promise.all(stops.map(stop => stop()));
  return { ms, cpuMs: cpu.reduce((sum, each) => sum + each), waitMs: Math.max(...waits) };
}

function askForStatus(unit: TestUnit): () => Promise<number> {
  let going = true;
  let longest = 0;
  const asking = (async () => {
    while (going) {
      const { ms } = await timed(() => unit.status().catch(() => undefined));
      longest = Math.max(longest, ms);
      await sleep(ASK_EVERY_MS);
    }
  })();
  return async () => {
    going = false;
    await asking;
    return longest;
  };
}
