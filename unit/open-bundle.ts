import { openBundle as readBundle } from '../backup/read.ts';
import { BundleSource } from '../backup/source.ts';
import type { OpenBundle } from './restoring.ts';

export const openBundle: OpenBundle = async (file, passphrase) => {
  const source = await BundleSource.open(file);
  try {
    return { bundle: await readBundle(source, passphrase), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
};
