import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const DETACH_MS = 1000;

export interface Injection {
  /** The process whose calls go wrong. */
  pid: number;
  /** Only calls on this file. */
  on: string | undefined;
  call: string;
  /** As strace takes it: `error=EIO`, `signal=SIGKILL`. */
  fault: string;
  /** The first call that goes wrong, counted from 1 from now on; `always`: every later one as well. */
  nth: number;
  always?: boolean;
}

/** Why calls cannot be made to fail here; undefined when they can. */
export function whyNoInjection(): string | undefined {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `it takes the program strace (Debian package strace) and the right to trace: ${String(error).split('\n')[0]}`;
  }
}

/** Run `act` while strace lets calls of a process go wrong. `hit`: whether one of them did. */
export async function injecting<Result>(
  { pid, on, call, fault, nth, always = false }: Injection,
  act: () => Promise<Result>,
): Promise<{ hit: boolean; result: Result }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-strace-'));
  const log = path.join(folder, 'log');
  const inject = `inject=${call}:${fault}:when=${nth}${always ? '+' : ''}`;
  const tracer = spawn(
    'strace',
    [
      '-f',
      '-p',
      String(pid),
      ...(on === undefined ? [] : ['-P', on]),
      '-e',
      `trace=${call}`,
      '-e',
      inject,
      '-o',
      log,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const ended = new Promise<void>(resolve => tracer.once('exit', () => resolve()));
  try {
    await attached(tracer);
    const result = await act();
    tracer.kill('SIGINT');
    await Promise.race([ended, sleep(DETACH_MS, undefined, { ref: false })]);
    tracer.kill('SIGKILL'); // it waits for ever for a process that its own injection has killed
    await ended;
    return { hit: /INJECTED|killed by SIGKILL/.test(readFileSync(log, 'utf8')), result };
  } finally {
    tracer.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function attached(tracer: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: tracer.stderr as NodeJS.ReadableStream }).on('line', line => {
      said.push(line);
      if (/attached/.test(line)) resolve();
    });
    tracer.once('error', reject);
    tracer.once('exit', () => reject(new Error(`strace ended: ${said.join(' ')}`)));
  });
}
