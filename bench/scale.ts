/**
 * What a pair costs at size: `npx tsx bench/scale.ts [SERVICES [on|off]]` (default 10,000), each with 5 Real Servers.
 * Two real daemons over real SSH on loopback, once with the mirror and once without; prints a table in Markdown.
 * CPU is what the daemons used, so it says something on a busy machine too; "longest wait" is the longest that a status
 * request, asked over and over meanwhile, had to wait: nothing else gets its turn in that time, heartbeats included.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockstep, pairUp, TestUnit, temporaryFolder, until, untilInStep } from '../test/e2e/daemon.ts';
import type { ChangeAnswer } from '../unit/face.ts';
import { type BenchService, benchService, seeded, siteCapture, siteDocument } from './site.ts';

const SERVICES = Number(process.argv[2] ?? 10_000);
/** `on` or `off` measures one of the two alone. */
const MIRROR = process.argv[3] ?? 'both';
const SERVERS = 5;
/** A request holds at most 64 MiB. */
const SERVICES_A_REQUEST = 20_000;
const CLOCK_TICKS = 100;
const LONG_MS = 15 * 60_000;

interface Pair {
  ha1: TestUnit;
  ha2: TestUnit;
}

/** One line of the table. */
interface Row {
  what: string;
  ms: string;
  cpu: string;
  longestWait: string;
}

