import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { withProgress } from '../progress.ts';
import { unreadable } from '../read.ts';

/** Hand a bundle to the unit, still encrypted; resolves to the name of the upload. Throws `bad-usage`. */
export async function sendBundle(context: Context, file: string): Promise<string> {
  await assertReadable(file);
  const { upload } = await withProgress(
    context,
    'Sending',
    context.unit().call('upload', { bytes: createReadStream(file) }),
  );
  return upload;
}

/** Throws `bad-usage`. Worth asking before anybody types a passphrase. */
export async function assertReadable(file: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error);
  });
  if (!found.isFile()) throw new LockstepError('bad-usage', `${file} is not a file.`);
}
