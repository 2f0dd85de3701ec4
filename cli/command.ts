import type { Command } from 'commander';
import type { Context } from './context.ts';
import type { ExitCode } from './exit.ts';
import { wholeNumber } from './number-argument.ts';

/** One command, one file: its options, examples, and what it does. */
export interface CliCommand<Args extends unknown[] = unknown[], Options = unknown> {
  /** Adds arguments and options. */
  define?(command: Command): void;
  /** What a person would type, shown by --help. */
  examples: string[];
  /** Throws LockstepError; otherwise says how it ended. */
  run(context: Context, options: Options, ...args: Args): Promise<ExitCode>;
}

/** Options of every command that changes the configuration. */
export interface ChangeOptions {
  reason?: string;
  dryRun?: boolean;
  confirm?: number;
  wait?: boolean;
}

export function addReason(command: Command): Command {
  return command.option('--reason <text>', 'why, in words; kept with the revision');
}

export function addDryRun(command: Command): Command {
  return command.option('--dry-run', 'tell what would change, but change nothing');
}

/** How careful the change is made. */
export function addSafety(command: Command): Command {
  return command
    .option(
      '--confirm <minutes>',
      'undo it on both units unless lockstep confirm follows within so many minutes',
      wholeNumber('--confirm', 1, 10_080),
    )
    .option('--wait', 'change it only if the standby would take it, and until it has');
}

/** Why it is made, whether only to see it, and how careful. */
export function addChangeOptions(command: Command): Command {
  return addSafety(addReason(addDryRun(command)));
}