const rows: Row[] = [];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Milliseconds of CPU that a process has used (utime + stime of /proc/PID/stat). */
function cpuMs(unit: TestUnit): number {
  const fields = readFileSync(`/proc/${unit.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS;
}

function rssMb(unit: TestUnit, field = 'VmRSS'): number {
  const line = readFileSync(`/proc/${unit.pid}/status`, 'utf8')
    .split('\n')
    .find(each => each.startsWith(field));
  return Math.round(Number(line?.split(/\s+/)[1]) / 1024);
}

function whole(ms: number): string {
  return ms < 20
    ? `${ms.toFixed(1)} ms`
    : ms < 10_000
      ? `${Math.round(ms)} ms`
      : `${(ms / 1000).toFixed(1)} s`;
}

function row(what: string, ms: string, cpu = '', longestWait = ''): void {
  rows.push({ what, ms, cpu, longestWait });
  say(`  ${[what, ms, cpu, longestWait].filter(text => text !== '').join(' · ')}`);
}

/** Asks for the status of a unit over and over until stopped; resolves to the longest wait for an answer. */
function probe(unit: TestUnit): () => Promise<number> {
  let going = true;
  let longest = 0;
  const asking = (async () => {
    while (going) {
      const asked = performance.now();
      await unit.status().catch(() => undefined);
      longest = Math.max(longest, performance.now() - asked);
      await sleep(50);
    }
  })();
  return async () => {
    going = false;
    await asking;
    return longest;
  };
}

async function measure<Result>(
  what: string,
  { ha1, ha2 }: Pair,
  act: () => Promise<Result>,
): Promise<Result> {
  const used = [ha1, ha2].map(cpuMs);
  const probes = [ha1, ha2].map(probe);
  const began = performance.now();
  const result = await act();
  const ms = performance.now() - began;
  const waits = await Promise.all(probes.map(stop => stop()));
  const cpu = [ha1, ha2].map((unit, index) => cpuMs(unit) - (used[index] ?? 0));
  row(what, whole(ms), cpu.map(whole).join(' / '), waits.map(whole).join(' / '));
  return result;
}

/** The same small act many times; the middle and the slow end. */
async function repeat(what: string, times: number, act: (turn: number) => Promise<unknown>): Promise<void> {
  const each: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const began = performance.now();
    await act(turn);
    each.push(performance.now() - began);
  }
  each.sort((a, b) => a - b);
  row(
    `${what}, p50 / p95 of ${times}`,
    `${whole(each[Math.floor(times / 2)] ?? 0)} / ${whole(each[Math.floor(times * 0.95)] ?? 0)}`,
  );
}

async function apply(unit: TestUnit, services: BenchService[]): Promise<void> {
  for (let from = 0; from < services.length; from += SERVICES_A_REQUEST)
    await unit.api.apply({ document: siteDocument(services.slice(from, from + SERVICES_A_REQUEST)) });
}

const nickname = (service: BenchService | undefined, value: string) => ({
  op: 'set' as const,
  path: `virtualServices/${service?.id}`,
  field: ['nickname'],
  value,
});

async function twoUnits(folder: string, options: string[], standbyId: number): Promise<Pair> {
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.71.1', { timeoutMs: LONG_MS });
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.71.2', { timeoutMs: LONG_MS });
  await ha1.init({
    mode: 'first',
    name: 'lb1',
    address: '10.0.0.11/24',
    partner: '10.0.0.12',
    virtualId: 139,
  });
  await ha2.init({
    mode: 'second',
    name: 'lb2',
    address: '10.0.0.12/24',
    partner: '10.0.0.11',
    virtualId: standbyId,
  });
  await Promise.all([ha1.start(...options), ha2.start(...options)]);
  await pairUp(ha1, ha2);
  return { ha1, ha2 };
}

async function measurePair(services: BenchService[], mirror: boolean): Promise<void> {
  const { folder, remove } = temporaryFolder();
  const options = ['--interval', '86400', ...(mirror ? [] : ['--no-mirror'])];
  // Without the mirror, the standby starts from a state that the active unit never had: it is compared, not replayed.
  const pair = await twoUnits(folder, options, mirror ? 139 : 140);
  const { ha1, ha2 } = pair;
  const middle = services[services.length >> 1];
  try {
    row(`**mirror ${mirror ? 'on' : 'off'}**`, '');
    row('memory of each unit, empty', `${rssMb(ha1)} / ${rssMb(ha2)} MB`);
    await measure('apply everything', pair, () => apply(ha1, services));
    await measure(
      `first update of ${mirror ? 'an empty standby' : 'a standby that holds something else'}`,
      pair,
      () => forcedUpdate(pair),
    );
    if (mirror)
      await measure('until every file of both mirrors is written', pair, () =>
        untilMirrored(pair, services.length),
      );
    row(
      'memory of each unit',
      `${rssMb(ha1)} / ${rssMb(ha2)} MB, at most ${rssMb(ha1, 'VmHWM')} / ${rssMb(ha2, 'VmHWM')} MB`,
    );
    await repeat('commit of one change', 100, turn =>
      ha1.api.change({ changes: [nickname(middle, `name ${turn}`)] }),
    );
    await repeat('Force Update of one change', 30, async turn => {
      await ha1.api.change({ changes: [nickname(middle, `forced ${turn}`)] });
      await ha1.api.forceUpdate();
    });
    const thousand = services.slice(0, 1000).map(service => nickname(service, 'one of a thousand'));
    await measure('commit of 1,000 changes', pair, () => ha1.api.change({ changes: thousand }));
    await measure('their update', pair, () => forcedUpdate(pair));
    await repeat('status over the API', 50, () => ha1.status());
    await repeat('lockstep status, the command', 5, () => ha1.cli('status'));
    await repeat('show of one Virtual Service', 50, () =>
      ha1.api.show({ path: `virtualServices/${middle?.id}` }),
    );
    await measure('show of everything', pair, () => ha1.api.show({}));
    await measureStarts(pair, options);
    await measureReplace(pair, services);
  } finally {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  }
}

async function measureStarts(pair: Pair, options: string[]): Promise<void> {
  const { ha1, ha2 } = pair;
  const stopping = performance.now();
  await Promise.all([ha1.stop(), ha2.stop()]);
  row('stop of both', whole(performance.now() - stopping));
  for (const [what, unit] of [
    ['start of the active unit', ha1],
    ['start of the standby', ha2],
  ] as const) {
    const began = performance.now();
    await unit.start(...options);
    row(what, whole(performance.now() - began), whole(cpuMs(unit)));
  }
  await untilInStep(ha1, ha2);
  await ha1.kill();
  const began = performance.now();
  await ha1.start(...options);
  row('start of the active unit after kill -9', whole(performance.now() - began), whole(cpuMs(ha1)));
  await untilInStep(ha1, ha2);
}

/** A tenth stays, the rest goes: `apply --replace` as after a mistake, and the way back. */
async function measureReplace(pair: Pair, services: BenchService[]): Promise<void> {
  const { ha1 } = pair;
  const { revision } = (await ha1.status()).unit;
  const document = siteDocument(services.slice(0, services.length / 10));
  const answer = await measure('apply --replace that removes nine tenths', pair, () =>
    ha1.api.apply({ document, replace: true }),
  );
  await measure('update of the removals', pair, () => forcedUpdate(pair));
  await measure('rollback', pair, (): Promise<ChangeAnswer> => ha1.api.rollback({ revision }));
  say(`  (${answer.counts.removed} records removed)`);
}

/** At a size where a unit is silent for longer than its partner waits, Force Update breaks off: the pair must mend by itself. */
async function forcedUpdate({ ha1, ha2 }: Pair): Promise<void> {
  try {
    await ha1.api.forceUpdate();
  } catch (error) {
    const began = performance.now();
    await untilInStep(ha1, ha2, LONG_MS);
    row(
      `(Force Update: ${(error as Error).message} In step by itself after another)`,
      whole(performance.now() - began),
    );
  }
}

function untilMirrored({ ha1, ha2 }: Pair, count: number): Promise<void> {
  const written = (unit: TestUnit): number =>
    readdirSync(path.join(unit.dir, 'config', 'virtualServices')).filter(name => name.endsWith('.json'))
      .length;
  return until(
    'every file is written',
    async () => written(ha1) === count && written(ha2) === count,
    LONG_MS,
  );
}

async function measureImport(services: BenchService[]): Promise<void> {
  const { folder, remove } = temporaryFolder();
  const unit = await new TestUnit(path.join(folder, 'lb'), '127.0.71.3', { timeoutMs: LONG_MS }).init({
    mode: 'single',
    name: 'lb',
  });
  await unit.start('--no-mirror');
  try {
    const text = siteCapture(services);
    const used = cpuMs(unit);
    const stop = probe(unit);
    const began = performance.now();
    const { counts } = await unit.api.importLoadMaster({ files: [{ name: 'listvs.xml', text }] });
    const ms = performance.now() - began;
    row(
      `import of listvs.xml (${Math.round(text.length / 1e6)} MB, ${counts.added} records)`,
      whole(ms),
      whole(cpuMs(unit) - used),
      whole(await stop()),
    );
  } finally {
    await unit.kill();
    remove();
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // takes the daemons along
const random = seeded(1);
const services = Array.from({ length: SERVICES }, (_, index) => benchService(index, SERVERS, random));
const { stdout } = await lockstep(['--version']);
say(
  `lockstep ${stdout.trim()}, ${SERVICES} Virtual Services × ${SERVERS} Real Servers = ${SERVICES * (SERVERS + 1)} records`,
);
if (SERVICES <= 20_000) await measureImport(services);
if (MIRROR !== 'off') await measurePair(services, true);
if (MIRROR !== 'on') await measurePair(services, false);
say(`\n| what | time | CPU (active / standby) | longest wait (active / standby) |\n|---|---|---|---|`);
for (const { what, ms, cpu, longestWait } of rows) say(`| ${what} | ${ms} | ${cpu} | ${longestWait} |`);
process.exit(0);
