import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import { isObject, isSameJson, type JsonObject } from '../schema/json.ts';
import { parentPath } from '../schema/path.ts';
import { joinRecord, valueAt } from '../schema/record.ts';
import type { Rule } from '../schema/rule.ts';
import type { Judged } from '../schema/tightened.ts';
import { keys } from './keys.ts';
import { linksOf } from './links.ts';
import type { Reader } from './port.ts';
import type { Transition } from './transition.ts';
import type { FutureView } from './view.ts';

/** Most problems that one refusal lists; a bad import can have thousands. */
const MAX_PROBLEMS = 50;

/** Everything that speaks against a change; empty when it may be committed. */
export async function findProblems(
  catalog: Catalog,
  view: FutureView,
  reader: Reader,
  transitions: Transition[],
  rules: readonly Rule[],
  judged: Judged = 'new',
): Promise<Problem[]> {
  const rest = pauses();
  const problems: Problem[] = [];
  for (const transition of transitions) {
    const pause = rest();
    if (pause !== undefined) await pause;
    problems.push(...schemaProblems(catalog, transition, judged));
  }
  if (problems.length > 0) return problems; // rules may rely on valid records
  for (const transition of transitions) {
    const pause = rest();
    if (pause !== undefined) await pause;
    if (!needsNothing(view, transition)) problems.push(...(await danglingProblems(view, transition)));
  }
  problems.push(...(await uniqueProblems(reader, transitions)));
  problems.push(...(await ruleProblems(view, transitions, rules.filter(refuses(judged)), judged)));
  return problems;
}

/** Which rules speak against a change that is judged so. */
export function refuses(judged: Judged): (rule: Rule) => boolean {
  return ({ severity }) => severity === 'error' || (severity === 'tightened' && judged === 'new');
}

/** What rules warn of that a change brings with it: not what the same record said before. */
export async function broughtWarnings(
  view: FutureView,
  transitions: Transition[],
  rules: readonly Rule[],
): Promise<Problem[]> {
  const told = rules.filter(({ severity }) => severity === 'warning' || severity === 'notice');
  const problems = await ruleProblems(view, transitions, told);
  return problems.filter(({ path }) => !transitions.some(transition => saidBefore(transition, path)));
}

function saidBefore({ kind, path, before, after }: Transition, place: string): boolean {
  if (!place.startsWith(`${path}/`)) return false;
  const field = place.slice(path.length + 1).split('/');
  const [was, is] = [joinRecord(kind, before), joinRecord(kind, after)];
  return was !== undefined && is !== undefined && isSameJson(valueAt(was, field), valueAt(is, field));
}

/** What rules say about the records that `transitions` touch. */
export async function ruleProblems(
  view: FutureView,
  transitions: Pick<Transition, 'path' | 'kind'>[],
  rules: readonly Rule[],
  judged: Judged = 'new',
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const byKind = new Map<string, string[]>();
  for (const { path, kind } of transitions) {
    const paths = byKind.get(kind.name);
    if (paths === undefined) byKind.set(kind.name, [path]);
    else paths.push(path);
  }
  for (const rule of rules) {
    const touched = rule.looksAt.flatMap(name => byKind.get(name) ?? []);
    if (touched.length > 0) problems.push(...(await rule.check(view, touched, judged)));
  }
  return problems;
}

/** One error for all problems: its own code when there is one problem, `invalid-change` for several. */
export function refusal(problems: Problem[]): LockstepError {
  const [first] = problems;
  if (first === undefined) throw new Error('a refusal needs a problem');
  const facts = { problems: problems.slice(0, MAX_PROBLEMS), count: problems.length };
  if (problems.length > 1) {
    return new LockstepError(
      'invalid-change',
      `The change breaks ${problems.length} rules; nothing was changed.`,
      { facts },
    );
  }
  const code = isRefusalCode(first.code) ? first.code : 'rule-broken';
  return new LockstepError(code, `${first.path}: ${first.message}.`, { hint: first.hint, facts });
}

function isRefusalCode(
  code: string,
): code is 'invalid-value' | 'parent-missing' | 'dangling-reference' | 'not-unique' {
  return ['invalid-value', 'parent-missing', 'dangling-reference', 'not-unique'].includes(code);
}

