import { parse } from 'yaml';
import { LockstepError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import { nameOf, readText } from './read.ts';

/**
 * This file is imported when it is needed: the library is large, and comes whole into a build only where it is imported by name.
 */

/** A YAML file that an operator wrote; `-` is standard input. Throws `bad-usage`. */
export async function readYaml(file: string): Promise<Json> {
  const text = await readText(file);
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: true }) as Json;
  } catch (error) {
    throw new LockstepError('bad-usage', `${nameOf(file)} is not YAML: ${(error as Error).message}`);
  }
}
