import { randomBytes } from 'node:crypto';
import { chmod, open, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names of files that a crash can leave behind in the folder of a replaced file; they hold nothing of worth. */
export const TEMPORARY = /^\.lockstep-[0-9a-f]{12}\.tmp$/;

/**
 * Replace `file`, so that after a crash or a power cut it holds either all of the old or all of the new content;
 * the new one once this has resolved. Mode 0600; a symbolic link is replaced, not followed.
 * Throws the error of the file system. When the folder cannot be synced the new content is visible but may not survive a
 * power cut: that throws too.
 */
export async function writeDurable(file: string, data: string | Buffer): Promise<void> {
  await replace(file, data, true);
  await syncFolder(dirname(file));
}

/** As writeDurable, without waiting for the disk: for what can be made again. */
export async function writeAtomic(file: string, data: string | Buffer): Promise<void> {
  await replace(file, data, false);
}

/** Remove `file`; it is no error when it is not there. Throws as writeDurable does. */
export async function removeDurable(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await syncFolder(dirname(file));
}

async function replace(file: string, data: string | Buffer, durable: boolean): Promise<void> {
  const temporary = join(dirname(file), `.lockstep-${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(temporary, data, { flag: 'wx', mode: 0o600, flush: durable });
    if (durable) await chmod(temporary, 0o600); // an odd umask would keep even the owner out
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** A rename lives in the folder: without this it may be undone by a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
