import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { inPieces, PIECE_BYTES } from './pieces.ts';
import { type ArchiveEntry, packArchive } from './tar.ts';

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
  const gzip = createGzip({ chunkSize: PIECE_BYTES });
  pipeline(Readable.from(archive(), { objectMode: false }), gzip, () => {
    if (!started) ended();
  });
  return gzip;
}
