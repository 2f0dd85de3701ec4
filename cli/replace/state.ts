/** The folder of a replacement: its plan, its journal and its bundles. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Journal } from '../../replace/journal.ts';
import type { Step } from '../../replace/step.ts';
import { authorName } from '../context.ts';

export interface StateOptions {
  state: string;
}

export function addState(command: Command): Command {
  return command.option(
    '--state <dir>',
    'folder of the plan, its journal and its bundles',
    folder => resolve(folder),
    resolve('./replacement'),
  );
}

export function openJournal(folder: string): Promise<Journal> {
  return Journal.open(folder, authorName());
}

/** A step as the JSON answers tell it. */
export function stepFacts({ id, appliance, title, does, before, after, back, interruption, action }: Step) {
  const measured = { before: before.says, after: after.says };
  return { id, appliance, title, does, measured, back, interruption, byHand: action === undefined };
}
