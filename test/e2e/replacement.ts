/** Four real units, A, B, C and D; an operator who does what is done by hand; and a writer who never stops. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeContext } from '../../cli/context.ts';
import { EXIT, EXIT_OF_CLASS } from '../../cli/exit.ts';
import { Output } from '../../cli/output.ts';
import { buildProgram } from '../../cli/program.ts';
import { portsOf } from '../../cli/replace/ports.ts';
import { openJournal } from '../../cli/replace/state.ts';
import { run } from '../../replace/runner.ts';
import { stepsBack } from '../../replace/steps.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { type CommandResult, lockstep, pairUp, TestUnit, untilInStep } from './daemon.ts';

export const PASSPHRASE = 'four words are enough';

const quiet = new Output({ json: true, color: false });

export type Letter = 'A' | 'B' | 'C' | 'D';

export interface Answer {
  ended?: boolean;
  waits?: { id: string; does: string };
  missing?: string[];
  error?: { code: string; message: string; facts?: { step?: string } };
}

/** The units of one replacement, on addresses 127.0.NET.1 to 4. */
export class Site {
  units: Record<Letter, TestUnit>;
  readonly folder: string;
  readonly state: string;
  readonly plan: string;
  readonly passphrase: string;
  on = new Set<Letter>();
  private readonly net: number;
  private readonly told: boolean;

  /** `told`: units are told where to listen; else they listen where their records say, and the new ones have addresses of their own first. */
  constructor(folder: string, net: number, told = true) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.net = net;
    this.told = told;
    this.state = path.join(folder, 'replacement');
    this.plan = path.join(folder, 'plan.yaml');
    this.passphrase = path.join(folder, 'passphrase');
    writeFileSync(this.passphrase, PASSPHRASE, { mode: 0o600 });
    const unit = (letter: Letter, last: number): TestUnit =>
      new TestUnit(path.join(folder, letter), told ? `127.0.${net}.${last}` : '');
    this.units = { A: unit('A', 1), B: unit('B', 2), C: unit('C', 3), D: unit('D', 4) };
  }

  /** A and B are a pair; C and D are new. */
  async make(letters: readonly Letter[] = ['A', 'B', 'C', 'D']): Promise<void> {
    const [first, second, shared] = [1, 2, 10].map(last => `127.0.${this.net}.${last}`) as [
      string,
      string,
      string,
    ];
    for (const letter of letters) {
      const isFirst = letter === 'A' || letter === 'C';
      const old = letter === 'A' || letter === 'B';
      await this.units[letter].init({
        mode: isFirst ? 'first' : 'second',
        name: old ? `lb-${letter.toLowerCase()}` : `new-${letter.toLowerCase()}`,
        virtualId: 77,
        ...(old
          ? { address: `${isFirst ? first : second}/24`, shared, partner: isFirst ? second : first }
          : this.told
            ? {}
            : { address: `127.0.${this.net}.${isFirst ? 3 : 4}/24` }),
      });
      await this.switchOn(letter);
    }
    if (!letters.includes('A') || !letters.includes('B')) return;
    await pairUp(this.units.A, this.units.B);
    await this.units.A.api.call('forceUpdate');
    await untilInStep(this.units.A, this.units.B);
  }

  write(plan: object): void {
    writeFileSync(this.plan, JSON.stringify(plan)); // JSON is YAML
  }

  place(letter: Letter): { dir: string } {
    return { dir: this.units[letter].dir };
  }

  async switchOn(letter: Letter): Promise<void> {
    if (this.on.has(letter)) return;
    this.on.add(letter);
    await this.units[letter].start('--every-commit', '--no-mirror');
  }

  async switchOff(letter: Letter): Promise<void> {
    this.on.delete(letter);
    await this.units[letter].kill();
  }

  replace(...args: string[]): Promise<CommandResult> {
    return lockstep(['replace', ...args, '--state', this.state]);
  }

  /** As the command does it, without the start of a process. `meanwhile`: what happens while a step is carried out. */
  async run(
    action: 'run' | 'abort' = 'run',
    passphraseFile = this.passphrase,
    meanwhile?: (step: string) => Promise<void>,
  ): Promise<Answer & { code: number }> {
    const context = makeContext({ dir: this.folder, color: false, json: true }, quiet, buildProgram);
    try {
      const journal = await openJournal(this.state);
      if (action === 'abort' && !journal.isBack) {
        stepsBack(journal.plan, journal.begun); // throws where there is no way back
        await journal.write('back', '');
      }
      const ports = portsOf(context, journal, { passphraseFile });
      const { act } = ports;
      if (meanwhile !== undefined)
        ports.act = async action => {
          const acted = act(action);
          acted.catch(() => undefined); // it is awaited below
          await meanwhile(journal.entries.at(-1)?.step ?? '');
          return acted;
        };
      const how = await run(journal, ports, { wait: false });
      if (how.is === 'done') return { code: EXIT.done, ended: true };
      return { code: EXIT.differs, waits: how.step, missing: how.missing };
    } catch (error) {
      const known = asLockstepError(error);
      return { code: EXIT_OF_CLASS[known.class], error: known.toJSON() };
    } finally {
      await context.close();
    }
  }

  /** The power of a unit goes, and is back at once. */
  async restart(letter: Letter): Promise<void> {
    await this.switchOff(letter);
    await this.switchOn(letter);
  }

  /**
   * To the end, while units die: at each step, once, `victimAt` says which, `delayMs` into it. Resolves to every refusal. A unit that
   * is called pacified is resumed, as an operator who has looked at it does.
   */
  async throughKills(
    victimAt: (step: string) => Letter | undefined,
    delayMs: number,
    withinMs: number,
  ): Promise<{ killed: string[]; refusals: string[] }> {
    const [killed, refusals] = [[] as string[], [] as string[]];
    const from = performance.now();
    const meanwhile = async (step: string): Promise<void> => {
      const victim = victimAt(step);
      if (victim === undefined || killed.includes(step) || !this.on.has(victim)) return;
      killed.push(step);
      await sleep(delayMs);
      await this.restart(victim);
    };
    for (;;) {
      assert.ok(performance.now() - from < withinMs, `still at it: ${killed.join(' ')}; ${refusals.at(-1)}`);
      const { ended, waits, error } = await this.run('run', this.passphrase, meanwhile);
      if (ended === true) return { killed, refusals };
      if (waits !== undefined) await this.byHand(waits.id);
      if (error === undefined) continue;
      refusals.push(`${error.code}: ${error.message}`);
      for (const [, letter] of error.message.matchAll(/([A-D]) \([^)]*\) is pacified/g))
        await this.units[letter as Letter].api.call('resume');
    }
  }

  /** Does what the program waits for. */
  async byHand(step: string): Promise<void> {
    if (step === 'out-a') return this.switchOff('A');
    if (step === 'out-b') return this.switchOff('B');
    assert.equal(step, 'back-units');
    await this.switchOn('A');
    await this.switchOn('B');
  }

  /** To the end, with everything that is done by hand. */
  async toTheEnd(action: 'run' | 'abort' = 'run'): Promise<string[]> {
    const waited: string[] = [];
    for (let times = 0; times < 8; times++) {
      const answer = await this.run(action);
      if (answer.ended === true) return waited;
      assert.ok(answer.waits !== undefined, JSON.stringify(answer));
      waited.push(answer.waits.id);
      await this.byHand(answer.waits.id);
    }
    return assert.fail('it does not end');
  }

  /** A certificate with its key on the active unit; resolves to what the stores of its pair hold then. */
  async putCertificate(): Promise<string> {
    const { certificates } = JSON.parse(readFileSync('examples/site/site.json', 'utf8'));
    await this.units.A.api.call('change', {
      changes: [{ op: 'put', path: 'certificates/shop', value: certificates.shop }],
    });
    return keysOf(this.units.A);
  }

  /** On both new units: every acknowledged commit, and the certificates with their keys as they were. */
  async assertNothingLost({ acknowledged }: Writer, certificates: string): Promise<void> {
    const { C, D } = this.units;
    for (const unit of [C, D]) {
      const { value } = await unit.api.call('show', { path: 'hosts' });
      const hosts = value as Record<string, { address: string }>;
      const lost = [...acknowledged].filter(([name, address]) => hosts[name]?.address !== address);
      assert.deepEqual(lost, [], 'acknowledged commits are lost');
    }
    assert.equal((await C.status()).unit.digest, (await D.status()).unit.digest);
    assert.deepEqual([await keysOf(C), await keysOf(D)], [certificates, certificates]);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.on].map(letter => this.units[letter].kill()));
    this.on.clear();
  }
}

