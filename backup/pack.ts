import { pipeline, Readable, type TransformOptions } from 'node:stream';
import { createGzip, type ZlibOptions } from 'node:zlib';
import { inPieces, PIECE_BYTES } from './pieces.ts';
import { type ArchiveEntry, packArchive } from './tar.ts';

/** Packed while the passphrase is still made into a key. */
const AHEAD_BYTES = 1024 * 1024;

/** The gzipped archive; `ended` is called once, when nothing reads the content any more. */
export function pack(content: AsyncIterable<ArchiveEntry>, mtime: Date, ended: () => void): Readable {
  let started = false;
  async function* archive(): AsyncGenerator<Buffer> {
    started = true;
    try {
      yield* inPieces(packArchive(content, mtime));
    } finally {
      ended();
    }
  }
  const ahead: TransformOptions & ZlibOptions = {
    chunkSize: PIECE_BYTES,
    readableHighWaterMark: AHEAD_BYTES,
  };
  const gzip = createGzip(ahead);
  pipeline(Readable.from(archive(), { objectMode: false }), gzip, () => {
    if (!started) ended();
  });
  return gzip;
}
