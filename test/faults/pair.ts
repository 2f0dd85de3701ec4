import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../api/contract/status.ts';
import type { VerifyAnswer } from '../../api/contract/store-care.ts';
import { LockstepError } from '../../schema/error.ts';
import { lockstep, pairUp, TestUnit, temporaryFolder, untilInStep } from '../e2e/daemon.ts';
import { type Held, type Hosts, Ledger } from './ledger.ts';

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

/** A running pair that things are done to, and a ledger of what it acknowledged. */
export class PatientPair {
  ha1: TestUnit;
  ha2: TestUnit;
  /** The one that was active when the pair was last in step. */
  active: TestUnit;
  /** Why the last commit was refused. */
  refusal: LockstepError | undefined;
  readonly ledger = new Ledger();
  /** A place for what a fault needs, gone with the pair. */
  readonly folder: string;
  /** How often somebody had to type `lockstep resume`. */
  resumed = 0;
  private readonly remove: () => void;
  private commits = 0;

  private constructor(subnet: number, places: Places) {
    const { folder, remove } = temporaryFolder();
    this.remove = remove;
    this.folder = folder;
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
    this.active = this.ha1;
  }

  get standby(): TestUnit {
    return this.active === this.ha1 ? this.ha2 : this.ha1;
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

  /** Changes on the active unit: every second one of a record that is there already. */
  async commit(records = 1): Promise<Outcome> {
    const changes: Hosts = new Map();
    for (let index = 0; index < records; index++) {
      const number = this.commits++;
      const existing = number % 2 === 1 && number > records;
      changes.set(`h${existing ? number >> 1 : number}`, addressOf(number));
    }
    const asked = [...changes].map(([name, address]) => ({
      op: 'put' as const,
      path: `hosts/${name}`,
      value: { address },
    }));
    try {
      await this.active.api.call('change', { changes: asked });
      this.ledger.acknowledged(changes);
      return 'acknowledged';
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.refusal = error;
      if (error.code !== 'unit-unreachable') return 'refused';
      this.ledger.unanswered(changes);
      return 'unanswered';
    }
  }

  /**
   * Start what has ended, also what ends only now, and do what its operator would be told to do; resolves to the milliseconds
   * until both are in step.
   */
  async recover(): Promise<number> {
    const started = performance.now();
    let seen = '';
    for (;;) {
      for (const unit of [this.ha1, this.ha2]) if (!(await isServing(unit))) await this.serve(unit);
      try {
        const both = await Promise.all([this.ha1.status(), this.ha2.status()]);
        if (isSettled(both)) {
          this.active = both[0].unit.role === 'active' ? this.ha1 : this.ha2;
          return Math.round(performance.now() - started);
        }
        seen = JSON.stringify(both.map(({ unit, sync }) => ({ ...unit, ...sync })));
        await this.operate(both);
      } catch (error) {
        if (!(error instanceof LockstepError && error.class === 'unreachable')) throw error;
      }
      if (performance.now() - started > IN_STEP_MS) throw new Error(`not in step: ${seen}`);
      await sleep(50);
    }
  }

  /** `fresh` has the place of the standby. */
  take(fresh: TestUnit): void {
    if (this.active === this.ha1) this.ha2 = fresh;
    else this.ha1 = fresh;
  }

  /** What the named states ask of a person, by the words of their hints. */
  private async operate([one, other]: [Status, Status]): Promise<void> {
    for (const [unit, status] of [
      [this.ha1, one],
      [this.ha2, other],
    ] as const) {
      if (status.unit.pacified !== null) {
        this.resumed++;
        await unit.typed('resume');
      }
      if (status.unit.role === 'active' && status.sync.refusal?.code === 'never-a-source')
        await unit.type('confirm-source', '--yes');
    }
    const states = [one.sync.state, other.sync.state];
    const newer = one.unit.epoch >= other.unit.epoch ? this.ha1 : this.ha2;
    if (states.every(state => state === 'no-active')) await newer.type('takeover');
    if (states.every(state => state === 'both-active')) await newer.type('takeover', '--force');
    if (!states.every(state => state === 'in-step')) return;
    const [branch] = one.branches;
    const active = one.unit.role === 'active' ? this.ha1 : this.ha2;
    if (branch !== undefined) await active.type('merge', branch.name, '--theirs', 'hosts');
  }

  /** Acknowledged changes that one of the units does not hold, or holds otherwise; each is counted once. */
  async lost(): Promise<number> {
    const held = async (unit: TestUnit): Promise<Held> =>
      (await unit.api.call('show', { path: 'hosts' })).value as Held;
    return this.ledger.lost([await held(this.ha1), await held(this.ha2)]);
  }

  /** What a verification of both stores finds. */
  async findings(): Promise<number> {
    let found = 0;
    for (const unit of [this.ha1, this.ha2]) {
      const verified: VerifyAnswer = await unit.api.call('verifyStore');
      found += verified.findings.length;
    }
    return found;
  }

  async end(): Promise<void> {
    await Promise.all([this.ha1.kill(), this.ha2.kill()]);
    this.remove();
  }
}

function isSettled(both: [Status, Status]): boolean {
  const [one, other] = both;
  return (
    both.every(({ sync, branches }) => sync.state === 'in-step' && branches.length === 0) &&
    one.unit.digest === other.unit.digest
  );
}

function addressOf(number: number): string {
  return [10, (number >> 16) & 255, (number >> 8) & 255, number & 255].join('.');
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
  let lost = 0;
  try {
    for (let number = 0; number < tries; number++) {
      await once(pair, number);
      backInStepMs = Math.max(backInStepMs, await pair.recover());
      lost += await pair.lost();
    }
    return { tried: tries, lost: lost + (await pair.findings()), backInStepMs };
  } finally {
    await pair.end();
  }
}
