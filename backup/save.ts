import { randomBytes } from 'node:crypto';
import { access, type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeDurable, syncFolder } from '../host/durable-file.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import { numbered } from './name.ts';
import { type OpenBundle, openBundle } from './read.ts';
import { BundleSource } from './source.ts';

interface SaveOptions {
  passphrase: string;
  /** Encrypted bytes that were written, and later that were read back. */
  onWritten?: (bytes: number) => void;
  onRead?: (bytes: number) => void;
  /** Where the name is taken, the bundle gets a number behind it; otherwise it is refused. */
  mayNumber?: boolean;
}

export interface SavedBundle extends Omit<OpenBundle, 'records'> {
  /** Where it is. */
  file: string;
}

/** Numbers that a name may get. */
const MAX_SAME_NAME = 99;

/**
 * Write a bundle to `wanted`, mode 0600, so that at any moment either all of it is there under this name or nothing is;
 * then read it back and verify it. Resolves when it is durable and good; a bundle that is not good is removed.
 * Throws `file-exists`, `disk`, what `bytes` throws, and what openBundle throws.
 */
export async function saveBundle(
  bytes: AsyncIterable<unknown>,
  wanted: string,
  { passphrase, onWritten = () => undefined, onRead, mayNumber = false }: SaveOptions,
): Promise<SavedBundle> {
  const file = await writeBundle(bytes, wanted, onWritten, mayNumber ? MAX_SAME_NAME : 1);
  const source = await BundleSource.open(file);
  try {
    const { records: _records, ...facts } = await openBundle(
      source,
      passphrase,
      onRead && { onBytes: onRead },
    );
    return { ...facts, file };
  } catch (error) {
    await removeDurable(file).catch(() => undefined);
    throw error;
  } finally {
    await source.close();
  }
}

/** Before anything costly is done. Throws `file-exists`; the last word is that of saveBundle. */
export async function assertFree(file: string): Promise<void> {
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (there) throw fileExists(file);
}

/**
 * Whole under its name, mode 0600, or not there at all; durable when it resolves, to what it is called.
 * Throws `file-exists`, `disk`.
 */
export async function writeBundle(
  bytes: AsyncIterable<unknown>,
  file: string,
  onWritten: (bytes: number) => void = () => undefined,
  mostNames = 1,
): Promise<string> {
  const temporary = join(dirname(file), `.lockstep-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    await fill(handle, bytes, onWritten).finally(() => handle.close());
    const given = await giveFreeName(temporary, file, mostNames);
    await syncFolder(dirname(file));
    return given;
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw explained(error, file);
  }
}

async function fill(
  handle: FileHandle,
  bytes: AsyncIterable<unknown>,
  onWritten: (bytes: number) => void,
): Promise<void> {
  await handle.chmod(0o600); // an odd umask would keep even the owner out
  for await (const chunk of bytes) {
    await handle.writeFile(chunk as Buffer);
    onWritten((chunk as Buffer).length);
  }
  await handle.sync();
}

async function giveFreeName(temporary: string, file: string, mostNames: number): Promise<string> {
  for (let number = 1; ; number++) {
    const name = numbered(file, number);
    try {
      await giveName(temporary, name);
      return name;
    } catch (error) {
      const taken = ['EEXIST', 'file-exists'].includes(String((error as NodeJS.ErrnoException).code));
      if (!taken || number >= mostNames) throw error;
    }
  }
}

/** A rename would take the place of what got the name meanwhile; a link does not. */
async function giveName(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    await assertFree(file);
    return rename(temporary, file); // a file system without links
  }
  await unlink(temporary);
}

function explained(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return fileExists(file);
  const why = WHY_NOT[code ?? ''];
  if (why !== undefined)
    return new LockstepError('bad-usage', `${file} cannot be written: ${why}.`, {
      hint: 'Choose another place with -o.',
      facts: { path: file, errno: code },
    });
  return asLockstepError(error);
}

const WHY_NOT: Record<string, string> = {
  ENOENT: 'its folder is not there',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
};

function fileExists(file: string): LockstepError {
  return new LockstepError('file-exists', `${file} is there already; a bundle never replaces a file.`, {
    hint: 'Choose another name with -o, or remove it first.',
    facts: { path: file },
  });
}
