import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { withProgress } from '../progress.ts';
import { unreadable } from '../read.ts';

/** Hand bundles to the unit, still encrypted, and `use` their uploads while it keeps them. Throws `bad-usage`, what `use` throws. */
export async function withBundles<Answer>(
  context: Context,
  files: readonly string[],
  use: (uploads: string[]) => Promise<Answer>,
): Promise<Answer> {
  const unit = context.unit();
  const uploads: string[] = [];
  try {
    for (const file of files) {
      await assertReadable(file);
      uploads.push(
        (await withProgress(context, 'Sending', unit.call('upload', { bytes: createReadStream(file) })))
          .upload,
      );
    }
    return await use([...uploads]);
  } finally {
    for (const upload of uploads) await unit.call('dropUpload', { upload }).catch(() => undefined); // it goes by itself when the unit does not answer
  }
}

/** The same for one bundle. */
export function withBundle<Answer>(
  context: Context,
  file: string,
  use: (upload: string) => Promise<Answer>,
): Promise<Answer> {
  return withBundles(context, [file], ([upload = '']) => use(upload));
}

/** Throws `bad-usage`. Worth asking before anybody types a passphrase. */
export async function assertReadable(file: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error);
  });
  if (!found.isFile()) throw new LockstepError('bad-usage', `${file} is not a file.`);
}
