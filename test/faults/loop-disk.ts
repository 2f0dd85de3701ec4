import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const DISK_BYTES = 64 * 1024 * 1024;
/** Seconds that the machine seems to be up after each start: long enough that starts minutes apart do not count as restarts. */
const UPTIME_S = 3600;

/**
 * An ext4 file system in a file, mounted over a loop device in a mount namespace of its own. What its page cache holds
 * is not in the file, so a copy of the file is what a disk holds when the power goes. A disk that loses its own
 * cache may hold less between two flushes; the order of what was flushed is the same. With each cut the
 * namespace gets another boot id, as the machine would.
 */
export class LoopDisk {
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

  /** `folder`: an empty one. Rejects where mounting is not allowed. */
  static async make(folder: string): Promise<LoopDisk> {
    const holder = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', 'echo there && exec cat'],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject);
      holder.once('exit', () => reject(new Error('a mount namespace takes root and the program unshare')));
      createInterface({ input: holder.stdout as NodeJS.ReadableStream }).once('line', () => resolve());
    });
    const disk = new LoopDisk(folder, holder);
    try {
      mkdirSync(disk.at);
      writeFileSync(disk.image, '');
      truncateSync(disk.image, DISK_BYTES);
      execFileSync('mkfs.ext4', ['-q', disk.image], { stdio: 'pipe' });
      writeFileSync(disk.uptime, `${UPTIME_S}.00 ${UPTIME_S}.00\n`);
      disk.boot();
      disk.run('mount', '--bind', disk.bootId, '/proc/sys/kernel/random/boot_id');
      disk.run('mount', '--bind', disk.uptime, '/proc/uptime');
      disk.mount();
    } catch (error) {
      disk.remove();
      throw error;
    }
    return disk;
  }

  /** Copy what the disk holds at this moment. Whatever is written to it afterwards is lost by `restart`. */
  cut(): void {
    const old = this.image;
    this.images++;
    copyFileSync(old, this.image);
  }

  /** The machine starts on the copy; nothing must have a file of the old disk open. */
  restart(): void {
    this.run('umount', this.at);
    rmSync(path.join(this.folder, `image-${this.images - 1}`));
    this.boot();
    this.mount();
  }

  remove(): void {
    this.holder.stdin?.end(); // its `cat` ends, and with it the namespace, the mounts and the loop device
  }

  private get image(): string {
    return path.join(this.folder, `image-${this.images}`);
  }

  private get bootId(): string {
    return path.join(this.folder, 'boot_id');
  }

  private get uptime(): string {
    return path.join(this.folder, 'uptime');
  }

  /** Written in place: the file that is mounted stays the same one. */
  private boot(): void {
    writeFileSync(this.bootId, `${randomUUID()}\n`);
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
