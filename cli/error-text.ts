import type { LockstepError, Problem } from '../schema/error.ts';
import { printable } from '../schema/printable.ts';
import type { Paint } from './paint.ts';
import { listLines } from './quantity.ts';

const MAX_PROBLEMS = 20;

/** An error for people: a sentence, the problems behind it, what to type next. */
export function formatError(error: LockstepError, paint: Paint): string {
  const { problems, count } = problemsOf(error);
  const lines = [`${paint('red', 'lockstep:')} ${printable(error.message)}`];
  // One problem alone is what the sentence says already.
  if (problems.length > 1) lines.push(...formatProblems(problems, paint, count));
  if (error.hint !== undefined && error.hint !== '')
    lines.push(`${paint('cyan', 'hint:')} ${printable(error.hint)}`);
  return `${lines.join('\n')}\n`;
}

/** The first 20, indented, each with its place and its hint; `count` is how many there are in all. */
export function formatProblems(problems: Problem[], paint: Paint, count = problems.length): string[] {
  return listLines(problems, problem => formatProblem(problem, paint), { most: MAX_PROBLEMS, count });
}

function formatProblem({ path, message, hint }: Problem, paint: Paint): string[] {
  const place = path === '' ? '' : `${paint('bold', printable(path))}: `;
  return [
    `  ${place}${printable(message)}`,
    ...(hint === undefined || hint === '' ? [] : [`    ${printable(hint)}`]),
  ];
}

/** The store lists them as `facts.problems`, the first of `facts.count`. */
function problemsOf({ facts }: LockstepError): { problems: Problem[]; count: number } {
  const problems = Array.isArray(facts.problems) ? facts.problems.filter(isProblem) : [];
  return { problems, count: typeof facts.count === 'number' ? facts.count : problems.length };
}

function isProblem(value: unknown): value is Problem {
  const problem = value as Partial<Problem> | null;
  return typeof problem?.path === 'string' && typeof problem.message === 'string';
}
