import { once } from 'node:events';
import { pack as newPack, type Pack } from 'tar-stream';

export interface ArchiveEntry {
  /** At most 100 ASCII characters. */
  name: string;
  /** Of the content, in bytes. */
  size: number;
  content: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** The bytes of a tar archive (ustar) of regular files; ends early and whole when the reader stops. */
export async function* packArchive(
  entries: AsyncIterable<ArchiveEntry>,
  mtime: Date,
): AsyncGenerator<Buffer> {
  const pack = newPack();
  pack.on('error', () => undefined); // whoever reads it is told
  const stopped = new AbortController();
  const filling = fill(pack, entries, mtime, stopped.signal).catch((error: Error) => pack.destroy(error));
  try {
    yield* pack as AsyncIterable<Buffer>;
  } finally {
    stopped.abort();
    pack.destroy();
    await filling;
  }
}

async function fill(
  pack: Pack,
  entries: AsyncIterable<ArchiveEntry>,
  mtime: Date,
  signal: AbortSignal,
): Promise<void> {
  for await (const { name, size, content } of entries) {
    const sink = pack.entry({ name, size, mtime, mode: 0o600, type: 'file' }, () => undefined);
    sink.on('error', () => undefined); // told by the archive as well
    for await (const chunk of content) {
      signal.throwIfAborted();
      if (!sink.write(chunk)) await once(sink, 'drain', { signal });
    }
    sink.end(null);
    await once(sink, 'finish', { signal });
  }
  pack.finalize();
}
