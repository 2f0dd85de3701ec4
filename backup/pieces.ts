/** Bytes are handed from one step to the next in pieces of about this size: smaller ones cost a turn each. */
export const PIECE_BYTES = 64 * 1024;

/** The same bytes, small chunks put together. */
export async function* inPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let open: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    open.push(chunk);
    size += chunk.length;
    if (size < PIECE_BYTES) continue;
    yield Buffer.concat(open);
    [open, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(open);
}

/** Lines written one behind the other into pieces of PIECE_BYTES; a longer line is a piece of its own. */
export class LinePieces {
  private done: Buffer[] = [];
  private open = Buffer.allocUnsafe(PIECE_BYTES);
  private length = 0;

  /** Gives the length of the line in bytes; it must not be one of those that are handed out when that is too long. */
  add(before: string, json: Buffer, after: string): number {
    const most = 3 * before.length + json.length + after.length; // no character has more bytes
    if (this.length + most > this.open.length) this.next(most);
    const start = this.length;
    this.length += this.open.write(before, this.length);
    this.length += json.copy(this.open, this.length);
    this.length += this.open.write(after, this.length);
    return this.length - start;
  }

  /** The pieces that are full, each once. */
  full(): Buffer[] {
    const { done } = this;
    this.done = [];
    return done;
  }

  /** All that is left. */
  rest(): Buffer[] {
    this.next(PIECE_BYTES);
    return this.full();
  }

  private next(room: number): void {
    if (this.length > 0) this.done.push(this.open.subarray(0, this.length));
    this.open = Buffer.allocUnsafe(Math.max(PIECE_BYTES, room));
    this.length = 0;
  }
}
