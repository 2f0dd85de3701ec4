import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestUnit, temporaryFolder, until } from '../e2e/daemon.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import type { Fault } from './fault.ts';
import { addressIn, type Held, Ledger } from './ledger.ts';
import { LoopDisk } from './loop-disk.ts';
import { PatientPair } from './pair.ts';

/** Records that are there before, and are changed one by one before each cut. */
const EXISTING = 40;
const CHANGES = 60;
const BULK = 1_000;
/** From the last commit to the cut. Beyond five seconds ext4 has usually written everything, so that most cuts come earlier. */
const WAITS_MS = [300, 100, 1_000, 3_000, 200, 500, 2_000, 100, 5_000, 4_000] as const;
const LONG_WAITS_MS = [15_000, 30_000] as const;
const LONG_WAIT_EVERY = 40;
const WRITTEN_MS = 60_000;
/** After the units are started again. */
const MENDED_MS = 10_000;
const CUTS = ['active', 'standby', 'both'] as const;
type Whose = (typeof CUTS)[number];

/** One of the machines of a pair: its disk, and what runs on it. */
interface Machine {
  name: string;
  disk: LoopDisk;
  unit: TestUnit;
  config: string;
}

/** Existing records are changed, new ones come and old ones go; then the power of one machine or of both goes. */
export const powerCut: Fault = {
  name: 'power cut of the active unit, the standby, or both',
  tries: 12,
  run: async (tries, log) => {
    const { folder, remove } = temporaryFolder();
    const disks: LoopDisk[] = [];
    let pair: PatientPair | undefined;
    try {
      try {
        for (const name of ['one', 'two']) {
          mkdirSync(path.join(folder, name));
          disks.push(await LoopDisk.make(path.join(folder, name)));
        }
      } catch (error) {
        log(`power cut: not possible here: ${String(error)}`);
        return { tried: 0, lost: 0, backInStepMs: 0 };
      }
      const [one, two] = disks.map(({ at, outside, inside }) => ({
        dir: path.join(at, 'unit'),
        outside: path.join(outside, 'unit'),
        inside,
      }));
      pair = await PatientPair.start(181, { ha1: one as object, ha2: two as object });
      return await new PowerCuts(pair, disks as [LoopDisk, LoopDisk], log).run(tries);
    } finally {
      await pair?.end();
      for (const disk of disks) disk.remove();
      remove();
    }
  },
};

class PowerCuts {
  private readonly ledger = new Ledger();
  private readonly random = new Random(SEED);
  private readonly active: Machine;
  private readonly standby: Machine;

  private readonly pair: PatientPair;
  private readonly log: (line: string) => void;

  constructor(pair: PatientPair, [one, two]: [LoopDisk, LoopDisk], log: (line: string) => void) {
    this.pair = pair;
    this.log = log;
    const config = (disk: LoopDisk): string => path.join(disk.outside, 'unit', 'config');
    this.active = { name: 'active', disk: one, unit: pair.ha1, config: config(one) };
    this.standby = { name: 'standby', disk: two, unit: pair.ha2, config: config(two) };
  }

  async run(tries: number): ReturnType<Fault['run']> {
    // What the pair was started with is in the ledger, too.
    const there = Object.entries(await heldBy(this.pair.ha1));
    this.ledger.acknowledged(new Map(there.map(([name, { address }]) => [name, address])));
    await this.write(this.pair.ha1, namesOf('old', EXISTING));
    // A store that was used for long has free pages: it does not grow, and asks the disk for less.
    await this.write(this.pair.ha1, namesOf('bulk', BULK));
    await this.remove(this.pair.ha1, ...namesOf('bulk', BULK));
    await this.written(this.active, this.standby);
    let lost = 0;
    let backInStepMs = 0;
    for (let number = 0; number < tries; number++) {
      const { problems, ms } = await this.cut(number, CUTS[number % CUTS.length] as Whose, waitOf(number));
      lost += problems.length;
      backInStepMs = Math.max(backInStepMs, ms);
    }
    return { tried: tries, lost, backInStepMs };
  }

  private async cut(
    number: number,
    whose: Whose,
    waitMs: number,
  ): Promise<{ problems: string[]; ms: number }> {
    const [late, down] = [`late${number}`, `down${number}`];
    await this.change(number, [late, down]);
    await sleep(waitMs);
    const machines = [this.active, this.standby].filter(({ name }) => whose === 'both' || whose === name);
    const edited = whose !== 'standby';
    if (edited) this.edit(late); // so shortly before that nobody has read it
    for (const { unit } of machines) process.kill(unit.pid, 'SIGSTOP'); // what was acknowledged is in the copy
    for (const { disk } of machines) disk.cut();
    for (const { unit, disk } of machines) {
      await unit.kill();
      disk.restart();
    }
    if (edited) {
      this.keptByDisk(late);
      this.edit(down);
      this.keptByDisk(down);
    }
    const started = performance.now();
    const ms = await this.pair.recover();
    const problems = await this.mended(started);
    const mendedMs = Math.round(performance.now() - started);
    if (mendedMs > MENDED_MS) problems.push(`all as it should be only ${mendedMs} ms after the start`);
    this.log(
      `power cut ${number + 1} (${whose}), ${waitMs / 1000} s after the last of ${CHANGES} changes: ${problems.length === 0 ? `nothing lost, in step ${ms} and files right ${mendedMs} ms after the start` : told(problems)}`,
    );
    return { problems, ms };
  }

