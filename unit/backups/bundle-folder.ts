import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BundleInFolder, PruneAnswer } from '../../api/contract/backups.ts';
import { listBundles } from '../../backup/list.ts';
import { judge, type KeptBundle, type Policy } from '../../backup/retention.ts';
import { removeDurable, TEMPORARY } from '../../host/durable-file.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Log } from '../log/log.ts';
import type { Drills } from './drills.ts';

/** A temporary file that is older than this belongs to nobody any more. */
const ABANDONED_MS = 86_400_000;

/** The folder in which the bundles of this unit stand. */
export class BundleFolder {
  readonly folder: string;
  private readonly drills: Drills;
  private readonly log: Log;

  constructor(folder: string, drills: Drills, log: Log) {
    this.folder = folder;
    this.drills = drills;
    this.log = log;
  }

  /** Newest first. Whether a bundle is proved is said by the hash of its file. */
  async bundles(): Promise<BundleInFolder[]> {
    const found: BundleInFolder[] = [];
    for (const { file, kind, bytes, madeAt, profile } of await listBundles(this.folder)) {
      if (profile === null) continue; // it is none, so it is nobody's to remove
      const name = file.slice(this.folder.length + 1);
      found.push({ name, kind, bytes, at: madeAt, proved: await this.drills.isProved(file) });
    }
    return found;
  }

  /** The path of a bundle of this folder. Throws `no-such-bundle`. */
  async find(name: string): Promise<string> {
    const file = join(this.folder, basename(name));
    const there = basename(name) === name && (await stat(file).catch(() => undefined))?.isFile() === true;
    if (there) return file;
    throw new LockstepError('no-such-bundle', `There is no bundle ${name} in the folder of this unit.`, {
      hint: 'lockstep backup list shows those that are there.',
    });
  }

  /** What the policy says; without `dryRun` what it does not keep goes, of `only` when that is given. */
  async prune(
    policy: Policy,
    timeZone: string,
    { dryRun = false, only }: { dryRun?: boolean; only?: string[] },
  ): Promise<PruneAnswer> {
    const bundles: KeptBundle[] = (await this.bundles()).map(bundle => ({
      ...bundle,
      at: new Date(bundle.at),
    }));
    const verdicts = judge(bundles, policy, timeZone);
    const removed: string[] = [];
    for (const { name, keep, reasons } of dryRun ? [] : verdicts) {
      if (keep || (only !== undefined && !only.includes(name))) continue;
      await removeDurable(join(this.folder, name));
      removed.push(name);
      this.log.info({ name, reasons }, 'a bundle was removed');
    }
    return { bundles: verdicts, removed, dryRun };
  }

  /** What a process that was killed while it wrote a bundle left behind. */
  async sweep(now: Date): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      const file = join(this.folder, name);
      if (TEMPORARY.test(name) && now.getTime() - (await stat(file)).mtimeMs > ABANDONED_MS)
        await removeDurable(file);
    }
  }
}