/** Certificates of a unit as its store has them, keys included. */
async function keysOf(unit: TestUnit): Promise<string> {
  return JSON.stringify(
    await unit.stored(async store => {
      const found = [];
      for await (const record of store.list('certificates')) found.push(record);
      return found;
    }),
  );
}

/** Commits to whichever unit is active; keeps what was acknowledged, and how long nobody took anything. */
export class Writer {
  readonly acknowledged = new Map<string, string>();
  interruptions = 0;
  longestMs = 0;
  darkMs = 0;
  private readonly units: TestUnit[];
  private readonly everyMs: number;
  private going = true;
  private work: Promise<void> = Promise.resolve();

  constructor(units: TestUnit[], everyMs = 100) {
    this.units = units;
    this.everyMs = everyMs;
  }

  start(): this {
    this.work = this.write();
    return this;
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.work;
  }

  private async write(): Promise<void> {
    let [count, active] = [0, 0];
    let darkSince: number | undefined;
    while (this.going) {
      const path = `hosts/w${count}.example.com`;
      const address = `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`;
      const unit = this.units[active] as TestUnit;
      try {
        await unit.api.call('change', { changes: [{ op: 'put', path, value: { address } }] });
        this.acknowledged.set(`w${count}.example.com`, address);
        count++;
        if (darkSince !== undefined) this.light(performance.now() - darkSince);
        darkSince = undefined;
        await sleep(this.everyMs);
      } catch (error) {
        assert.ok(error instanceof LockstepError, String(error));
        if (darkSince === undefined) darkSince = performance.now();
        active = (active + 1) % this.units.length;
        await sleep(5);
      }
    }
  }

  private light(ms: number): void {
    this.interruptions++;
    this.darkMs += ms;
    this.longestMs = Math.max(this.longestMs, ms);
  }
}
