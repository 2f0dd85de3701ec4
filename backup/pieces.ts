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
