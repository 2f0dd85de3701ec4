import { basename } from 'node:path';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printable } from '../printable.ts';
import { withProgress } from '../progress.ts';
import { plural } from '../quantity.ts';
import { knownPassphrase, type PassphraseOptions } from './passphrase.ts';
import { sendBundle } from './send.ts';

/** Restore a bundle on a scratch unit inside the daemon, which remembers what became of it. */
export async function drill(
  context: Context,
  file: string | undefined,
  options: PassphraseOptions,
): Promise<ExitCode> {
  if (file === undefined)
    throw new LockstepError('bad-usage', 'Which bundle?', {
      hint: 'Name its file; lockstep backup list shows those of this unit.',
    });
  const passphrase = await knownPassphrase(context, options);
  const upload = await sendBundle(context, file);
  const work = context.unit().drill({ upload, name: basename(file), passphrase });
  const answer = await withProgress(context, 'Restoring on a scratch unit', work);
  context.out.answer(
    answer,
    ({ name, records, seconds }) =>
      `The drill passed: ${printable(name)} gives back all of it, ${plural(records, 'record')}, in ${seconds.toFixed(1)} s.`,
  );
  return EXIT.done;
}