  /**
   * New records come and go; then existing ones are changed, one by one and many in one commit: one write of the store that is
   * followed by many files is what a disk keeps least of.
   */
  private async change(number: number, edited: string[]): Promise<void> {
    const { random } = this;
    const { unit } = this.active;
    await this.write(unit, [...edited, `passing${number}`]);
    await this.written(this.active); // nobody edits a file that is not there yet
    for (let index = 0; index < CHANGES - EXISTING; index++) {
      await this.write(unit, [`old${random.between(0, EXISTING - 1)}`]);
      if (index % 10 === 0) await sleep(random.between(0, 200)); // long enough for files to be written meanwhile
    }
    await this.write(unit, [`new${number}`]);
    await this.remove(unit, `passing${number}`);
    if (number > 0) await this.remove(unit, `new${number - 1}`);
    await this.write(unit, namesOf('old', EXISTING));
  }

  /** One change for all of them. */
  private async write(unit: TestUnit, names: string[]): Promise<void> {
    const hosts = new Map(names.map(name => [name, this.ledger.nextAddress()]));
    await unit.api.call('change', {
      changes: [...hosts].map(([name, address]) => ({
        op: 'put' as const,
        path: `hosts/${name}`,
        value: { address },
      })),
    });
    this.ledger.acknowledged(hosts);
  }

  private async remove(unit: TestUnit, ...names: string[]): Promise<void> {
    await unit.api.call('change', {
      changes: names.map(name => ({ op: 'remove' as const, path: `hosts/${name}` })),
    });
    this.ledger.acknowledged(new Map(names.map(name => [name, null])));
  }

  /** Resolves when all that is acknowledged is in the files, which a busy machine does later. */
  private written(...machines: Machine[]): Promise<void> {
    const stale = (): string[] => machines.flatMap(({ config }) => this.ledger.staleIn(config));
    return until(
      'the files are written',
      async () => stale().length === 0,
      WRITTEN_MS,
      async () => String(stale()),
    );
  }

  /** By hand, on the active unit; on its disk before this returns. */
  private edit(name: string): void {
    const file = openSync(path.join(this.active.config, 'hosts', `${name}.json`), 'w');
    writeSync(file, `{ "address": "${this.ledger.nextAddress()}" }\n`);
    fsyncSync(file);
    closeSync(file);
  }

  /** What the disk kept of an edit is to become configuration. */
  private keptByDisk(name: string): void {
    const address = addressIn(path.join(this.active.config, 'hosts', `${name}.json`));
    if (address !== null && address !== '?') this.ledger.acknowledged(new Map([[name, address]]));
  }

  /** What is not as it should be ten seconds after the start. */
  private async mended(started: number): Promise<string[]> {
    for (;;) {
      const problems = await this.problems();
      if (problems.length === 0 || performance.now() - started > MENDED_MS) return problems;
      await sleep(200);
    }
  }

  private async problems(): Promise<string[]> {
    const problems: string[] = [];
    for (const { name, unit, config } of [this.active, this.standby]) {
      for (const host of this.ledger.undone(await heldBy(unit)))
        problems.push(`${host} undone on the ${name}`);
      for (const host of this.ledger.staleIn(config)) problems.push(`file of ${host} stale on the ${name}`);
      const { files, takeover, sync } = await unit.status();
      for (const { file, code } of files) problems.push(`${file} ${code} on the ${name}`);
      if (sync.state !== 'in-step') problems.push(`${name} ${sync.state}`);
      if (name === 'standby' && takeover?.ready !== true) problems.push('standby not ready to take over');
    }
    return problems;
  }
}

async function heldBy(unit: TestUnit): Promise<Held> {
  return (await unit.api.call('show', { path: 'hosts' })).value as Held;
}

function waitOf(number: number): number {
  const nth = (number + 1) / LONG_WAIT_EVERY;
  if (Number.isInteger(nth)) return LONG_WAITS_MS[nth % LONG_WAITS_MS.length] as number;
  return WAITS_MS[number % WAITS_MS.length] as number;
}

/** Most of one kind: `12 undone on the active`. */
function told(problems: string[]): string {
  const kinds = new Map<string, number>();
  for (const problem of problems) {
    const kind = /undone on .*|stale on .*|\S+ on the .*/.exec(problem)?.[0] ?? problem;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
}

function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
