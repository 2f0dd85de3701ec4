import { resolve } from 'node:path';
import { KINDS, type Kind, type Mode, type Place, type Request } from '../../replace/plan.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import type { Context } from '../context.ts';
import { parseHost } from '../host-argument.ts';
import { askChoice, askText } from '../prompt.ts';

const MODES: readonly Mode[] = ['first', 'second'];
const MEMBERS = new Set(['kind', 'old', 'new', 'leaves', 'bundles', 'pair', 'accept', 'others']);

/** The request that a file holds, or that a person at a terminal tells. Throws `bad-usage`. */
export async function readRequest(context: Context, file: string | undefined, kind?: Kind): Promise<Request> {
  if (file !== undefined) {
    const { readYaml } = await import('../yaml.ts');
    const document = await readYaml(file);
    return requestOf(isObject(document) && kind !== undefined ? { kind, ...document } : document, file);
  }
  if (context.interactive) return ask(kind);
  throw new LockstepError('bad-usage', 'Which units are replaced by which?', {
    hint: 'Name a plan file; docs/REPLACEMENT.md shows one. At a terminal, lockstep replace plan asks.',
  });
}

/** Throws `bad-usage` naming the member. */
function requestOf(document: Json, source: string): Request {
  if (!isObject(document)) throw wrong(source, 'is not a plan');
  const stray = Object.keys(document).find(name => !MEMBERS.has(name));
  if (stray !== undefined) throw wrong(source, `has ${JSON.stringify(stray)}, which a plan does not know`);
  const { leaves, bundles = {}, accept = [], others = [] } = document;
  const kind = KINDS.find(each => each === document.kind);
  if (kind === undefined) throw wrong(source, `must say a kind: ${KINDS.join(', ')}`);
  if (leaves !== undefined && !MODES.includes(leaves as Mode))
    throw wrong(source, 'says of leaves neither first nor second');
  if (!isObject(bundles) || !Object.values(bundles).every(file => typeof file === 'string'))
    throw wrong(source, 'must name files under bundles: first, second, certificates');
  if (!Array.isArray(accept) || !accept.every(code => typeof code === 'string'))
    throw wrong(source, 'must have a list of codes under accept');
  if (!Array.isArray(others)) throw wrong(source, 'must have a list of units under others');
  const pair = pairOf(document.pair, source);
  return {
    kind,
    old: placesOf(document.old, `${source}, old`),
    new: placesOf(document.new, `${source}, new`),
    bundles: Object.fromEntries(
      Object.entries(bundles).map(([name, file]) => [name, resolve(String(file))]),
    ) as Request['bundles'],
    accept: accept as string[],
    others: others.map((place, index) => placeOf(place, `${source}, others, ${index + 1}`)),
    ...(leaves === undefined ? {} : { leaves: leaves as Mode }),
    ...(pair === undefined ? {} : { pair }),
  };
}

function placesOf(document: Json | undefined, source: string): Partial<Record<Mode, Place>> {
  if (document === undefined) return {};
  if (!isObject(document)) throw wrong(source, 'must hold first, second or both');
  return Object.fromEntries(
    Object.entries(document).map(([mode, place]) => {
      if (!MODES.includes(mode as Mode)) throw wrong(source, `holds ${JSON.stringify(mode)}`);
      return [mode, placeOf(place, `${source}, ${mode}`)];
    }),
  );
}

function placeOf(document: Json, source: string): Place {
  const { dir, unit, ...more } = isObject(document) ? document : { none: true };
  if (Object.keys(more).length === 0 && typeof dir === 'string' && unit === undefined)
    return { dir: resolve(dir) };
  if (Object.keys(more).length > 0 || typeof unit !== 'string' || dir !== undefined)
    throw wrong(source, 'must have a unit (HOST or HOST:PORT) or a dir');
  parseHost(unit);
  return { unit };
}

function pairOf(document: Json | undefined, source: string): Request['pair'] {
  if (document === undefined) return undefined;
  const text = (name: string): string => {
    const value = (document as JsonObject)[name];
    if (typeof value !== 'string') throw wrong(source, `must name ${name} under pair`);
    return value;
  };
  if (!isObject(document) || typeof document.virtualId !== 'number')
    throw wrong(source, 'must hold interface, address, shared, partner and virtualId under pair');
  return {
    interface: text('interface'),
    address: text('address'),
    shared: text('shared'),
    partner: text('partner'),
    virtualId: document.virtualId,
  };
}

function wrong(source: string, what: string): LockstepError {
  return new LockstepError('bad-usage', `${source} ${what}.`, {
    hint: 'docs/REPLACEMENT.md shows a whole plan file.',
  });
}

const WORDS: Record<Exclude<Kind, 'disaster' | 'grow'>, string> = {
  both: 'both units, one after the other',
  one: 'one unit, which is dead; its partner is alive',
  shrink: 'none: a pair becomes a single unit',
};

/** What needs bundles or addresses is told by a file. */
async function ask(given?: Kind): Promise<Request> {
  if (given === 'disaster' || given === 'grow')
    throw new LockstepError('bad-usage', `A plan of the kind ${given} needs a plan file.`, {
      hint: 'docs/REPLACEMENT.md shows one.',
    });
  const choices = Object.entries(WORDS).map(([value, name]) => ({
    value: value as keyof typeof WORDS,
    name,
  }));
  const kind = given ?? (await askChoice('What is replaced?', choices));
  const place = async (what: string): Promise<Json> => {
    const text = await askText(`${what}: HOST[:PORT], or the directory of a unit on this machine`);
    return text.includes('/') ? { dir: text } : { unit: text };
  };
  const both = async (what: string): Promise<JsonObject> => ({
    first: await place(`The ${what} unit in HA first mode`),
    second: await place(`The ${what} unit in HA second mode`),
  });
  const modes = MODES.map(value => ({ value, name: `the unit in HA ${value} mode` }));
  const old = await both('old');
  const leaves =
    kind === 'both'
      ? undefined
      : await askChoice(kind === 'one' ? 'Which one is dead?' : 'Which one goes?', modes);
  const fresh =
    kind === 'both'
      ? await both('new')
      : leaves !== undefined && kind === 'one'
        ? { [leaves]: await place(`The new unit in HA ${leaves} mode`) }
        : {};
  return requestOf({ kind, old, new: fresh, ...(leaves === undefined ? {} : { leaves }) }, 'The plan');
}
