import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ApiClient } from '../../api/client.ts';
import type { Bundles, KeptBundle } from '../../replace/act.ts';
import { keepNames, onThisDisk } from '../../replace/journal.ts';
import { type BundleSummary, hashOf, keepBundle, summarizeBundle } from '../bundle/keep.ts';

const FOLDER = 'bundles';

/** The bundles of a replacement, below its folder. `passphrase`: asked for when the first step needs it. */
export class BundleFolder implements Bundles {
  private readonly folder: string;
  private readonly passphrase: () => Promise<string>;
  private readonly hashes = new Map<string, { mtimeMs: number; size: number; hash: string }>();

  constructor(state: string, passphrase: () => Promise<string>) {
    this.folder = join(state, FOLDER);
    this.passphrase = passphrase;
  }

  async make(unit: ApiClient, bundle: string, kind: KeptBundle['kind']): Promise<KeptBundle> {
    const passphrase = await this.passphrase();
    const { bytes } = await unit.call('backup', { passphrase, kind });
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const kept = await keepBundle(bytes, this.at(bundle), passphrase).catch(error => {
      throw onThisDisk(error, `The bundle ${this.at(bundle)}`);
    });
    return this.told(bundle, kept);
  }

  async bring(from: string, bundle: string): Promise<KeptBundle> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const told = await summarizeBundle(from, await this.passphrase());
    const to = createWriteStream(this.at(bundle), { mode: 0o600, flush: true });
    await pipeline(createReadStream(from), to).catch(error => {
      throw onThisDisk(error, `The bundle ${this.at(bundle)}`);
    });
    await keepNames(this.folder);
    // What was copied is verified again before it is restored.
    return this.told(bundle, told);
  }

  async verify(bundle: string): Promise<KeptBundle> {
    return this.told(bundle, await summarizeBundle(this.at(bundle), await this.passphrase()));
  }

  async drill(unit: ApiClient, bundle: string): Promise<{ records: number }> {
    return this.uploaded(unit, bundle, async (upload, passphrase) => {
      const { records } = await unit.call('drill', { upload, name: bundle, passphrase });
      return { records };
    });
  }

  async restore(unit: ApiClient, bundle: string, reason: string): Promise<{ revision: number }> {
    return this.uploaded(unit, bundle, async (upload, passphrase) => {
      const { revision } = await unit.call('restore', { upload, passphrase, as: 'the-old-unit', reason });
      return { revision };
    });
  }

  async restoreCertificates(unit: ApiClient, bundle: string): Promise<{ certificates: number }> {
    return this.uploaded(unit, bundle, async (upload, passphrase) => {
      const asked = { upload, passphrase, select: ['full'], others: 'replace' as const };
      const { certificates } = await unit.call('restoreCertificates', asked);
      return { certificates: certificates.length };
    });
  }

  /** SHA-256 of the bundles that are there. A file is read again when its size or time is another one. */
  async present(names: readonly string[]): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const name of names) {
      const file = this.at(name);
      const stats = await stat(file).catch(() => undefined);
      if (stats === undefined) continue;
      const { mtimeMs, size } = stats;
      const known = this.hashes.get(name);
      const hash = known?.mtimeMs === mtimeMs && known.size === size ? known.hash : await hashOf(file);
      this.hashes.set(name, { mtimeMs, size, hash });
      found[name] = hash;
    }
    return found;
  }

  private async told(bundle: string, { unit, ...facts }: BundleSummary): Promise<KeptBundle> {
    const { id, name } = unit;
    return { ...facts, unit: { id, name }, sha256: await hashOf(this.at(bundle)) };
  }

  private at(bundle: string): string {
    return join(this.folder, bundle);
  }

  private async uploaded<Answer>(
    unit: ApiClient,
    bundle: string,
    use: (upload: string, passphrase: string) => Promise<Answer>,
  ): Promise<Answer> {
    const passphrase = await this.passphrase();
    const { upload } = await unit.call('upload', { bytes: createReadStream(this.at(bundle)) });
    try {
      return await use(upload, passphrase);
    } finally {
      await unit.call('dropUpload', { upload }).catch(() => undefined); // it goes by itself when the unit does not answer
    }
  }
}
