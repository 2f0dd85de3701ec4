import type { Readable } from 'node:stream';
import { seal } from './openpgp.ts';
import { pack } from './pack.ts';
import { assertGoodPassphrase } from './passphrase.ts';
import type { ArchiveEntry } from './tar.ts';

export interface PlainFile {
  /** At most 100 ASCII characters. */
  name: string;
  content: Buffer;
}

/**
 * Any files in one encrypted file, which opens with `gpg -d FILE | tar xz` as a bundle does; it is none, because it has no manifest.
 * Throws `weak-passphrase`.
 */
export async function sealFiles(files: PlainFile[], passphrase: string, createdAt: Date): Promise<Readable> {
  assertGoodPassphrase(passphrase);
  async function* entries(): AsyncGenerator<ArchiveEntry> {
    for (const { name, content } of files) yield { name, size: content.length, content: [content] };
  }
  return seal(
    pack(entries(), createdAt, () => undefined),
    passphrase,
    'classic',
  );
}
