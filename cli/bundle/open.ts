import { tmpdir } from 'node:os';
import { type OpenBundle, type OpenOptions, openBundle } from '../../backup/read.ts';
import { BundleSource } from '../../backup/source.ts';
import type { Context } from '../context.ts';
import { withByteProgress } from '../progress.ts';
import { nameOf } from '../read.ts';
import { knownPassphrase, type PassphraseOptions } from './passphrase.ts';

/** What `inspect` and `verify` tell of a bundle. */
export type BundleFacts = { file: string; bytes: number } & Pick<OpenBundle, 'manifest' | 'profile'>;

/** Read all of a bundle; `-` is standard input. Throws what openBundle throws, `bad-usage`. */
export async function readBundle(
  context: Context,
  file: string,
  options: PassphraseOptions,
  look?: NonNullable<OpenOptions['look']>,
): Promise<BundleFacts> {
  const source =
    file === '-'
      ? await BundleSource.keep(process.stdin, tmpdir(), nameOf('-'))
      : await BundleSource.open(file);
  try {
    const passphrase = await knownPassphrase(context, options);
    const { manifest, profile, size } = await withByteProgress(context, 'Reading', source.size, onBytes =>
      openBundle(source, passphrase, look === undefined ? { onBytes } : { onBytes, look }),
    );
    return { file: source.name, bytes: size, profile, manifest };
  } finally {
    await source.close();
  }
}
