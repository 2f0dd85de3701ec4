/**
 * Old revisions go in small durable steps. First the oldest one that is kept is written down: from then on the rest is not there
 * for anybody, whatever of it still lies on the disk. A crash at any point leaves a store that says the same.
 */
import { canonicalize } from '../schema/json.ts';
import { parseStored } from './damage.ts';
import { recordHash } from './digest.ts';
import { keys, lastPart } from './keys.ts';
import { oldestRevision } from './oldest.ts';
import { type Batch, type Entry, type StorePort, withPrefix } from './port.ts';
import { type RecordChange, type Revision, toBytes } from './revision.ts';
import { touchesPair } from './transition.ts';

/** One step is over once it has so many entries to write or remove, or has read so much: some milliseconds. */
const MAX_ENTRIES = 1_000;
const MAX_BYTES = 256 * 1024;

/** What is left of a revision that is gone, for one record that it was the last to change: who, when, why, and what came of it. */
export interface LastChange extends Pick<Revision, 'revision' | 'at' | 'kind' | 'author' | 'reason'> {
  /** Of the shared half, base64. */
  hash: string;
}

/** Takes away some of what is older than the oldest revision; resolves to whether there is more. */
export async function pruneSome(port: StorePort): Promise<boolean> {
  const step = new Step(port);
  const more = await step.gather(await oldestRevision(port));
  await port.batch(step.batch());
  return more;
}

class Step {
  private readonly port: StorePort;
  /** undefined: removed. Of one key, what comes last counts. */
  private readonly writes = new Map<string, Buffer | undefined>();
  private readonly expect: Batch['expect'] = [];
  private bytes = 0;

  constructor(port: StorePort) {
    this.port = port;
  }

  batch(): Batch {
    const put: Entry[] = [];
    const remove: string[] = [];
    for (const [key, value] of this.writes) {
      if (value === undefined) remove.push(key);
      else put.push([key, value]);
    }
    return { expect: this.expect, put, remove };
  }

  async gather(oldest: number): Promise<boolean> {
    const range = { from: keys.revision(0), to: keys.revision(oldest) };
    for await (const [key, value] of this.port.range(range)) {
      if (this.isFull) return true;
      const number = Number(lastPart(key));
      const header = parseStored<Revision>(value, `revision ${number}`);
      for await (const [chunk, changes] of this.port.range(withPrefix(keys.allChanges(number)))) {
        if (this.isFull) return true;
        this.takeChunk(header, chunk, changes);
      }
      await this.takeHeader(key, header, number);
    }
    return false;
  }

  private get isFull(): boolean {
    return this.writes.size >= MAX_ENTRIES || this.bytes >= MAX_BYTES;
  }

  /** The history of a record goes together with the changes that it points to. */
  private takeChunk(header: Revision, chunk: string, changes: Buffer): void {
    this.bytes += changes.length;
    for (const change of parseStored<RecordChange[]>(changes, `revision ${header.revision}`)) {
      this.writes.set(keys.history(change.path, header.revision), undefined);
      if (touchesPair(change)) this.writes.set(keys.lastChange(change.path), lastChange(header, change));
    }
    this.writes.set(chunk, undefined);
  }

  /** A digest that came again since belongs to a later revision. */
  private async takeHeader(key: string, header: Revision, number: number): Promise<void> {
    const digest = keys.digest(header.digest);
    const holder = await this.port.get(digest);
    if (holder?.toString() === String(number) && !this.writes.has(digest)) {
      this.expect.push({ key: digest, value: holder });
      this.writes.set(digest, undefined);
    }
    this.writes.set(key, undefined);
  }
}

/** Nothing of a record that the revision removed. */
function lastChange(
  { revision, at, kind, author, reason }: Revision,
  { after }: RecordChange,
): Buffer | undefined {
  if (after.pair === undefined) return undefined;
  const hash = recordHash(canonicalize(after.pair)).toString('base64');
  return toBytes({ revision, at, kind, author, reason, hash } satisfies LastChange);
}
