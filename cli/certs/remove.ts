import { exitOf, formatChanges } from '../changes.ts';
import { type ChangeOptions, given } from '../command.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exit.ts';
import { type ChoiceOptions, choiceOf } from './choice.ts';

export async function remove(
  context: Context,
  name: string | undefined,
  options: ChoiceOptions & ChangeOptions,
): Promise<ExitCode> {
  const { reason, dryRun, confirm, wait } = options;
  const asked = { ...choiceOf(name, options), ...given({ reason, dryRun, confirm, wait }) };
  const answer = await context.unit().removeCertificate(asked);
  context.out.answer(answer, removed => formatChanges(removed, context.out.paint));
  return exitOf(answer);
}
