import { execFileSync, spawnSync } from 'node:child_process';

/** GnuPG with a home of its own, asking nobody; what it prints. */
export function gnupg(home: string, passphraseFile: string, ...args: string[]): Buffer {
  const always = ['--homedir', home, '--batch', '--quiet', '--yes', '--no-symkey-cache'];
  const secret = ['--pinentry-mode', 'loopback', '--passphrase-file', passphraseFile];
  return execFileSync('gpg', [...always, ...secret, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1e9,
  });
}

/** Its agent would outlive the tests. */
export function stopGnupg(home: string): void {
  spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
}
