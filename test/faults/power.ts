import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../e2e/daemon.ts';
import type { Fault } from './fault.ts';
import { onOnePair, type PatientPair } from './pair.ts';

const DISK_BYTES = 64 * 1024 * 1024;

/**
 * An ext4 file system in a file, mounted over a loop device in a mount namespace of its own. What its page cache holds
 * is not in the file, so a copy of the file is what a disk holds when the power goes. A disk that loses its own
 * cache may hold less between two flushes; the order of what was flushed is the same.
 */
class LoopDisk {
  readonly at: string;
  readonly inside: string[];
  readonly outside: string;
  private readonly folder: string;
  private readonly holder: ChildProcess;
  private images = 0;

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.holder = holder;
    this.at = path.join(folder, 'disk');
    this.inside = ['nsenter', '--mount', '--target', String(holder.pid), '--'];
    this.outside = `/proc/${holder.pid}/root${this.at}`;
  }

  static async make(folder: string): Promise<LoopDisk> {
    const holder = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', 'echo there && exec cat'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject);
      holder.once('exit', () => reject(new Error('a mount namespace takes root and the program unshare')));
      createInterface({ input: holder.stdout as NodeJS.ReadableStream }).once('line', () => resolve());
    });
    const disk = new LoopDisk(folder, holder);
    mkdirSync(disk.at);
    writeFileSync(disk.image, '');
    truncateSync(disk.image, DISK_BYTES);
    execFileSync('mkfs.ext4', ['-q', disk.image], { stdio: 'pipe' });
    disk.mount();
    return disk;
  }

  /** Copy what the disk holds now, and go on with that; nothing must have a file open. */
  cut(stopWriters: () => Promise<void>): Promise<void> {
    const old = this.image;
    this.images++;
    copyFileSync(old, this.image);
    return stopWriters().then(() => {
      this.run('umount', this.at);
      this.mount();
    });
  }

  remove(): void {
    this.holder.stdin?.end(); // its `cat` ends, and with it the namespace, the mount and the loop device
  }

  private get image(): string {
    return path.join(this.folder, `image-${this.images}`);
  }

  private mount(): void {
    this.run('mount', '-o', 'loop', this.image, this.at);
    // Not twice in memory: what reaches the loop device is in the file.
    const device = this.run('findmnt', '-n', '-o', 'SOURCE', this.at).trim();
    this.run('losetup', '--direct-io=on', device);
  }

  private run(...command: string[]): string {
    const [program, ...args] = [...this.inside, ...command];
    return execFileSync(program as string, args, { encoding: 'utf8', stdio: 'pipe' });
  }
}

/** The active unit commits without a pause; at some moment the power of its machine goes. */
export const powerCut: Fault = {
  name: 'power cut of the active unit',
  tries: 10,
  run: async (tries, log) => {
    const { folder, remove } = temporaryFolder();
    let disk: LoopDisk | undefined;
    try {
      try {
        disk = await LoopDisk.make(folder);
      } catch (error) {
        log(`power cut: not possible here: ${String(error)}`);
        return { tried: 0, lost: 0, backInStepMs: 0 };
      }
      const { at, inside, outside } = disk;
      const place = { dir: path.join(at, 'unit'), outside: path.join(outside, 'unit'), inside };
      const cut = (pair: PatientPair, number: number): Promise<void> =>
        cutOnce(pair, number, disk as LoopDisk, log);
      return await onOnePair(181, tries, cut, { ha1: place });
    } finally {
      disk?.remove();
      remove();
    }
  },
};

async function cutOnce(
  pair: PatientPair,
  number: number,
  disk: LoopDisk,
  log: (line: string) => void,
): Promise<void> {
  let commits = 0;
  let going = true;
  const writing = (async () => {
    while (going && (await pair.commit()) === 'acknowledged') commits++;
  })();
  await sleep(200 + Math.random() * 800);
  process.kill(pair.ha1.pid, 'SIGSTOP'); // what was acknowledged so far must be in the copy
  await disk.cut(async () => {
    going = false;
    await pair.ha1.kill();
    await writing;
  });
  log(`power cut ${number + 1}: after ${commits} commits`);
}
