import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LockstepError } from '../schema/error.ts';
import { MAX_DOCUMENT_BYTES, tooLarge } from '../schema/json.ts';

/** Bytes that a command may still read; a folder's files share one budget. */
export interface Budget {
  left: number;
}

export function fullBudget(): Budget {
  return { left: MAX_DOCUMENT_BYTES };
}

/**
 * The text of a file, or of stdin for `-`. The size is looked at before anything is read.
 * Throws `bad-usage` (cannot be read, not UTF-8), `too-large`.
 */
export async function readText(path: string, budget = fullBudget()): Promise<string> {
  const bytes = await readBytes(path, budget);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new LockstepError('bad-usage', `${nameOf(path)} is not UTF-8 text.`);
  }
}

/** The bytes of a file, or of stdin for `-`. Throws `bad-usage`, `too-large`. */
export async function readBytes(path: string, budget: Budget): Promise<Buffer> {
  const bytes = path === '-' ? await readStdin(budget) : await readFile(path, budget);
  budget.left -= bytes.length;
  return bytes;
}

export function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

async function readFile(path: string, budget: Budget): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > budget.left) throw tooLarge(path, MAX_DOCUMENT_BYTES - budget.left + size);
    return await collect(createReadStream(path), path, budget);
  } catch (error) {
    throw error instanceof LockstepError ? error : unreadable(path, error as NodeJS.ErrnoException);
  }
}

function readStdin(budget: Budget): Promise<Buffer> {
  return collect(process.stdin, nameOf('-'), budget);
}

/** Pipes and devices do not say how much will come. */
async function collect(stream: AsyncIterable<unknown>, source: string, budget: Budget): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > budget.left) throw tooLarge(source, MAX_DOCUMENT_BYTES - budget.left + bytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

export function unreadable(path: string, error: NodeJS.ErrnoException): LockstepError {
  const reasons: Record<string, string> = {
    ENOENT: `There is no ${path}.`,
    EISDIR: `${path} is a folder.`,
    EACCES: `This user may not read ${path}.`,
  };
  return new LockstepError(
    'bad-usage',
    reasons[error.code ?? ''] ?? `${path} cannot be read: ${error.message}.`,
    { facts: { path, errno: error.code } },
  );
}
