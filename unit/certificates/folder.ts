import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Picked, pickFiles, withHint } from '../../certs/pick.ts';
import { Work } from '../../certs/work.ts';
import { Burst } from '../../host/burst.ts';
import { Lanes } from '../../host/lanes.ts';
import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import { asLockstepError, LockstepError, type Problem } from '../../schema/error.ts';
import { MirrorFolders } from '../../store/mirror/folders.ts';
import type { Log } from '../log/log.ts';
import { hashOf, hashOfBefore } from './drop-hash.ts';
import type { DropMemory } from './drop-memory.ts';
import {
  type Drop,
  type DropEffect,
  type DropEvent,
  type DroppedFile,
  type DropState,
  dropTroubles,
  type LeftOut,
  nextDue,
  noDrops,
  type Outcome,
  stepDrops,
} from './drops.ts';
import { findDrops, stampOfAll } from './groups.ts';
import { type Station, stationsOf } from './targets.ts';
import { FolderWatches, type Wanted } from './watches.ts';

export interface CertificateFolderOptions {
  /** `certs.d/` of the unit. */
  folder: string;
  timers: Timers;
  log: Log;
  now(): Date;
  /** PEM of one certificate, those above it and its key. Resolves to whether it made a revision. Throws LockstepError. */
  take(name: string, pem: string, droppedAt: Date): Promise<boolean>;
  /** What was taken before, so that a start does not take it again. */
  memory: Pick<DropMemory, 'whole' | 'recall' | 'remember'>;
}

/** After an event the folder is left alone until so much time has passed without another one. */
const QUIET_MS = 150;
const LONGEST_MS = 2_000;
/** For what no watch sees: a folder above the target of a symbolic link that is renamed, a file system without watches. */
const LOOK_EVERY_MS = 5 * 60_000;
/** Stamp of a link that leads nowhere. */
const LOST = 'lost';
const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 20_000;
/** Drops that are read at once. */
const LANES = 4;

