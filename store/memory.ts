import {
  type Batch,
  type Entry,
  inRuns,
  type KeyRange,
  type Reader,
  type Snapshot,
  type StorePort,
} from './port.ts';

/** The port over a Map: for tests and simulations. Forgets everything with the process. */
export function openMemory(): StorePort {
  return new MemoryPort(new Map());
}

/** A larger batch has its keys sorted anew, when somebody asks for a range. */
const MAX_IN_PLACE = 200;

class MemoryPort implements StorePort {
  private readonly data: Map<string, Buffer>;
  private sorted: string[] | undefined;

  constructor(data: Map<string, Buffer>, sorted?: string[]) {
    this.data = data;
    this.sorted = sorted;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.data.get(key);
  }

  async *range({ from, to, reverse }: KeyRange): AsyncIterable<Entry> {
    this.sorted ??= [...this.data.keys()].sort();
    const keys = this.sorted.slice(lowerBound(this.sorted, from), lowerBound(this.sorted, to));
    for (const key of reverse ? keys.reverse() : keys) {
      const value = this.data.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  async batch({ expect, put, remove }: Batch): Promise<boolean> {
    const holds = expect.every(({ key, value }) => {
      const found = this.data.get(key);
      return value === undefined ? found === undefined : found?.equals(value) === true;
    });
    if (!holds) return false;
    const inPlace = put.length + remove.length <= MAX_IN_PLACE;
    for (const key of remove) if (this.data.delete(key) && inPlace) this.dropKey(key);
    for (const [key, value] of put) {
      if (inPlace && !this.data.has(key)) this.addKey(key);
      this.data.set(key, value);
    }
    if (!inPlace) this.sorted = undefined;
    return true;
  }

  snapshot(): Snapshot {
    const copy: Reader = new MemoryPort(new Map(this.data), this.sorted?.slice());
    return {
      get: key => copy.get(key),
      range: range => copy.range(range),
      runs: range => inRuns(copy.range(range)),
      close: () => undefined,
    };
  }

  async close(): Promise<void> {}

  private addKey(key: string): void {
    this.sorted?.splice(lowerBound(this.sorted, key), 0, key);
  }

  private dropKey(key: string): void {
    this.sorted?.splice(lowerBound(this.sorted, key), 1);
  }
}

function lowerBound(keys: string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
