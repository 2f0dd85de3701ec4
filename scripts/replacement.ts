/** A replacement of both units in which the runner, and then each unit, is killed at every step: npm run replacement. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshBuild } from '../test/e2e/build.ts';
import { temporaryFolder, untilInStep } from '../test/e2e/daemon.ts';
import { Site, Writer } from '../test/e2e/replacement.ts';

type Victim = 'runner' | 'A' | 'D' | 'C';
const MOST_MS = 400_000;

/** Steps that the journal says were begun. */
function begun(site: Site): string[] {
  try {
    return readFileSync(path.join(site.state, 'journal.jsonl'), 'utf8')
      .split('\n')
      .filter(line => line.endsWith('}'))
      .map(line => JSON.parse(line) as { event: string; step: string })
      .filter(({ event }) => event === 'begun')
      .map(({ step }) => step);
  } catch {
    return [];
  }
}

/** Runs until a step is begun for the first time, and kills the runner `delayMs` into it; the step, or none: it has ended itself. */
async function runAndKill(site: Site, delayMs: number, hit: Set<string>): Promise<string> {
  const args = ['--no-wait', '--state', site.state, '--passphrase-file', site.passphrase];
  const child = spawn(process.execPath, [freshBuild(), 'replace', 'run', ...args], { stdio: 'ignore' });
  let over = false;
  const ended = once(child, 'close').then(() => (over = true));
  while (!over) {
    const fresh = begun(site).find(step => !hit.has(step));
    if (fresh !== undefined) {
      hit.add(fresh);
      await sleep(delayMs);
      child.kill('SIGKILL');
      await ended;
      return fresh;
    }
    await sleep(3);
  }
  return '';
}

/** To the end with a runner that dies at every step. */
async function throughDeadRunners(site: Site, delayMs: number) {
  const [hit, refusals] = [new Set<string>(), [] as string[]];
  const from = performance.now();
  for (;;) {
    assert.ok(performance.now() - from < MOST_MS, `still at it: ${[...hit].join(' ')}`);
    if ((await runAndKill(site, delayMs, hit)) !== '') continue;
    const { ended, waits, error } = await site.run();
    if (ended === true) return { killed: [...hit], refusals };
    if (waits !== undefined) await site.byHand(waits.id);
    else refusals.push(`${error?.code}: ${error?.message}`);
  }
}

async function replaced(victim: Victim, delayMs: number, net: number): Promise<void> {
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, net);
  const { A, C, D } = site.units;
  const writer = new Writer([A, D]);
  const from = performance.now();
  try {
    await site.make();
    const certificates = await site.putCertificate();
    site.write({
      kind: 'both',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C'), second: site.place('D') },
    });
    const planned = await site.replace('plan', site.plan);
    assert.equal(planned.code, 0, planned.stderr);
    writer.start();
    const { killed, refusals } =
      victim === 'runner'
        ? await throughDeadRunners(site, delayMs)
        : await site.throughKills(() => victim, delayMs, MOST_MS);
    await writer.stop();
    await untilInStep(C, D);
    await site.assertNothingLost(writer, certificates);
    for (const refusal of new Set(refusals)) process.stdout.write(`  ${refusal}\n`);
    process.stdout.write(
      `${victim} killed ${delayMs} ms into each of ${killed.length} steps: same end; ${writer.acknowledged.size} commits, none lost; ` +
        `${writer.interruptions} interruptions, ${writer.darkMs.toFixed(0)} ms without an active unit, in ${((performance.now() - from) / 1000).toFixed(0)} s\n`,
    );
  } finally {
    await writer.stop();
    await site.stop();
    remove();
  }
}

const wanted = process.argv.slice(2);
const runs: [Victim, number][] = [
  ['runner', 0],
  ['runner', 40],
  ['runner', 300],
  ['D', 20],
  ['A', 20],
  ['C', 20],
];
for (const [index, [victim, delayMs]] of runs.entries())
  if (wanted.length === 0 || wanted.includes(victim)) await replaced(victim, delayMs, 92 + index);
