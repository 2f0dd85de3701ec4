import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { DrillAnswer } from '../../api/contract/backups.ts';
import type { DrillResult } from '../../api/contract/status.ts';
import { drillBundle } from '../../backup/drill.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError } from '../../schema/error.ts';
import { RULES } from '../../schema/rules/index.ts';
import type { Store } from '../../store/store.ts';
import { certificateFault } from '../certificates/fault.ts';
import type { Log } from '../log/log.ts';
import type { OpenBundle } from './restoring.ts';

export interface DrillsOptions {
  store: Store;
  catalog: Catalog;
  openBundle: OpenBundle;
  log: Log;
  now(): Date;
}

const NAME = 'drills';
/** Results are kept of so many bundles; older ones count as unproved again. */
const MAX_KEPT = 200;

/** Drills of bundles, and what became of them; kept with the unit, by the SHA-256 of the file. */
export class Drills {
  private readonly options: DrillsOptions;
  /** Oldest first. */
  private readonly results: Map<string, DrillResult>;

  private constructor(options: DrillsOptions, results: Map<string, DrillResult>) {
    this.options = options;
    this.results = results;
  }

  static async open(options: DrillsOptions): Promise<Drills> {
    const kept = (await options.store.readLocal<[string, DrillResult][]>(NAME)) ?? [];
    return new Drills(options, new Map(kept));
  }

  /** The last drill, and the last one that passed; null: there was none. */
  get latest(): { last: DrillResult | null; passed: DrillResult | null } {
    const newestFirst = [...this.results.values()].reverse();
    return {
      last: newestFirst[0] ?? null,
      passed: newestFirst.find(({ reason }) => reason === undefined) ?? null,
    };
  }

  /** Whether a drill of exactly this file has passed, and none failed since. */
  async isProved(file: string): Promise<boolean> {
    const result = this.results.get(await fileHash(file));
    return result !== undefined && result.reason === undefined;
  }

  /** Throws what drillBundle and openBundle throw; a failure is kept too, a passphrase that does not open the file is none. */
  async drill(file: string, name: string, passphrase: string): Promise<DrillAnswer> {
    const { catalog, openBundle, log, now } = this.options;
    const started = performance.now();
    const sha256 = await fileHash(file);
    try {
      const { bundle, close } = await openBundle(file, passphrase);
      const proof = await drillBundle(bundle, {
        catalog,
        rules: RULES,
        now,
        faultOf: certificateFault,
      }).finally(close);
      await this.keep(sha256, { name, at: now().toISOString() });
      const seconds = (performance.now() - started) / 1000;
      log.info({ name, sha256, records: proof.records, seconds }, 'a drill of a backup passed');
      return { name, sha256, ...proof, seconds };
    } catch (error) {
      const { code, message } = asLockstepError(error);
      if (code !== 'wrong-passphrase') {
        await this.keep(sha256, { name, at: now().toISOString(), reason: message });
        log.error({ name, sha256, code, reason: message }, 'a drill of a backup failed');
      }
      throw error;
    }
  }

  private async keep(sha256: string, result: DrillResult): Promise<void> {
    this.results.delete(sha256);
    this.results.set(sha256, result);
    for (const oldest of [...this.results.keys()].slice(0, -MAX_KEPT)) this.results.delete(oldest);
    await this.options.store.writeLocal(NAME, [...this.results]);
  }
}

export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
