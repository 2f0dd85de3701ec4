import type { Store } from '../../store/store.ts';
import type { LeftOut } from './drops.ts';

/** What was taken from `certs.d/` under one name. */
interface Kept {
  /** Of the files that were taken last; none once they were removed. */
  hash?: string;
  /** Of those that stood there before, newest first. */
  earlier?: string[];
  /** Of all files that lay there then: while they are the same, nothing is opened. */
  files?: string;
  /** Those of them that were not taken. */
  leftOut?: LeftOut[];
  /** The boot of the machine in which that was; earlier releases did not say. */
  boot?: string;
}

const FACT = 'certs.d';
const MAX_EARLIER = 8;

/**
 * Which contents of `certs.d/` are in the configuration already. What is remembered is durable, the files are perhaps not: after a
 * power cut older ones may be back, and removed ones, and those must not become configuration again.
 */
export class DropMemory {
  private readonly store: Pick<Store, 'readLocal' | 'writeLocal'>;
  private readonly boot: string;
  private readonly seen = new Set<string>();

  constructor(store: Pick<Store, 'readLocal' | 'writeLocal'>, boot: string) {
    this.store = store;
    this.boot = boot;
  }

  /** What was left out when these very files, taken or not, lay there last; undefined: others did. */
  async whole(name: string, files: string): Promise<LeftOut[] | undefined> {
    const kept = (await this.store.readLocal<Kept>(`${FACT}/${name}`)) ?? {};
    if (kept.hash === undefined || kept.files !== files) return undefined;
    this.seen.add(name);
    return kept.leftOut ?? [];
  }

  /** `taken`: these very files are in; of other releases, another hash may tell of them. `back`: they were, others followed or they went, and a power cut brought them back. */
  async recall(name: string, ...hashes: string[]): Promise<'taken' | 'back' | undefined> {
    const { hash: last, earlier = [], boot } = (await this.store.readLocal<Kept>(`${FACT}/${name}`)) ?? {};
    const isFirst = !this.seen.has(name);
    this.seen.add(name);
    if (last !== undefined && hashes.includes(last)) return 'taken';
    // Without a reboot in between, or later on, it was somebody who put them there.
    const stood = earlier.some(hash => hashes.includes(hash));
    return isFirst && boot !== undefined && boot !== this.boot && stood ? 'back' : undefined;
  }

  /** `hash` undefined: the files were removed. */
  async remember(
    name: string,
    hash: string | undefined,
    lay: Pick<Kept, 'files' | 'leftOut'> = {},
  ): Promise<void> {
    const before = (await this.store.readLocal<Kept>(`${FACT}/${name}`)) ?? {};
    const stood = [before.hash, ...(before.earlier ?? [])].filter(
      each => each !== undefined && each !== hash,
    );
    const earlier = [...new Set(stood as string[])].slice(0, MAX_EARLIER);
    if (hash === undefined && earlier.length === 0) return;
    await this.store.writeLocal(`${FACT}/${name}`, {
      ...(hash === undefined ? {} : { hash }),
      earlier,
      ...lay,
      boot: this.boot,
    } satisfies Kept);
  }
}
