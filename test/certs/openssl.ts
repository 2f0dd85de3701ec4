/** OpenSSL, which what is said here is compared with. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needs } from '../needs.ts';

export const openssl = (args: string[], options: { cwd?: string; input?: string | Buffer } = {}): Buffer =>
  execFileSync('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 30_000, ...options });

/** What it prints; undefined: it failed. */
export async function opensslVerdict(args: string[], cwd: string): Promise<{ good: boolean; told: string }> {
  try {
    const { stdout } = await promisify(execFile)('openssl', args, { cwd, timeout: 30_000 });
    return { good: true, told: stdout };
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    return { good: false, told: stderr };
  }
}

/** A folder of its own for each file of tests; gone when they are over. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
  before(function () {
    needs(this, 'openssl');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
