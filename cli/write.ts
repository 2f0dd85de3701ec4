import { writeFile } from 'node:fs/promises';
import { LockstepError } from '../schema/error.ts';

/** Writes a file that must not be there yet. Throws `file-exists`, `bad-usage`. */
export async function writeNewFile(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode, flush: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new LockstepError('file-exists', `${file} is there already; it was not written over.`, {
        hint: 'Name another file.',
      });
    throw new LockstepError('bad-usage', `${file} cannot be written: ${message}.`);
  }
}
