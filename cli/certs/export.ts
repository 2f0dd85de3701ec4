import { writeFile } from 'node:fs/promises';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type ChoiceOptions, choiceOf } from './choice.ts';

export interface ExportOptions extends ChoiceOptions {
  public?: boolean;
  withKey?: boolean;
  output?: string;
}

/** A private key goes to a new file that nobody else can read, and nowhere else. */
export async function exportOne(
  context: Context,
  name: string | undefined,
  options: ExportOptions,
): Promise<ExitCode> {
  const { withKey = false, output } = options;
  const choice = choiceOf(name, options);
  if (withKey === (options.public === true))
    throw new LockstepError('bad-usage', 'Choose one: --public or --with-key.', {
      hint: '--public is the certificate and its chain; --with-key adds the private key.',
    });
  if (withKey && (output === undefined || output === '-'))
    throw new LockstepError('bad-usage', 'A private key is never printed.', {
      hint: 'Name a new file for it: -o FILE. Nobody else will be able to read it.',
    });
  const { pem, ...answer } = await context.unit().exportCertificate({ ...choice, withKey });
  if (output === undefined || output === '-') {
    context.out.answer({ ...answer, pem }, () => pem);
    return EXIT.done;
  }
  await save(output, pem, withKey);
  context.out.answer({ ...answer, file: output, withKey }, ({ file }) =>
    withKey
      ? `Certificate, chain and private key are in ${file}, readable by you alone.`
      : `Written to ${file}.`,
  );
  return EXIT.done;
}

async function save(file: string, pem: string, secret: boolean): Promise<void> {
  try {
    await writeFile(file, pem, { flag: 'wx', mode: secret ? 0o600 : 0o644, flush: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new LockstepError('file-exists', `${file} is there already; it was not written over.`, {
        hint: 'Name another file.',
      });
    throw new LockstepError('bad-usage', `${file} cannot be written: ${message}.`);
  }
}
