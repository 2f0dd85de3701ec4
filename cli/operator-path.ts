import type { Command } from 'commander';

export function addThisUnit(command: Command): Command {
  return command.option('--this-unit', 'on this unit only; otherwise on both');
}

/** Where an operator stands: known to the pair, or to one unit alone. */
export function operatorPath(name: string, thisUnit = false): string {
  return `${thisUnit ? 'unitOperators' : 'operators'}/${name}`;
}
