import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../../schema/error.ts';
import type { VerifyAnswer } from '../../unit/face.ts';
import { lockstep, pairUp, TestUnit, temporaryFolder, untilInStep } from '../e2e/daemon.ts';

const IN_STEP_MS = 30_000;

/** Where a unit runs, when that is not a folder and a loopback address like any other. */
export interface Place {
  dir?: string;
  outside?: string;
  listen?: string;
  /** What stands before the command line of the daemon. */
  inside?: string[];
}

export interface Places {
  ha1?: Place;
  ha2?: Place;
}

/** What a commit came to. `unanswered`: the unit went away; it may be there, whole, or not. */
export type Outcome = 'acknowledged' | 'refused' | 'unanswered';

/** A running pair that things are done to, and a list of what it acknowledged. */
export class PatientPair {
  readonly ha1: TestUnit;
  readonly ha2: TestUnit;
  /** Why the last commit was refused. */
  refusal: LockstepError | undefined;
  private readonly acknowledged = new Map<string, string>();
  private readonly remove: () => void;
  private commits = 0;

  private constructor(subnet: number, places: Places) {
    const { folder, remove } = temporaryFolder();
    this.remove = remove;
    const unit = (number: 1 | 2): TestUnit => {
      const {
        dir = path.join(folder, `ha${number}`),
        listen = `127.0.${subnet}.${number}`,
        ...rest
      } = places[`ha${number}`] ?? {};
      return new TestUnit(dir, listen, { timeoutMs: 20_000, ...rest });
    };
    this.ha1 = unit(1);
    this.ha2 = unit(2);
  }

  static async start(subnet: number, places: Places = {}): Promise<PatientPair> {
    const pair = new PatientPair(subnet, places);
    await initialise(pair.ha1, places.ha1, 'first', 'lb1', '10.0.0.11/24', '10.0.0.12');
    await initialise(pair.ha2, places.ha2, 'second', 'lb2', '10.0.0.12/24', '10.0.0.11');
    await Promise.all([pair.serve(pair.ha1), pair.serve(pair.ha2)]);
    await pairUp(pair.ha1, pair.ha2);
    await pair.commit();
    await untilInStep(pair.ha1, pair.ha2);
    return pair;
  }

  serve(unit: TestUnit): Promise<TestUnit> {
    return unit.start('--interval', '1', '--every-commit', '--scrub-hours', '0');
  }

  /** One change on the active unit. */
  async commit(records = 1): Promise<Outcome> {
    const changes = Array.from({ length: records }, () => {
      const number = this.commits++;
      const address = [10, number >> 16, (number >> 8) & 255, number & 255].join('.');
      return { op: 'put' as const, path: `hosts/h${number}`, value: { address } };
    });
    try {
      await this.ha1.api.change({ changes });
      for (const { path: at, value } of changes) this.acknowledged.set(at, value.address);
      return 'acknowledged';
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.refusal = error;
      return error.code === 'unit-unreachable' ? 'unanswered' : 'refused';
    }
  }

  /** Start what has ended, also what ends only now; resolves to the milliseconds until both are in step. */
  async recover(): Promise<number> {
    const started = performance.now();
    for (;;) {
      for (const unit of [this.ha1, this.ha2]) if (!(await isServing(unit))) await this.serve(unit);
      try {
        await untilInStep(this.ha1, this.ha2, IN_STEP_MS);
        return Math.round(performance.now() - started);
      } catch (error) {
        const restarting = error instanceof LockstepError && error.class === 'unreachable';
        if (!restarting || performance.now() - started > IN_STEP_MS) throw error;
      }
    }
  }

  /** Acknowledged changes that one of the units does not hold, or holds otherwise; and whatever a verification finds. */
  async lost(): Promise<number> {
    let lost = 0;
    for (const unit of [this.ha1, this.ha2]) {
      const held = (await unit.api.show({ path: 'hosts' })).value as Record<string, { address: string }>;
      for (const [at, address] of this.acknowledged)
        if (held[at.slice('hosts/'.length)]?.address !== address) lost++;
      const verified: VerifyAnswer = await unit.api.verifyStore();
      lost += verified.findings.length;
    }
    return lost;
  }

  async end(): Promise<void> {
    await Promise.all([this.ha1.kill(), this.ha2.kill()]);
    this.remove();
  }
}

/** By the command line: a folder in another mount namespace is not seen from here. */
async function initialise(
  unit: TestUnit,
  place: Place | undefined,
  mode: string,
  name: string,
  own: string,
  partner: string,
): Promise<void> {
  const options = ['--mode', mode, '--name', name, '--address', own, '--partner', partner];
  const { code, stderr } = await lockstep(['--dir', unit.dir, 'init', ...options], place);
  if (code !== 0) throw new Error(`init: ${stderr}`);
}

/** A daemon that is about to end may still answer once. */
export async function isServing(unit: TestUnit): Promise<boolean> {
  const ended = unit.stopped();
  return (await Promise.race([ended.then(() => 'ended'), sleep(300, 'serving')])) === 'serving';
}

/** Try `once` on one pair, again and again. */
export async function onOnePair(
  subnet: number,
  tries: number,
  once: (pair: PatientPair, number: number) => Promise<void>,
  places: Places = {},
): Promise<{ tried: number; lost: number; backInStepMs: number }> {
  const pair = await PatientPair.start(subnet, places);
  let backInStepMs = 0;
  try {
    for (let number = 0; number < tries; number++) {
      await once(pair, number);
      backInStepMs = Math.max(backInStepMs, await pair.recover());
    }
    return { tried: tries, lost: await pair.lost(), backInStepMs };
  } finally {
    await pair.end();
  }
}
