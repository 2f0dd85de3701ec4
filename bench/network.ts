/**
 * The network that is measured on: loopback, in a namespace of its own where that is permitted (it takes root). Nobody else's
 * traffic is on it then, so that the counters of the kernel are the bytes of what was measured, and no port is taken.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

const MARK = 'LOCKSTEP_BENCH_NETWORK';
const ENTER = 'ip link set lo up && exec "$@"';

/** Runs this process again on a network of its own; resolves to its exit code. undefined: it is there already, or may not. */
export async function onOwnNetwork(): Promise<number | undefined> {
  if (process.env[MARK] !== undefined) return undefined;
  const tried = spawnSync('unshare', ['--net', 'sh', '-c', ENTER, 'sh', 'true'], { stdio: 'ignore' });
  if (tried.status !== 0) return undefined;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--net', 'sh', '-c', ENTER, 'sh', ...again], {
    env: { ...process.env, [MARK]: 'own' },
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** Bytes that crossed loopback so far, headers of IP and TCP included; undefined where others use it too. */
export function wireBytes(): number | undefined {
  if (process.env[MARK] !== 'own') return undefined;
  const [, counters = ''] = /^ *lo:(.*)$/m.exec(readFileSync('/proc/net/dev', 'utf8')) ?? [];
  return Number(counters.trim().split(/\s+/)[0]);
}

/** What crossed meanwhile. */
export async function crossing<Result>(
  act: () => Promise<Result>,
): Promise<{ result: Result; bytes: number | undefined }> {
  const before = wireBytes();
  const result = await act();
  const after = wireBytes();
  return { result, bytes: before === undefined || after === undefined ? undefined : after - before };
}
