import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pairUp, TestUnit, temporaryFolder, untilInStep } from '../e2e/daemon.ts';
import { Impostor } from '../e2e/impostor.ts';
import type { Assault } from './assaults.ts';

const MIB = 1024 * 1024;
/** What an attack may cost a daemon above its idle memory. */
const MOST_GROWTH_BYTES = 150 * MIB;
/** Kinds of refusals that one attack brings forth, at the most; each is told once a minute. */
const MOST_KINDS = 6;
const SAMPLE_MS = 50;

export interface Outcome {
  /** Changes that were acknowledged while the attack went on, and of those what the standby lacks. */
  changes: number;
  lost: number;
  /** Longest time from a change to its receipt. */
  slowestMs: number;
  growthBytes: number;
  lines: number;
  ms: number;
}

/** Two daemons in step; the standby is the one that is attacked, by somebody who has the keys of its partner. */
export class AttackedPair {
  private readonly temporary = temporaryFolder();
  private readonly active: TestUnit;
  private readonly standby: TestUnit;
  private readonly idleBytes: { value: number } = { value: 0 };
  private made = 0;

  private constructor() {
    this.active = new TestUnit(path.join(this.temporary.folder, 'ha1'), '127.0.69.1');
    this.standby = new TestUnit(path.join(this.temporary.folder, 'ha2'), '127.0.69.2');
  }

  static async start(): Promise<AttackedPair> {
    const pair = new AttackedPair();
    const { active, standby } = pair;
    await active.init({ mode: 'first', name: 'lb1' });
    await standby.init({ mode: 'second', name: 'lb2' });
    await Promise.all([active.start(), standby.start()]);
    await pairUp(active, standby);
    await pair.change();
    await untilInStep(active, standby);
    pair.idleBytes.value = memoryOf(standby);
    return pair;
  }

  async stop(): Promise<void> {
    await Promise.all([this.active.stop(), this.standby.stop()]);
    this.temporary.remove();
  }

  /** Fails when the standby grows too much, counts too little, or tells too much; lost changes are counted. */
  async under(assault: Assault, tries: number): Promise<Outcome> {
    const { active, standby } = this;
    const counted = await this.refusals();
    const told = this.lines();
    const made = this.made;
    const started = performance.now();
    const assaulted = { over: false };
    const attack = assault.act(new Impostor(active, standby), tries).finally(() => {
      assaulted.over = true;
    });
    attack.catch(() => undefined); // awaited below
    const [slowestMs, peakBytes] = await Promise.all([this.sync(assaulted), this.watch(assaulted)]);
    await attack;
    const ms = performance.now() - started;
    await untilInStep(active, standby);
    const growthBytes = peakBytes - this.idleBytes.value;
    const lines = this.lines() - told;
    const minutes = Math.ceil(ms / 60_000);
    assert.ok(
      growthBytes < MOST_GROWTH_BYTES,
      `${assault.name}: ${Math.round(growthBytes / MIB)} MiB above idle`,
    );
    assert.ok(lines <= MOST_KINDS * minutes, `${assault.name}: ${lines} lines about it in ${minutes} min`);
    const refusals = (await this.refusals()) - counted;
    assert.ok(refusals >= assault.refusals(tries), `${assault.name}: ${refusals} refusals counted`);
    if (assault.refusals(tries) > 0) assert.ok(lines > 0, `${assault.name}: the log says nothing`);
    return { changes: this.made - made, lost: await this.lost(made), slowestMs, growthBytes, lines, ms };
  }

  /** The true partner goes on, at least once and until the attack is over; the longest time that a change took. */
  private async sync(attack: { over: boolean }): Promise<number> {
    let slowest = 0;
    do {
      const started = performance.now();
      await this.change();
      slowest = Math.max(slowest, performance.now() - started);
      await pause(SAMPLE_MS);
    } while (!attack.over);
    return slowest;
  }

  private async watch(attack: { over: boolean }): Promise<number> {
    let peak = 0;
    do {
      peak = Math.max(peak, memoryOf(this.standby));
      await pause(SAMPLE_MS);
    } while (!attack.over);
    return peak;
  }

  /** Resolves with the receipt of the standby. */
  private async change(): Promise<void> {
    const path = `hosts/n${this.made}.example`;
    await this.active.api.call('change', { changes: [{ op: 'put', path, value: { address: '10.0.0.7' } }] });
    await this.active.api.call('forceUpdate');
    this.made++;
  }

  private async lost(from: number): Promise<number> {
    const held = Object.keys((await this.standby.api.call('show', { path: 'hosts' })).value as object);
    return Array.from({ length: this.made - from }, (_, i) => `n${from + i}.example`).filter(
      name => !held.includes(name),
    ).length;
  }

  private async refusals(): Promise<number> {
    const { text } = await this.standby.http('GET', '/metrics');
    const counts = [...text.matchAll(/^lockstep_refusals_total\{[^}]*\} (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  private lines(): number {
    return this.standby.log.filter(({ msg }) => msg === 'connection refused' || msg === 'message refused')
      .length;
  }
}

function memoryOf(unit: TestUnit): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${unit.pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}
