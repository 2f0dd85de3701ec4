import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShiftedClock } from './clock.ts';
import type { Fault } from './fault.ts';
import { onOnePair, type PatientPair } from './pair.ts';

const LONGEST_WAIT_MS = 60;

/** Kill units while a commit and its update are on their way. */
function killed(
  name: string,
  tries: number,
  subnet: number,
  units: (pair: PatientPair) => PatientPair['ha1'][],
): Fault {
  return {
    name,
    tries,
    run: (times, log) =>
      onOnePair(subnet, times, async (pair, number) => {
        const committing = pair.commit(1 + (number % 40));
        await sleep(Math.random() * LONGEST_WAIT_MS);
        await Promise.all(units(pair).map(unit => unit.kill()));
        log(`${name} ${number + 1}: the commit was ${await committing}`);
      }),
  };
}

/** Longer than a heartbeat, shorter than any patience. */
const CUT_MS = 8_000;

/** Two units in network namespaces of their own; the link between them goes down while an update of many frames travels. */
const cut: Fault = {
  name: 'network cut in an update',
  tries: 3,
  run: async (times, log) => {
    const [one, other] = ['1', '2'].map(end => `lockstep-${process.pid}-${end}`) as [string, string];
    const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });
    try {
      for (const name of [one, other]) ip('netns', 'add', name);
      ip('-n', one, 'link', 'add', 'pair', 'type', 'veth', 'peer', 'name', 'pair', 'netns', other);
      for (const [index, name] of [one, other].entries()) {
        ip('-n', name, 'address', 'add', `10.173.0.${index + 1}/24`, 'dev', 'pair');
        ip('-n', name, 'link', 'set', 'pair', 'up');
      }
      const place = (name: string, number: number) => ({
        inside: ['ip', 'netns', 'exec', name],
        listen: `10.173.0.${number}`,
      });
      const cutOnce = async (pair: PatientPair, number: number): Promise<void> => {
        const committing = pair.commit(3000);
        await sleep(100 + Math.random() * 900);
        ip('-n', one, 'link', 'set', 'pair', 'down');
        const outcomes = [await committing, await pair.commit()];
        await sleep(CUT_MS);
        ip('-n', one, 'link', 'set', 'pair', 'up');
        log(`cut ${number + 1}: for ${CUT_MS / 1000} s, the commits were ${outcomes.join(' and ')}`);
      };
      return await onOnePair(173, times, cutOnce, { ha1: place(one, 1), ha2: place(other, 2) });
    } finally {
      for (const name of [one, other]) spawnSync('ip', ['netns', 'delete', name]);
    }
  },
};

const HOURS_MS = 3_600_000;
const JUMPS_MS = [2 * HOURS_MS, -2 * HOURS_MS, -10 * 365 * 24 * HOURS_MS, 0];

/** The clock of the active unit jumps while it runs: what Date tells comes from a file. */
const clock: Fault = {
  name: 'clock jumps by ±2 hours and -10 years',
  tries: 8,
  run: async (times, log) => {
    const hands = new ShiftedClock(import.meta.dirname);
    try {
      return await onOnePair(
        174,
        times,
        async (pair, number) => {
          const jump = JUMPS_MS[number % JUMPS_MS.length] as number;
          hands.put(jump);
          const before = (await pair.ha1.status()).unit.revision;
          log(`clock ${number + 1}: ${jump / HOURS_MS} hours, the commit was ${await pair.commit()}`);
          const [latest] = (await pair.ha1.api.call('history', { limit: 1 })).revisions;
          if (latest?.revision !== before + 1) throw new Error('the order of revisions came from the clock');
        },
        { ha1: { inside: hands.inside } },
      );
    } finally {
      hands.remove();
    }
  },
};

export const crashes: Fault[] = [
  killed('kill -9 of the active unit', 20, 170, pair => [pair.ha1]),
  killed('kill -9 of the standby', 20, 171, pair => [pair.ha2]),
  killed('kill -9 of both', 10, 172, pair => [pair.ha1, pair.ha2]),
  cut,
  clock,
];
