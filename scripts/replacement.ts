/** A replacement of both units in which the runner, and then each unit, is killed at every step: npm run replacement. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
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

/** Runs until a step is begun for the first time, and kills the victim `delayMs` into it. */
async function runAndKill(site: Site, victim: Victim, delayMs: number, hit: Set<string>): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      freshBuild(),
      'replace',
      'run',
      '--no-wait',
      '--state',
      site.state,
      '--passphrase-file',
      site.passphrase,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  let over = false;
  void ended.then(() => (over = true));
  while (!over) {
    const fresh = begun(site).find(step => !hit.has(step));
    if (fresh !== undefined) {
      hit.add(fresh);
      await sleep(delayMs);
      if (victim === 'runner') child.kill('SIGKILL');
      else if (site.on.has(victim)) {
        await site.switchOff(victim);
        await site.switchOn(victim);
      }
      await ended;
      return fresh;
    }
    await sleep(3);
  }
  return '';
}

async function once(victim: Victim, delayMs: number, net: number): Promise<void> {
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, net);
  const { A, C, D } = site.units;
  const writer = new Writer([A, D]);
  const from = performance.now();
  try {
    await site.make();
    site.write({
      kind: 'both',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C'), second: site.place('D') },
    });
    const planned = await site.replace('plan', site.plan);
    assert.equal(planned.code, 0, planned.stderr);
    writer.start();
    const hit = new Set<string>();
    for (;;) {
      assert.ok(performance.now() - from < MOST_MS, `still at it: ${[...hit].join(' ')}`);
      const step = await runAndKill(site, victim, delayMs, hit);
      if (step !== '') continue;
      const { ended, waits, error } = await site.run();
      if (ended === true) break;
      if (waits !== undefined) await site.byHand(waits.id);
      // Killed so often that it takes part in nothing: an operator has to say that it may.
      else if (error?.code === 'pacified' || /pacified/.test(String(error?.message)))
        for (const letter of site.on) await site.units[letter].api.resume();
      else process.stdout.write(`  ${error?.code}: ${error?.message}\n`);
    }
    await writer.stop();
    await untilInStep(C, D);
    const { value } = await C.api.show({ path: 'hosts' });
    const hosts = value as Record<string, { address: string }>;
    const lost = [...writer.acknowledged].filter(([name, address]) => hosts[name]?.address !== address);
    assert.deepEqual(lost, [], 'acknowledged commits are lost');
    process.stdout.write(
      `${victim} killed ${delayMs} ms into each of ${hit.size} steps: same end; ${writer.acknowledged.size} commits, none lost; ` +
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
  if (wanted.length === 0 || wanted.includes(victim)) await once(victim, delayMs, 92 + index);
