import { openBundle as readBundle } from '../../backup/read.ts';
import { BundleSource } from '../../backup/source.ts';
import type { OpenBundle } from './restoring.ts';

/** Records that stay in memory between the reading of a bundle and its use, in bytes. */
const KEPT_BYTES = 16 * 1024 * 1024;

export const openBundle: OpenBundle = async (file, passphrase) => {
  const source = await BundleSource.open(file);
  try {
    return {
      bundle: await readBundle(source, passphrase, { keptBytes: KEPT_BYTES }),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
};
