import type { ErrorClass } from '../schema/error.ts';

/** How a command ended. Scripts may rely on the numbers. */
export const EXIT = {
  done: 0,
  /** The answer is "they differ" or "not in step". */
  differs: 1,
  usage: 2,
  refused: 3,
  unreachable: 4,
  damaged: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The one table from what kind of error it is to the exit code. */
export const EXIT_OF_CLASS: Record<ErrorClass, ExitCode> = {
  usage: EXIT.usage,
  forbidden: EXIT.refused,
  refused: EXIT.refused,
  missing: EXIT.refused,
  unreachable: EXIT.unreachable,
  damaged: EXIT.damaged,
};
