import { resolve } from 'node:path';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json } from '../../schema/json.ts';
import type { Place } from '../context.ts';
import { parseHost } from '../host-argument.ts';
import { nameOf } from '../read.ts';

export interface Listed {
  name: string;
  place: Place;
}

const MOST_PAIRS = 10_000;

/**
 * The pairs of an inventory: a list, or a list under `pairs`; each with a `name`, and the `dir` or `unit` of one of its units.
 * Throws `bad-usage` naming the entry.
 */
export async function readInventory(file: string): Promise<Listed[]> {
  const { readYaml } = await import('../yaml.ts');
  return listed(await readYaml(file), nameOf(file));
}

export function listed(document: Json, source: string): Listed[] {
  const pairs = isObject(document) ? document.pairs : document;
  if (!Array.isArray(pairs) || pairs.length === 0 || pairs.length > MOST_PAIRS)
    throw new LockstepError('bad-usage', `${source} holds no list of pairs.`, { hint: EXAMPLE });
  const found = pairs.map((pair, index) => entry(pair, `${source}, pair ${index + 1}`));
  const names = found.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new LockstepError('bad-usage', `${source} names ${JSON.stringify(twice)} twice.`);
  return found;
}

const EXAMPLE = 'pairs: [{name: vienna, dir: /var/lib/lockstep}, {name: graz, unit: lb1.graz.example:6973}]';

function entry(pair: Json, place: string): Listed {
  const { dir, unit, name = dir ?? unit, ...more } = isObject(pair) ? pair : { none: true };
  const one = [dir, unit].filter(way => typeof way === 'string' && way !== '');
  if (one.length !== 1 || typeof name !== 'string' || name === '' || Object.keys(more).length > 0)
    throw new LockstepError('bad-usage', `${place} must have a dir or a unit, a name, and nothing else.`, {
      hint: EXAMPLE,
    });
  if (typeof dir === 'string') return { name, place: { dir: resolve(dir) } };
  parseHost(String(unit));
  return { name, place: { unit: String(unit) } };
}
