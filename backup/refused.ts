import type { Catalog } from '../schema/catalog.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import type { Part } from '../schema/kind.ts';

const DANGLING = new Set(['dangling-reference', 'parent-missing']);

/** What the store says against a restore, told in words of the restore; other errors come back as they are. */
export function asRestoreRefusal(catalog: Catalog, error: unknown): unknown {
  if (!(error instanceof LockstepError)) return error;
  if (error.code === 'id-mismatch') return invalid(error, 1);
  const problems = (error.facts.problems ?? []) as Problem[];
  const count = typeof error.facts.count === 'number' ? error.facts.count : problems.length;
  if (problems.some(({ code }) => code === 'invalid-value')) return invalid(error, count);
  const dangling = problems.filter(({ code }) => DANGLING.has(code));
  return dangling.length === 0 ? error : leftDangling(catalog, dangling, error, count);
}

function invalid(error: LockstepError, count: number): LockstepError {
  const what = count === 1 ? error.message : `The schema of this unit refuses ${count} things in the bundle.`;
  return new LockstepError('restore-invalid', `${what} Nothing was changed.`, {
    hint: 'Restore it on a unit with the release that made it, change it there and make a new bundle; or leave the part out with --parts.',
    facts: error.facts,
  });
}

function leftDangling(
  catalog: Catalog,
  [first, ...others]: Problem[],
  { facts }: LockstepError,
  count: number,
): LockstepError {
  const parts = new Set([first as Problem, ...others].flatMap(({ path }) => partsNeeded(catalog, path)));
  const hint =
    parts.size === 0
      ? 'Restore the part that uses it as well, or change what uses it first.'
      : `Restore the part that holds it as well (${[...parts].join(', ')}), or add it first.`;
  const more = count > 1 ? ` It is one of ${count}.` : '';
  return new LockstepError(
    'restore-dangling',
    `${first?.path}: ${first?.message}.${more} Nothing was changed.`,
    {
      hint,
      facts,
    },
  );
}

/** Parts that could hold what the reference at `path` names; none when `path` is that of a record that goes. */
function partsNeeded(catalog: Catalog, path: string): Part[] {
  const target = catalog.resolve(path);
  if (target.type !== 'field') return [];
  const asked = target.field.filter(name => name !== '*').join('/');
  const targets = target.kind.references
    .filter(({ field }) => field.filter(name => name !== '*').join('/') === asked)
    .flatMap(reference => reference.targets);
  return catalog.kinds
    .filter(({ template }) => targets.includes(template.slice(0, -1).join('/')))
    .map(({ part }) => part);
}
