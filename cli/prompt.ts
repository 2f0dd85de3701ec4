import { LockstepError } from '../schema/error.ts';
import { printable } from '../schema/printable.ts';
import type { Output } from './output.ts';

/** Questions to a person. Callers ask only where `context.interactive` says that there is one. */

/** A secret that is known already, typed once and shown never. */
export async function askKnownSecret(what: string): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  return asked(password({ message: `${printable(what)}:` }, ON_STDERR));
}

/** A secret, typed twice and shown never. Throws `bad-usage` when the two differ or nothing is typed. */
export async function askSecret(what: string): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  const first = await asked(password({ message: `${printable(what)}:` }, ON_STDERR));
  const second = await asked(password({ message: `${printable(what)}, once more:` }, ON_STDERR));
  if (first === '') throw new LockstepError('bad-usage', 'Nothing was typed; nothing was changed.');
  if (first !== second)
    throw new LockstepError('bad-usage', 'The two are not the same; nothing was changed.', {
      hint: 'Type the command again.',
    });
  return first;
}

export async function askText(what: string): Promise<string> {
  const { input } = await import('@inquirer/prompts');
  return (await asked(input({ message: `${printable(what)}:` }, ON_STDERR))).trim();
}

export async function askYesNo(question: string, byDefault = true): Promise<boolean> {
  const { confirm } = await import('@inquirer/prompts');
  return asked(confirm({ message: printable(question), default: byDefault }, ON_STDERR));
}

/** One of several; `choices` gives each answer with the words for it. */
export async function askChoice<Answer extends string>(
  question: string,
  choices: readonly { value: Answer; name: string }[],
): Promise<Answer> {
  const { select } = await import('@inquirer/prompts');
  const shown = choices.map(({ value, name }) => ({ value, name: printable(name) }));
  return asked(select({ message: printable(question), choices: shown }, ON_STDERR));
}

/** Does not return when the answer is no, or nobody can be asked and `yes` was not given. Throws `bad-usage`. */
export async function confirmed(
  { interactive, out }: { interactive: boolean; out: Pick<Output, 'note'> },
  yes: boolean | undefined,
  what: string,
): Promise<void> {
  out.note(what);
  if (yes === true) return;
  if (!interactive)
    throw new LockstepError('bad-usage', 'This has to be confirmed; nothing was changed.', {
      hint: 'Add --yes to do it without being asked.',
      facts: { what },
    });
  if (!(await askYesNo('Go on?', false)))
    throw new LockstepError('bad-usage', 'Cancelled; nothing was changed.');
}

/** stdout belongs to the answer. */
const ON_STDERR = { output: process.stderr };

async function asked<Answer>(question: Promise<Answer>): Promise<Answer> {
  try {
    return await question;
  } catch {
    throw new LockstepError('bad-usage', 'Cancelled; nothing was changed.');
  }
}
