import type { Description } from '../api/contract/configuration.ts';
import { LockstepError } from '../schema/error.ts';
import { isObject, type Json } from '../schema/json.ts';

/**
 * An edited document of the whole configuration, with the groups that were taken out of it named as empty ones.
 * Applying a document leaves alone what it does not name at the top, but somebody who takes a group out of the text
 * that they edit wants it gone.
 * Throws `bad-usage` for a record taken out at the top (`ha`): a document cannot say that.
 */
export async function withLeftOut(
  before: Json,
  after: Json,
  describe: (path: string) => Promise<Description>,
): Promise<Json> {
  if (!isObject(before) || !isObject(after)) return after;
  const result = { ...after };
  for (const name of Object.keys(before).filter(known => !Object.hasOwn(after, known))) {
    if ((await describe(name)).type !== 'group') throw useUnset(name);
    result[name] = {};
  }
  return result;
}

function useUnset(name: string): LockstepError {
  return new LockstepError('bad-usage', `${name} is missing from the text.`, {
    hint: `Put it back; to remove it, type lockstep unset ${name}.`,
  });
}
