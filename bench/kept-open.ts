/**
 * A connection of OpenSSH that is kept open (ControlMaster), as the rivals get it: a server of the bench's own on loopback, with
 * keys and a configuration of its own in a temporary folder.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { until } from '../test/e2e/daemon.ts';
import { hasSshd, startSshd } from '../test/sync/ssh/sshd.ts';
import { isInstalled, run, start, stop } from './program.ts';

/** The name of the other machine in the configuration of ssh. */
export const STANDBY = 'standby';

export interface KeptOpen {
  /** What stands for `ssh`: `ssh -F FILE`. */
  ssh: string[];
  config: string;
  /** One byte there and back over a channel that stays open: what the wire alone takes. */
  roundTrip(): Promise<void>;
  end(): Promise<void>;
}

/** undefined: OpenSSH is not there. */
export async function keepOpen(folder: string): Promise<KeptOpen | undefined> {
  if (!(isInstalled('ssh') && hasSshd())) return undefined;
  mkdirSync(folder, { mode: 0o700 });
  const [host, own] = ['host', 'own'].map(name => makeKey(path.join(folder, name))) as [Key, Key];
  const home = path.join(folder, 'home');
  mkdirSync(home);
  const server = await startSshd(folder, {
    ...{ hostKey: host.secret, authorized: [own.open] },
    settings: [`SetEnv HOME=${home}`], // what somebody's shell does when it starts is not what a tool takes
  });
  const config = path.join(folder, 'config');
  writeFileSync(path.join(folder, 'known'), `[127.0.0.1]:${server.port} ${host.open}\n`);
  writeFileSync(config, configuration(folder, server.port));
  const ssh = ['ssh', '-F', config];
  const master = start([...ssh, '-MN', STANDBY]);
  await until('the connection is open', () => isOpen(ssh));
  const echo = start([...ssh, STANDBY, 'exec cat']);
  return {
    ssh,
    config,
    roundTrip: async () => {
      echo.stdin?.write('.');
      await once(echo.stdout as NodeJS.ReadableStream, 'data');
    },
    end: async () => {
      for (const child of [echo, master]) await stop(child);
      await server.stop();
    },
  };
}

/** Each ends at once where it is fastest: the cipher that the processor knows, no compression on a fast line. */
function configuration(folder: string, port: number): string {
  return [
    `Host ${STANDBY}`,
    'HostName 127.0.0.1',
    `Port ${port}`,
    `User ${userInfo().username}`,
    `IdentityFile ${path.join(folder, 'own')}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${path.join(folder, 'known')}`,
    'StrictHostKeyChecking yes',
    `ControlPath ${path.join(folder, 'open')}`,
    'Ciphers aes128-gcm@openssh.com',
    'Compression no',
    'BatchMode yes',
    'LogLevel ERROR',
    '',
  ].join('\n');
}

interface Key {
  secret: string;
  open: string;
}

function makeKey(file: string): Key {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', file]);
  return { secret: readFileSync(file, 'utf8'), open: readFileSync(`${file}.pub`, 'utf8').trim() };
}

async function isOpen(ssh: string[]): Promise<boolean> {
  return run([...ssh, '-O', 'check', STANDBY]).then(
    () => true,
    () => false,
  );
}
