import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * A small disk that only these tests see: a tmpfs in a mount namespace of its own, which is gone when its last process is.
 * Undefined where that is not permitted (it takes root).
 */
export async function smallDisk(
  at: string,
  mebibytes: number,
): Promise<{ holder: ChildProcess; inside: string[]; outside: string } | undefined> {
  mkdirSync(at);
  const script = `mount -t tmpfs -o size=${mebibytes}m,mode=700 tmpfs "$1" && echo mounted && exec cat`;
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', at], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const mounted = await new Promise<boolean>(resolve => {
    holder.once('error', () => resolve(false));
    holder.once('exit', () => resolve(false));
    createInterface({ input: holder.stdout as NodeJS.ReadableStream }).once('line', () => resolve(true));
  });
  if (!mounted) return undefined;
  return {
    holder,
    inside: ['nsenter', '--mount', '--target', String(holder.pid), '--'],
    outside: `/proc/${holder.pid}/root${at}`,
  };
}
