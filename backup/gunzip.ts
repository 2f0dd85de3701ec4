import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { LIMITS } from './limits.ts';
import { PIECE_BYTES } from './pieces.ts';
import { damagedBundle } from './refusals.ts';

/**
 * Unpack gzip. Always reads `chunks` to their end, unless its own reader stops: the verdict on them comes last.
 * Throws `damaged-bundle` for what is no gzip, is cut, has something behind it, or grows past LIMITS.ratio; and
 * whatever `chunks` throws.
 */
export async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const engine = createGunzip({ chunkSize: PIECE_BYTES });
  const state = { fed: 0, over: false, stopped: false, failed: undefined as unknown };
  const over = new Promise<void>(resolve => {
    for (const event of ['end', 'close', 'error'])
      engine.once(event, () => {
        state.over = true;
        resolve();
      });
  });
  const feeding = (async () => {
    for await (const chunk of chunks) {
      if (state.stopped) return;
      state.fed += chunk.length;
      if (!state.over && !engine.write(chunk))
        await Promise.race([once(engine, 'drain').catch(() => undefined), over]);
    }
    engine.end();
  })().catch(error => {
    state.failed = error;
    engine.destroy(error);
  });
  let unpacked = 0;
  try {
    for await (const piece of engine as AsyncIterable<Buffer>) {
      unpacked += piece.length;
      if (unpacked > LIMITS.freely && unpacked > state.fed * LIMITS.ratio)
        throw damagedBundle('it unpacks to far more than it should');
      yield piece;
    }
    await feeding;
    if (state.failed === undefined && engine.bytesWritten !== state.fed)
      throw damagedBundle('something follows its packed data');
  } catch (error) {
    if (isZlib(error)) {
      await feeding;
      throw state.failed ?? damagedBundle('its content cannot be unpacked');
    }
    throw error;
  } finally {
    state.stopped = true;
    engine.destroy();
    await feeding;
  }
  if (state.failed !== undefined) throw state.failed;
}

function isZlib(error: unknown): boolean {
  return String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
