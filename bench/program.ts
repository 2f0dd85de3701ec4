/** Programs of the system, as a rival or a floor runs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Where Debian keeps daemons is not in everybody's PATH. */
const FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'];
const LONG_MS = 15 * 60_000;

export function isInstalled(program: string): boolean {
  return FOLDERS.some(folder => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What runs beside the bench; none outlives it. */
const beside = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of beside) child.kill('SIGKILL');
});

/** Starts a program that goes on until it is stopped. */
export function start([program = '', ...args]: string[], options: RunOptions = {}): ChildProcess {
  const env = environment(options);
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  beside.add(child);
  child.once('exit', () => beside.delete(child));
  return child;
}

/** Resolves when it has ended. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function environment({ env }: RunOptions): NodeJS.ProcessEnv {
  return { ...process.env, PATH: FOLDERS.join(':'), LC_ALL: 'C', ...env };
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
}

/** Resolves to what it printed; rejects with what it complained about when it ends with another code than 0. */
export async function run([program = '', ...args]: string[], options: RunOptions = {}): Promise<string> {
  const env = environment(options);
  const child = spawn(program, args, { env, cwd: options.cwd, timeout: LONG_MS, killSignal: 'SIGKILL' });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text;
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${(err || out).slice(-2000)}`);
  return out;
}
