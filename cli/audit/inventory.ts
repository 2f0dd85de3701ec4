import { resolve } from 'node:path';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json } from '../../schema/json.ts';
import type { Place } from '../context.ts';
import { given } from '../given.ts';
import { parseHost } from '../host-argument.ts';
import { nameOf } from '../read.ts';

export interface Listed {
  name: string;
  place: Place;
  site?: string;
  group?: string;
  tags?: string[];
}

/** What `--only` names: `name=vienna`, `site=at`, `group=edge`, `tag=prod`. */
const TRAITS = ['name', 'site', 'group', 'tag'] as const;

export interface Choice {
  trait: (typeof TRAITS)[number];
  value: string;
}

const MAX_PAIRS = 10_000;

/**
 * The pairs of an inventory: a list, or a list under `pairs`; each with a `name`, the `dir` or `unit` of one of its units, and
 * `site`, `group` and `tags` to choose by.
 * Throws `bad-usage` naming the entry.
 */
export async function readInventory(file: string): Promise<Listed[]> {
  const { readYaml } = await import('../yaml.ts');
  return listed(await readYaml(file), nameOf(file));
}

function listed(document: Json, source: string): Listed[] {
  const pairs = isObject(document) ? document.pairs : document;
  if (!Array.isArray(pairs) || pairs.length === 0 || pairs.length > MAX_PAIRS)
    throw new LockstepError('bad-usage', `${source} holds no list of pairs.`, { hint: EXAMPLE });
  const found = pairs.map((pair, index) => entry(pair, `${source}, pair ${index + 1}`));
  const names = found.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new LockstepError('bad-usage', `${source} names ${JSON.stringify(twice)} twice.`);
  return found;
}

const EXAMPLE =
  'pairs: [{name: vienna, dir: /var/lib/lockstep}, {name: graz, unit: lb1.graz.example:6973, site: at, tags: [prod]}]';

function entry(pair: Json, place: string): Listed {
  const {
    dir,
    unit,
    name = dir ?? unit,
    site,
    group,
    tags,
    ...more
  } = isObject(pair) ? pair : { none: true };
  const one = [dir, unit].filter(isWord);
  const words = [site, group].filter(word => word !== undefined);
  const list = tags === undefined ? [] : tags;
  if (one.length !== 1 || !isWord(name) || Object.keys(more).length > 0)
    throw new LockstepError(
      'bad-usage',
      `${place} must have a dir or a unit, a name, and beside them only site, group and tags.`,
      { hint: EXAMPLE },
    );
  if (!words.every(isWord) || !Array.isArray(list) || !list.every(isWord))
    throw new LockstepError('bad-usage', `${place}: site and group are words, tags a list of words.`, {
      hint: EXAMPLE,
    });
  if (typeof dir !== 'string') parseHost(String(unit));
  return {
    name,
    place: typeof dir === 'string' ? { dir: resolve(dir) } : { unit: String(unit) },
    ...given({ site: site as string | undefined, group: group as string | undefined }),
    ...(tags === undefined ? {} : { tags: list as string[] }),
  };
}

function isWord(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

/** For commander: collects one choice after the other. Throws `bad-usage`. */
export function readChoice(text: string, before: Choice[] = []): Choice[] {
  const [trait, value] = split(text);
  if (TRAITS.includes(trait as Choice['trait']) && value !== '')
    return [...before, { trait: trait as Choice['trait'], value }];
  throw new LockstepError('bad-usage', `--only does not understand ${JSON.stringify(text)}.`, {
    hint: 'Such as --only site=vienna, --only tag=prod, --only group=edge or --only name=lb1.',
  });
}

function split(text: string): [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The pairs that have one of the values named for each trait; of these the first `limit`. Throws `bad-usage` when there is none. */
export function choose(pairs: Listed[], choices: Choice[], limit?: number): Listed[] {
  const traits = [...new Set(choices.map(({ trait }) => trait))];
  const chosen = pairs.filter(pair =>
    traits.every(trait =>
      choices.some(choice => choice.trait === trait && valuesOf(pair, trait).includes(choice.value)),
    ),
  );
  if (chosen.length > 0) return chosen.slice(0, limit);
  throw new LockstepError('bad-usage', 'No pair of the inventory is what --only names.');
}

function valuesOf({ name, site, group, tags = [] }: Listed, trait: Choice['trait']): (string | undefined)[] {
  return trait === 'tag' ? tags : [{ name, site, group }[trait]];
}
