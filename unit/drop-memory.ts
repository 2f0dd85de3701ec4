import type { Store } from '../store/store.ts';

/** What was taken from `certs.d/` under one name. */
interface Kept {
  /** Of the files that were taken last; none once they were removed. */
  hash?: string;
  /** Of those that stood there before, newest first. */
  earlier?: string[];
  /** The boot of the machine in which that was; earlier releases did not say. */
  boot?: string;
}

const FACT = 'certs.d';
const MOST_EARLIER = 8;

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

  /** `taken`: these very files are in. `back`: they were, others followed or they went, and a power cut brought them back. */
  async recall(name: string, hash: string): Promise<'taken' | 'back' | undefined> {
    const { hash: last, earlier = [], boot } = (await this.store.readLocal<Kept>(`${FACT}/${name}`)) ?? {};
    const isFirst = !this.seen.has(name);
    this.seen.add(name);
    if (last === hash) return 'taken';
    // Without a reboot in between, or later on, it was somebody who put them there.
    return isFirst && boot !== undefined && boot !== this.boot && earlier.includes(hash) ? 'back' : undefined;
  }

  /** `hash` undefined: the files were removed. */
  async remember(name: string, hash: string | undefined): Promise<void> {
    const before = (await this.store.readLocal<Kept>(`${FACT}/${name}`)) ?? {};
    const stood = [before.hash, ...(before.earlier ?? [])].filter(
      each => each !== undefined && each !== hash,
    );
    const earlier = [...new Set(stood as string[])].slice(0, MOST_EARLIER);
    if (hash === undefined && earlier.length === 0) return;
    await this.store.writeLocal(`${FACT}/${name}`, {
      ...(hash === undefined ? {} : { hash }),
      earlier,
      boot: this.boot,
    } satisfies Kept);
  }
}
