/** What nothing can be faster than on this machine, measured in the same rounds: the disk, the wire, the start of a process. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { KeptOpen } from './kept-open.ts';
import { run } from './program.ts';
import { timed } from './timing.ts';

/** One page of the store. */
const SMALL = Buffer.alloc(4096, 'x');

export class Floor {
  private readonly file: number;
  private readonly connection: KeptOpen | undefined;
  readonly disk: number[] = [];
  readonly wire: number[] = [];

  /** `folder`: on the disk that the stores are on. Without a connection the wire is not measured. */
  constructor(folder: string, connection: KeptOpen | undefined) {
    this.file = openSync(path.join(folder, 'floor'), 'w');
    this.connection = connection;
    this.write();
  }

  /** One small durable write in place, and one round trip. */
  async measure(): Promise<void> {
    this.disk.push((await timed(() => this.write())).ms);
    const { connection } = this;
    if (connection !== undefined) this.wire.push((await timed(() => connection.roundTrip())).ms);
  }

  private write(): void {
    writeSync(this.file, SMALL, 0, SMALL.length, 0);
    fdatasyncSync(this.file);
  }

  end(): void {
    closeSync(this.file);
  }
}

/** Node.js that does nothing: what every command of ours begins with. */
export async function startOfNode(): Promise<number> {
  return (await timed(() => run([process.execPath, '--eval', '0']))).ms;
}