function schemaProblems(
  catalog: Catalog,
  { kind, path, after, prepared }: Transition,
  judged: Judged,
): Problem[] {
  if (prepared?.valid === true && judged === 'held') return [];
  const value = joinRecord(kind, after);
  return value === undefined ? [] : catalog.problems(kind, path, value, judged);
}

/** True for most records of a large change: what they need is changed with them, so nothing has to be read. */
function needsNothing(view: FutureView, { kind, path, after }: Transition): boolean {
  const value = joinRecord(kind, after);
  if (value === undefined || linksOf(kind, value).length > 0) return false;
  const parent = parentPath(kind, path);
  return parent === undefined || view.willExist(parent) === true;
}

/** What a record needs that is not there, or who needs one that goes. */
export async function danglingProblems(view: FutureView, transition: Transition): Promise<Problem[]> {
  return [...(await parentProblems(view, transition)), ...(await linkProblems(view, transition))];
}

async function parentProblems(view: FutureView, { kind, path, after }: Transition): Promise<Problem[]> {
  if (joinRecord(kind, after) === undefined) {
    for await (const left of view.untouchedBelow(path)) return [parentMissing(left, path)];
    return [];
  }
  const parent = parentPath(kind, path);
  return parent === undefined || (await view.has(parent)) ? [] : [parentMissing(path, parent)];
}

function parentMissing(path: string, parent: string): Problem {
  return {
    code: 'parent-missing',
    path,
    message: `there is no ${parent} for it to belong to`,
    hint: `Add ${parent} first, or in the same change.`,
  };
}

async function linkProblems(view: FutureView, { kind, path, before, after }: Transition): Promise<Problem[]> {
  const value = joinRecord(kind, after);
  if (value === undefined) return joinRecord(kind, before) === undefined ? [] : referrerProblems(view, path);
  const problems: Problem[] = [];
  for (const link of linksOf(kind, value)) {
    if (await anyExists(view, link.targets)) continue;
    problems.push({
      code: 'dangling-reference',
      path: `${path}/${link.field}`,
      message: `it names "${link.value}", but there is no ${link.targets.join(' or ')}`,
      hint: `Add ${link.targets[0]} first, or in the same change.`,
    });
  }
  return problems;
}

async function referrerProblems(view: FutureView, removed: string): Promise<Problem[]> {
  for await (const source of view.referrers(removed)) {
    return [
      {
        code: 'dangling-reference',
        path: removed,
        message: `it is used by ${source}`,
        hint: `Change ${source} first, or in the same change.`,
      },
    ];
  }
  return [];
}

async function anyExists(view: FutureView, paths: string[]): Promise<boolean> {
  for (const path of paths) if (await view.has(path)) return true;
  return false;
}

async function uniqueProblems(reader: Reader, transitions: Transition[]): Promise<Problem[]> {
  const changed = new Map(transitions.map(transition => [transition.path, transition]));
  const taken = new Map<string, string>();
  const problems: Problem[] = [];
  for (const transition of transitions) {
    for (const { key, field, value } of uniqueKeys(transition, 'after')) {
      const stored = (await reader.get(key))?.toString();
      const holder = taken.get(key) ?? (stored === undefined || changed.has(stored) ? undefined : stored);
      taken.set(key, transition.path);
      if (holder === undefined || holder === transition.path) continue;
      problems.push({
        code: 'not-unique',
        path: `${transition.path}/${field}`,
        message: `${holder} has ${JSON.stringify(value)} already`,
        hint: 'Each may exist only once.',
      });
    }
  }
  return problems;
}

/** Keys of the values of one record that may exist only once in its collection. */
export function uniqueKeys(
  { kind, path, before, after }: Transition,
  side: 'before' | 'after',
): { key: string; field: string; value: string }[] {
  if (kind.uniqueFields.length === 0) return [];
  const value: JsonObject | undefined = joinRecord(kind, side === 'before' ? before : after);
  if (!isObject(value)) return [];
  const collection = path.slice(0, path.lastIndexOf('/'));
  return kind.uniqueFields
    .filter(field => value[field] !== undefined)
    .map(field => ({
      key: keys.unique(collection, field, String(value[field])),
      field,
      value: String(value[field]),
    }));
}
