/** What rules say of records as they stand, which no commit asks about. */
import { pauses } from '../host/event-loop.ts';
import type { Problem } from '../schema/error.ts';
import type { Rule } from '../schema/rule.ts';
import { storedValue } from '../schema/rules/stored-value.ts';
import { danglingProblems, ruleProblems } from './check.ts';
import type { StoreParts } from './propose.ts';
import type { Transition } from './transition.ts';
import { FutureView } from './view.ts';

/** Records that rules look at before others have their turn. */
const RECORDS_A_STEP = 200;

/** What the wanted rules say of all records that they look at. Costs the number of those, in small steps. */
export async function brokenRules(
  { options, records }: StoreParts,
  wanted: (rule: Rule) => boolean,
): Promise<Problem[]> {
  const { catalog } = options;
  const rules = options.rules.filter(wanted);
  const names = new Set(rules.flatMap(rule => rule.looksAt));
  const view = viewOf(options);
  const problems = new Map<string, Problem>();
  let touched: { path: string; kind: Transition['kind'] }[] = [];
  const judge = async (): Promise<void> => {
    for (const problem of await ruleProblems(view, touched, rules))
      problems.set(JSON.stringify([problem.code, problem.path, problem.message]), problem);
    touched = [];
  };
  const rest = pauses();
  for (const kind of catalog.kinds.filter(({ name }) => names.has(name))) {
    for await (const path of records.paths(kind.template.filter(part => part !== '{id}').join('/'))) {
      if (catalog.kindOf(path) === kind) touched.push({ path, kind });
      if (touched.length < RECORDS_A_STEP) continue;
      await judge();
      await rest();
    }
  }
  await judge();
  return [...problems.values()];
}

/**
 * What no status can ask of all records: what would be refused in the one at `path` if somebody wrote it now, and what rules
 * for kinds of many records warn of.
 */
export async function standingProblems({ options, records }: StoreParts, path: string): Promise<Problem[]> {
  const { catalog } = options;
  const kind = catalog.kindOf(path);
  const value = await records.get(path);
  if (value === undefined) return [];
  const rules = options.rules.filter(
    ({ severity, inBackground }) =>
      severity === 'error' || severity === 'tightened' || (severity === 'warning' && inBackground === true),
  );
  const values = catalog.problems(kind, path, value).map(problem => ({
    ...problem,
    code: storedValue.code,
    message: `${problem.message}; an earlier release took it`,
  }));
  return [...values, ...(await ruleProblems(viewOf(options), [{ path, kind }], rules))];
}

/** What the record at `path` needs and is not there: never so after a commit, but after damage to the disk. */
export async function danglingAt({ options, records }: StoreParts, path: string): Promise<Problem[]> {
  const kind = options.catalog.kindOf(path);
  const halves = await records.split(path, kind);
  return danglingProblems(viewOf(options), { path, kind, before: halves, after: halves });
}

export function viewOf({ catalog, port }: StoreParts['options']): FutureView {
  return new FutureView(catalog, port, []);
}