/** Watches `certs.d/`, and takes what is complete and good. What is removed there stays in the configuration. */
export class CertificateFolder {
  private readonly options: CertificateFolderOptions;
  private readonly folders: MirrorFolders;
  private readonly burst = new Burst(QUIET_MS, LONGEST_MS, () => this.look());
  private readonly watches: FolderWatches;
  /** Of the symbolic links, with the stamp that they were found for. */
  private readonly stations = new Map<string, { stamp: string; all: Station[] }>();
  private state: DropState = noDrops;
  private readonly turn = new Turn();
  private readonly lanes = new Lanes(LANES);
  private readonly stopping = new AbortController();
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
    this.watches = new FolderWatches({
      changed: () => this.burst.event(),
      failed: (folder, error) =>
        options.log.warn({ folder, reason: error.message }, 'certs.d: a folder is not watched'),
    });
  }

  start(): void {
    this.stations.clear();
    this.look();
    this.cancelLook = this.options.timers.after(LOOK_EVERY_MS, () => this.start());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopping.abort(new LockstepError('unit-unreachable', 'The unit stops.'));
    this.burst.end();
    this.cancelDue();
    this.cancelLook();
    await this.turn.settled();
    await this.lanes.settled();
    await this.folders.close();
    await this.watches.close();
  }

  /** The unit became active or standby. */
  roleChanged(active: boolean): void {
    if (active) this.step({ type: 'active', at: this.options.timers.now() });
  }

  warnings(): Problem[] {
    return dropTroubles(this.state).map(({ name, code, message, hint }) => ({
      code,
      path: `certs.d/${name}`,
      message,
      ...(code === 'not-active' ? {} : { hint: hint ?? HINTS[code] ?? AGAIN }),
    }));
  }

  /** One look after the other; what fails does not end the watching. */
  private look(): void {
    if (this.stopped) return;
    this.inTurn(async () => {
      await this.folders.ensure();
      let { files, wanted } = await this.list();
      if (this.stopped) return;
      if (await this.watches.keep(wanted)) ({ files, wanted } = await this.list());
      this.step({ type: 'listed', at: this.options.timers.now(), drops: findDrops(files) });
    });
  }

  private inTurn(act: () => Promise<void>): void {
    this.turn.take(act).catch(error => {
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
        this.lanes.run(effect.drop.name, async () => {
          if (this.stopped) return;
          const { name, stamp } = effect.drop;
          const outcome = await this.attempt(effect.drop);
          if (this.stopped) return;
          this.step({ type: 'tried', at: timers.now(), name, stamp, outcome });
        });
        return;
      case 'forget':
        this.lanes.run(effect.name, () => memory.remember(effect.name, undefined).catch(() => undefined));
        return;
      case 'tell':
        log.warn({ name: effect.name, code: effect.code, reason: effect.message }, 'certs.d: not taken');
    }
  }

  private async attempt(drop: Drop): Promise<Outcome> {
    try {
      return await this.takeUp(drop);
    } catch (error) {
      return outcomeOf(error, this.options.now());
    }
  }

  private async takeUp(drop: Drop): Promise<Outcome> {
    const { take, memory, log } = this.options;
    const { name, links = [] } = drop;
    const read = await Promise.all(drop.files.map(path => this.read(path)));
    const secret = drop.passphrase === undefined ? undefined : await this.read(drop.passphrase);
    if (!(await this.isUnchanged(drop))) {
      this.burst.event();
      return { result: 'changed' };
    }
    const blocked = [
      ...(drop.blocked ?? []),
      ...read.flatMap(({ name: file, why }) => (why ? { file, why } : [])),
    ];
    const files = read.filter(({ why }) => why === undefined);
    const lying = hashOf([...files, ...(secret === undefined ? [] : [secret])]);
    const known = await memory.whole(name, lying);
    if (known !== undefined) return { result: 'taken', leftOut: [...blocked, ...known] };
    const passphrase = secret?.bytes.toString('utf8').split(/\r?\n/)[0];
    const picked = await this.pick(files, links, passphrase, blocked);
    const hash = hashOf(files.filter(each => picked.files.includes(each.name)));
    const before = await memory.recall(name, hash, hashOfBefore(name, files));
    if (before === 'back') {
      log.warn({ name }, 'certs.d: a power cut brought older files back; not taken');
      return { result: 'taken' };
    }
    const changed =
      before === undefined && (await take(name, picked.pem, await this.droppedAt(picked.files)));
    await memory.remember(name, hash, { files: lying, leftOut: picked.leftOut });
    for (const each of picked.leftOut)
      log.warn({ name, file: each.file, reason: each.why }, 'certs.d: a file is left out');
    if (changed) log.info({ name }, 'certs.d: taken');
    return { result: 'taken', leftOut: [...blocked, ...picked.leftOut] };
  }

  /** What cannot be read is the reason where the rest is not enough. */
  private async pick(
    files: { name: string; bytes: Buffer }[],
    links: string[],
    passphrase: string | undefined,
    [blocked]: LeftOut[],
  ): Promise<Picked> {
    const lying = files.map(file => ({ ...file, linked: links.includes(file.name) }));
    try {
      return await pickFiles(lying, passphrase, new Work(this.stopping.signal));
    } catch (error) {
      if (blocked === undefined || asLockstepError(error).code !== 'certificate-missing') throw error;
      throw new LockstepError('certificate-unreadable', `${blocked.file}: ${blocked.why}.`);
    }
  }

  /** `why`: it cannot be read. */
  private async read(path: string): Promise<{ name: string; bytes: Buffer; why?: string }> {
    try {
      return { name: path, bytes: await readBounded(join(this.options.folder, path)) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why =
        error instanceof LockstepError
          ? error.message.replace(/\.$/, '')
          : code === 'EACCES' || code === 'EPERM'
            ? 'Lockstep may not read it'
            : undefined;
      if (why === undefined) throw error;
      return { name: path, bytes: Buffer.alloc(0), why };
    }
  }

  /** When the last of its files came to its place. The time of its content goes along with a copy, so it says nothing. */
  private async droppedAt(files: string[]): Promise<Date> {
    const all = await Promise.all(files.map(path => stat(join(this.options.folder, path))));
    return new Date(Math.max(...all.map(({ ctimeMs }) => ctimeMs)));
  }

  /** Whether what was read is still there as it was; what is new is listed anyway. */
  private async isUnchanged({ files, passphrase, blocked = [], stamp }: Drop): Promise<boolean> {
    const all = [
      ...files,
      ...(passphrase === undefined ? [] : [passphrase]),
      ...blocked.map(({ file }) => file),
    ];
    const now = await Promise.all(all.map(path => this.lookAt(path)));
    const known = now.map((found, index) =>
      found === 'folder' || found === undefined
        ? { path: all[index] as string, stamp: found ?? 'gone' }
        : found,
    );
    return stampOfAll(known) === stamp;
  }

  /** All that lies there, in folders one level below too; symbolic links count as what they lead to. */
  private async list(): Promise<{ files: DroppedFile[]; wanted: Wanted }> {
    const { folder } = this.options;
    const files: DroppedFile[] = [];
    const wanted: Wanted = new Map();
    const links: { path: string; stamp: string }[] = [];
    const add = (file: DroppedFile): void => {
      files.push(file);
      if (file.linked) links.push(file);
    };
    for (const name of await readdir(folder)) {
      if (name.startsWith('.') || files.length > MAX_FILES) continue;
      const found = await this.lookAt(name);
      if (found !== 'folder') {
        if (found !== undefined) add(found);
        continue;
      }
      const real = await realpath(join(folder, name)).catch(() => undefined);
      if (real !== undefined) wanted.set(real, 'all');
      links.push({ path: name, stamp: `${real}` });
      for (const inner of await readdir(join(folder, name)).catch(() => [])) {
        const path = `${name}/${inner}`;
        const below = inner.startsWith('.') ? undefined : await this.lookAt(path);
        if (below === 'folder')
          add({ path, stamp: 'folder', fault: 'a folder in a folder is not looked into' });
        else if (below !== undefined) add(below);
      }
    }
    await this.wantTargets(links, wanted);
    return { files, wanted };
  }

  /** A renewal changes what a link leads to, in a folder elsewhere. */
  private async wantTargets(links: { path: string; stamp: string }[], wanted: Wanted): Promise<void> {
    for (const { path, stamp } of links) {
      const known = this.stations.get(path);
      const isKnown = known?.stamp === stamp && stamp !== LOST;
      const found = isKnown ? known : { stamp, all: await this.stationsBehind(path) };
      this.stations.set(path, found);
      for (const { folder, entry } of found.all) {
        const entries = wanted.get(folder) ?? new Set();
        if (entries !== 'all') wanted.set(folder, entries.add(entry));
      }
    }
  }

  /** Without those in certs.d, which is watched anyway. */
  private async stationsBehind(path: string): Promise<Station[]> {
    try {
      const own = await realpath(this.options.folder);
      return (await stationsOf(join(own, path))).filter(({ folder }) => folder !== own);
    } catch {
      return []; // it went away meanwhile, and that is seen
    }
  }

  /** Undefined: it is gone. */
  private async lookAt(path: string): Promise<DroppedFile | 'folder' | undefined> {
    const place = join(this.options.folder, path);
    const own = await lstat(place).catch(() => undefined);
    if (own === undefined) return undefined;
    const linked = own.isSymbolicLink();
    const found = linked ? await stat(place).catch(() => undefined) : own;
    if (found === undefined) return { path, stamp: LOST, linked, fault: 'its link leads nowhere' };
    if (found.isDirectory()) return 'folder';
    if (!found.isFile()) return { path, stamp: 'special', linked, fault: 'it is no file' };
    return { path, stamp: stampOf(found), linked };
  }
}

const AGAIN = 'It is taken once its files are complete and good.';
const HINTS: Record<string, string> = {
  'bad-id': 'Give its files, or their folder, another name.',
  'certificate-left-out': 'The certificate beside it is taken without it; remove what is not needed.',
};

function stampOf({ size, mtimeMs, ctimeMs, ino, dev }: Awaited<ReturnType<typeof stat>>): string {
  return [size, mtimeMs, ctimeMs, ino, dev].join(' ');
}

function outcomeOf(error: unknown, now: Date): Outcome {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { result: 'changed' };
  const known = asLockstepError(error);
  const { code, facts } = known;
  if (code === 'not-active') return { result: 'standby' };
  const until = typeof facts.until === 'string' ? Date.parse(facts.until) - now.getTime() : undefined;
  const message = withHint(known);
  const againInMs = until === undefined ? undefined : Math.max(0, until);
  return {
    result: 'refused',
    code,
    message,
    passes: !ABOUT_FILES.test(code),
    ...(againInMs !== undefined && { againInMs }),
  };
}

/** Codes that only other files would change. */
const ABOUT_FILES =
  /^(certificate|key|passphrase|chain)s?-|^(wrong-passphrase|too-large|bad-id|invalid-value)$/;

/** Only regular files, and never more than a certificate can need. */
async function readBounded(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > MAX_BYTES) throw new LockstepError('too-large', `It is larger than ${MAX_BYTES} bytes.`);
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
