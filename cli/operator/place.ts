import { LockstepError } from '../../schema/error.ts';

/** Where an operator stands: known to the pair, or to one unit alone. Throws `bad-usage` without a name. */
export function operatorPath(name: string | undefined, thisUnit = false): string {
  if (name === undefined)
    throw new LockstepError('bad-usage', 'Which operator?', {
      hint: 'Give a name; lockstep operator list shows those that there are.',
    });
  return `${thisUnit ? 'unitOperators' : 'operators'}/${name}`;
}
