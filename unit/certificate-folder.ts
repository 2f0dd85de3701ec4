import { createHash } from 'node:crypto';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asLockstepError, LockstepError, type Problem } from '../schema/error.ts';
import { Burst } from '../store/burst.ts';
import { watchFolder } from '../store/folder-watch.ts';
import { MirrorFolders } from '../store/mirror-folders.ts';
import type { Timers } from '../sync/requests.ts';
import {
  type Drop,
  type DropEffect,
  type DropEvent,
  type DroppedFile,
  type DropState,
  dropTroubles,
  findDrops,
  nextDue,
  noDrops,
  type Outcome,
  stampOfAll,
  stepDrops,
} from './certificate-drops.ts';
import type { DropMemory } from './drop-memory.ts';
import type { Log } from './log.ts';

export interface CertificateFolderOptions {
  /** `certs.d/` of the unit. */
  folder: string;
  timers: Timers;
  log: Log;
  /** Resolves to whether it made a revision. Throws LockstepError. */
  take(
    name: string,
    files: { name: string; bytes: Buffer }[],
    passphrase: string | undefined,
    droppedAt: Date,
  ): Promise<boolean>;
  /** What was taken before, so that a start does not take it again. */
  memory: Pick<DropMemory, 'recall' | 'remember'>;
}

/** After an event the folder is left alone until so much time has passed without another one. */
const QUIET_MS = 150;
const LONGEST_MS = 2_000;
/** For what no watch sees, such as the target of a symbolic link. */
const LOOK_EVERY_MS = 5 * 60_000;
const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 20_000;

/** Watches `certs.d/`, and takes what is complete and good. What is removed there stays in the configuration. */
export class CertificateFolder {
  private readonly options: CertificateFolderOptions;
  private readonly folders: MirrorFolders;
  private readonly burst = new Burst(QUIET_MS, LONGEST_MS, () => this.look());
  private readonly below = new Map<string, { place: string; stop: () => Promise<void> }>();
  private state: DropState = noDrops;
  private turn: Promise<void> = Promise.resolve();
  private stopped = false;
  private cancelDue: () => void = () => undefined;
  private cancelLook: () => void = () => undefined;

  constructor(options: CertificateFolderOptions) {
    this.options = options;
    this.folders = new MirrorFolders(options.folder, [''], {
      changed: () => this.burst.event(),
      blind: (_folder, error) =>
        options.log.warn({ reason: error.message }, 'certs.d is not watched, but looked at now and then'),
    });
  }

  start(): void {
    this.look();
    this.cancelLook = this.options.timers.after(LOOK_EVERY_MS, () => this.start());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.burst.end();
    this.cancelDue();
    this.cancelLook();
    await this.turn;
    await this.folders.close();
    await Promise.all([...this.below.values()].map(({ stop }) => stop()));
  }

  /** The unit became active or standby. */
  roleChanged(active: boolean): void {
    if (active) this.step({ type: 'active', at: this.options.timers.now() });
  }

  warnings(): Problem[] {
    return dropTroubles(this.state).map(({ name, code, message }) => ({
      code,
      path: `certs.d/${name}`,
      message,
      ...(code === 'not-active' ? {} : { hint: code === 'bad-id' ? RENAME : AGAIN }),
    }));
  }

  /** One look after the other; what fails does not end the watching. */
  private look(): void {
    if (this.stopped) return;
    this.inTurn(async () => {
      await this.folders.ensure();
      const files = await this.list();
      this.step({ type: 'listed', at: this.options.timers.now(), drops: findDrops(files) });
    });
  }

  private inTurn(act: () => Promise<void>): void {
    this.turn = this.turn.then(act).catch(error => {
      this.options.log.warn({ code: asLockstepError(error).code }, 'certs.d cannot be looked at');
    });
  }

  private step(event: DropEvent): void {
    const { state, effects } = stepDrops(this.state, event);
    this.state = state;
    for (const effect of effects) this.make(effect);
    this.cancelDue();
    const due = nextDue(state);
    if (due === undefined || this.stopped) return;
    const { timers } = this.options;
    this.cancelDue = timers.after(Math.max(0, due - timers.now()), () =>
      this.step({ type: 'due', at: timers.now() }),
    );
  }

  private make(effect: DropEffect): void {
    const { log, memory, timers } = this.options;
    switch (effect.do) {
      case 'try':
        this.inTurn(async () => {
          if (this.stopped) return;
          const { name, stamp } = effect.drop;
          const outcome = await this.attempt(effect.drop);
          if (this.stopped) return;
          this.step({ type: 'tried', at: timers.now(), name, stamp, outcome });
        });
        return;
      case 'forget':
        this.inTurn(() => memory.remember(effect.name, undefined));
        return;
      case 'tell':
        log.warn({ name: effect.name, code: effect.code, reason: effect.message }, 'certs.d: not taken');
    }
  }

