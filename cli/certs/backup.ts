import { type CreateOptions, create } from '../bundle/create.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exit.ts';

/** Make a bundle of all certificates with their keys, and read it back before it is said to be there. */
export function backup(context: Context, options: CreateOptions): Promise<ExitCode> {
  return create(context, options, 'certificates');
}
