import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A machine of its own, as far as its network goes; `run` runs a program of the system in it. */
export interface Machine {
  /** What stands before a command line. */
  inside: string[];
  /** A path inside, as the tests see it. */
  outside(path: string): string;
  run(...command: string[]): void;
}

/** Addresses of the two machines on eth0; eth1 is a second cable between them, without addresses. */
export const ADDRESSES = ['10.99.0.1', '10.99.0.2'] as const;

/**
 * Two machines that only these tests see, with two cables between them: network and mount namespaces of their own, each with a
 * small disk at `disk`. They are gone when `end` was called. Undefined where that is not permitted (it takes root).
 */
export async function twoMachines(
  disk: string,
  mebibytes: number,
): Promise<{ machines: [Machine, Machine]; end(): void } | undefined> {
  mkdirSync(disk);
  const holders: ChildProcess[] = [];
  const end = (): void => {
    for (const holder of holders) holder.stdin?.end(); // its `cat` ends, and the namespaces with it
  };
  const script = `mount -t sysfs sysfs /sys && mount -t tmpfs -o size=${mebibytes}m,mode=700 tmpfs "$1" && ip link set lo up && echo ready && exec cat`;
  for (const _machine of ADDRESSES) {
    const holder = spawn(
      'unshare',
      ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', disk],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    holders.push(holder);
    if (await isReady(holder)) continue;
    end();
    return undefined;
  }
  const machines = holders.map(machineOf) as [Machine, Machine];
  try {
    for (const name of ['eth0', 'eth1']) {
      const [one, other] = holders.map(({ pid }) => String(pid)) as [string, string];
      const cable = ['link', 'add', name, 'netns', one, 'type', 'veth', 'peer', 'name', name, 'netns', other];
      execFileSync('ip', cable, { stdio: 'ignore' });
    }
    for (const [index, machine] of machines.entries()) {
      machine.run('ip', 'address', 'add', `${ADDRESSES[index]}/24`, 'dev', 'eth0');
      for (const name of ['eth0', 'eth1']) machine.run('ip', 'link', 'set', name, 'up');
    }
  } catch {
    end();
    return undefined;
  }
  return { machines, end };
}

function isReady(holder: ChildProcess): Promise<boolean> {
  return new Promise(resolve => {
    holder.once('error', () => resolve(false));
    holder.once('exit', () => resolve(false));
    createInterface({ input: holder.stdout as NodeJS.ReadableStream }).once('line', () => resolve(true));
  });
}

function machineOf({ pid }: ChildProcess): Machine {
  const inside = ['nsenter', '--net', '--mount', '--target', String(pid), '--'];
  return {
    inside,
    outside: path => `/proc/${pid}/root${path}`,
    run: (...command) => {
      const [program, ...rest] = [...inside, ...command];
      execFileSync(program as string, rest, { stdio: 'ignore', timeout: 10_000 });
    },
  };
}