  private async attempt(drop: Drop): Promise<Outcome> {
    const { folder, take, memory, log } = this.options;
    try {
      const read = async (path: string): Promise<{ name: string; bytes: Buffer }> => ({
        name: path,
        bytes: await readBounded(join(folder, path)),
      });
      const files = await Promise.all(drop.files.map(read));
      const secret = drop.passphrase === undefined ? undefined : await read(drop.passphrase);
      if (!(await this.isUnchanged(drop))) {
        this.burst.event();
        return { result: 'changed' };
      }
      const contents = hashOf(files);
      const before = await memory.recall(drop.name, contents);
      if (before === 'back')
        log.warn({ name: drop.name }, 'certs.d: a power cut brought older files back; not taken');
      if (before !== undefined) return { result: 'taken' };
      const passphrase = secret?.bytes.toString('utf8').split(/\r?\n/)[0];
      const changed = await take(drop.name, files, passphrase, await this.droppedAt(drop));
      await memory.remember(drop.name, contents);
      if (changed) log.info({ name: drop.name }, 'certs.d: taken');
      return { result: 'taken' };
    } catch (error) {
      return outcomeOf(error);
    }
  }

  /** When the last of its files came to its place. The time of its content goes along with a copy, so it says nothing. */
  private async droppedAt({ files }: Drop): Promise<Date> {
    const all = await Promise.all(files.map(path => stat(join(this.options.folder, path))));
    return new Date(Math.max(...all.map(({ ctimeMs }) => ctimeMs)));
  }

  /** Whether what was read is still all there is. */
  private async isUnchanged({ files, passphrase, stamp }: Drop): Promise<boolean> {
    const all = [...files, ...(passphrase === undefined ? [] : [passphrase])];
    const now = await Promise.all(
      all.map(async path => ({ path, stamp: stampOf(await stat(join(this.options.folder, path))) })),
    );
    return stampOfAll(now) === stamp;
  }

  /** All files, those of folders one level below too; symbolic links count as what they lead to. */
  private async list(): Promise<DroppedFile[]> {
    const { folder } = this.options;
    const files: DroppedFile[] = [];
    const seen = new Set<string>();
    for (const name of await readdir(folder)) {
      if (name.startsWith('.') || files.length > MOST_FILES) continue;
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found?.isFile()) files.push({ path: name, stamp: stampOf(found) });
      if (!found?.isDirectory()) continue;
      seen.add(name);
      await this.watchBelow(name);
      for (const inner of await readdir(join(folder, name)).catch(() => [])) {
        const stats = await stat(join(folder, name, inner)).catch(() => undefined);
        if (stats?.isFile()) files.push({ path: `${name}/${inner}`, stamp: stampOf(stats) });
      }
    }
    for (const [name, { stop }] of this.below) {
      if (seen.has(name)) continue;
      this.below.delete(name);
      await stop();
    }
    return files;
  }

  /** A folder that was removed and made again, or a link that leads elsewhere now, needs a watch of its own. */
  private async watchBelow(name: string): Promise<void> {
    const path = join(this.options.folder, name);
    const target = await realpath(path).catch(() => undefined);
    if (target === undefined || this.stopped) return;
    const { dev, ino, birthtimeMs } = await lstat(target);
    const place = `${target} ${dev} ${ino} ${birthtimeMs}`;
    const known = this.below.get(name);
    if (known?.place === place) return;
    this.below.delete(name);
    await known?.stop();
    const stop = await watchFolder(target, {
      changed: () => this.burst.event(),
      failed: error =>
        this.options.log.warn({ name, reason: error.message }, 'certs.d: a folder is not watched'),
    });
    this.below.set(name, { place, stop });
  }
}

const AGAIN = 'It is taken once its files are complete and good.';
const RENAME = 'Give its files, or their folder, another name.';

function stampOf({ size, mtimeMs, ctimeMs, ino, dev }: Awaited<ReturnType<typeof stat>>): string {
  return [size, mtimeMs, ctimeMs, ino, dev].join(' ');
}

function hashOf(files: { name: string; bytes: Buffer }[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex');
}

function outcomeOf(error: unknown): Outcome {
  const errno = (error as NodeJS.ErrnoException).code;
  if (errno === 'ENOENT') return { result: 'changed' };
  if (!(error instanceof LockstepError) && (errno === 'EACCES' || errno === 'EPERM'))
    return { result: 'refused', code: 'certificate-unreadable', message: 'it cannot be read', passes: true };
  const { code, message } = asLockstepError(error);
  if (code === 'not-active') return { result: 'standby' };
  return { result: 'refused', code, message, passes: !ABOUT_FILES.test(code) };
}

/** Codes that only other files would change. */
const ABOUT_FILES =
  /^(certificate|key|passphrase|chain)s?-|^(wrong-passphrase|too-large|bad-id|invalid-value)$/;

/** Only regular files, and never more than a certificate can need. */
async function readBounded(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > MOST_BYTES) throw new LockstepError('too-large', `It is larger than ${MOST_BYTES} bytes.`);
    const bytes = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(bytes, length, size - length);
      if (bytesRead === 0) break; // it became shorter, so it is read again
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}
