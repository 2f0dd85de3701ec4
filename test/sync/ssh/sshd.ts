import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

const SSHD = '/usr/sbin/sshd';
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** Whether OpenSSH's server is there; says so where it is not. */
export function hasSshd(): boolean {
  const there = existsSync(SSHD) && existsSync(SFTP_SERVER);
  if (!there)
    process.stderr.write('    skipped: sshd is missing; the Debian package openssh-server brings it\n');
  return there;
}

export interface Sshd {
  port: number;
  stop(): Promise<void>;
}

/**
 * OpenSSH's server with its own sftp-server on a free port of loopback, for whoever runs the tests. `kilobytes`: the largest
 * file that a login may write, as on a disk that is full. `settings`: further lines of its configuration.
 */
export async function startSshd(
  folder: string,
  {
    hostKey,
    authorized,
    kilobytes,
    settings = [],
  }: { hostKey: string; authorized: string[]; kilobytes?: number; settings?: string[] },
): Promise<Sshd> {
  const port = await freePort();
  const keep = (name: string, text: string): string => {
    const path = join(folder, `sshd-${port}-${name}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const limit = kilobytes === undefined ? '' : `trap '' XFSZ\nulimit -f ${kilobytes}\n`;
  const config = keep(
    'config',
    [
      ...settings,
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${keep('host', hostKey)}`,
      `AuthorizedKeysFile ${keep('authorized', `${authorized.join('\n')}\n`)}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      `Subsystem sftp /bin/bash ${keep('sftp', `${limit}exec ${SFTP_SERVER}\n`)}`,
    ].join('\n'),
  );
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  await listening(child);
  return {
    port,
    stop: async () => {
      const exited = once(child, 'exit');
      end();
      process.off('exit', end);
      await exited;
    },
  };
}

async function listening(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', chunk => {
      said += chunk;
      if (/Server listening/.test(said)) resolve();
    });
    child.once('exit', () => reject(new Error(said)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}
