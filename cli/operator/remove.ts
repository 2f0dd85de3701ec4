import { exitOf, formatChanges } from '../changes.ts';
import { given } from '../command.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exit.ts';
import type { AddOptions } from './add.ts';
import { operatorPath } from './place.ts';

export async function remove(
  { unit, out }: Context,
  name: string | undefined,
  { thisUnit, reason }: Pick<AddOptions, 'thisUnit' | 'reason'>,
): Promise<ExitCode> {
  const path = operatorPath(name, thisUnit);
  const answer = await unit().change({ changes: [{ op: 'remove', path }], ...given({ reason }) });
  out.answer(answer, changed => formatChanges(changed, out.paint));
  return exitOf(answer);
}
