/** Bundles as stock tools make them, of the files of a bundle of ours; their keys, caches and agents are in a folder of their own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Cost } from './figure.ts';
import { PASSPHRASE } from './making.ts';

const GPG = '--batch --quiet --yes --no-symkey-cache --pinentry-mode loopback';

export class StockBundle {
  private readonly folder: string;
  private repositories = 0;

  /** Unpacks our bundle `file`: what the stock tools then pack. */
  constructor(folder: string, file: string) {
    this.folder = folder;
    for (const name of ['', 'gnupg', 'files', 'out']) mkdirSync(path.join(folder, name), { mode: 0o700 });
    writeFileSync(path.join(folder, 'pw'), PASSPHRASE);
    this.shell(`$GPG -d ${file} | tar xz -C files`);
  }

  pack(): Cost {
    return this.shell('tar cz -C files . | $GPG -c -o packed');
  }

  unpack(): Cost {
    return this.shell('$GPG -d packed | tar xz -C out');
  }

  /** Into an empty repository, since a bundle holds everything too; that it is made is not counted. */
  resticBackup(): Cost {
    this.repositories++;
    this.shell(`rm -rf ${this.repository(-1)} && restic init -r ${this.repository()}`);
    return this.shell(`cd files && restic backup -r ../${this.repository()} .`);
  }

  resticRestore(): Cost {
    return this.shell(`rm -rf out/* && restic restore latest -r ${this.repository()} --target out`);
  }

  end(): void {
    this.shell('gpgconf --homedir gnupg --kill all');
  }

  private repository(back = 0): string {
    return `restic-${this.repositories + back}`;
  }

  /** The CPU is that of all processes of the pipeline. */
  private shell(script: string): Cost {
    const { folder } = this;
    const started = performance.now();
    const said = execFileSync('bash', ['-euo', 'pipefail', '-c', `{ ${script}; } >/dev/null 2>&1\ntimes`], {
      cwd: folder,
      env: {
        ...process.env,
        HOME: path.join(folder, 'gnupg'),
        GPG: `gpg --homedir ${path.join(folder, 'gnupg')} ${GPG} --passphrase-file ${path.join(folder, 'pw')}`,
        RESTIC_PASSWORD_FILE: path.join(folder, 'pw'),
        RESTIC_CACHE_DIR: path.join(folder, 'cache'),
      },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const cpuMs = [...said.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
      0,
    );
    return { ms: performance.now() - started, cpuMs };
  }
}
