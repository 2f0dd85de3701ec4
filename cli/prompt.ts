import { LockstepError } from '../schema/error.ts';

/** Questions to a person. Callers ask only where `context.interactive` says that there is one. */

/** A secret, typed twice and shown never. Throws `bad-usage` when the two differ or nothing is typed. */
export async function askSecret(what: string): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  const first = await asked(password({ message: `${what}:` }, ON_STDERR));
  const second = await asked(password({ message: `${what}, once more:` }, ON_STDERR));
  if (first === '') throw new LockstepError('bad-usage', 'Nothing was typed; nothing was changed.');
  if (first !== second)
    throw new LockstepError('bad-usage', 'The two are not the same; nothing was changed.', {
      hint: 'Type the command again.',
    });
  return first;
}

export async function askText(what: string): Promise<string> {
  const { input } = await import('@inquirer/prompts');
  return (await asked(input({ message: `${what}:` }, ON_STDERR))).trim();
}

export async function askYesNo(question: string, byDefault = true): Promise<boolean> {
  const { confirm } = await import('@inquirer/prompts');
  return asked(confirm({ message: question, default: byDefault }, ON_STDERR));
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
