import { LockstepError } from '../schema/error.ts';
import type { Context } from './context.ts';
import { askPassphrase } from './prompt.ts';
import { readText } from './read.ts';

/** The passphrase that opens a bundle: out of a file (`-`: standard input), or typed. Never an argument. */
export async function openingPassphrase(
  { interactive }: Pick<Context, 'interactive'>,
  file: string | undefined,
): Promise<string> {
  if (file !== undefined) return (await readText(file)).replace(/\r?\n$/, '');
  if (interactive) return askPassphrase('Passphrase of the bundle');
  throw new LockstepError('bad-usage', 'The passphrase is missing, and nobody can be asked for it.', {
    hint: 'Name a file that holds it: --passphrase-file FILE; - is standard input.',
  });
}
