import type { Command } from 'commander';
import type { Journal } from '../../replace/journal.ts';
import { type Ended, run } from '../../replace/runner.ts';
import { lockFolder, unitFolder } from '../../unit/folder.ts';
import { addPassphrase, type PassphraseOptions } from '../bundle/passphrase.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { portsOf } from './ports.ts';
import { addState, openJournal, type StateOptions, stepFacts } from './state.ts';

export interface RunOptions extends StateOptions, PassphraseOptions {
  wait: boolean;
}

export function addRunOptions(command: Command): Command {
  return addPassphrase(
    addState(command).option('--no-wait', 'end with exit code 1 at a step that is done by hand'),
  );
}

/** Take the steps that are left. One runner a folder: two would take steps at once. Throws `unit-busy`, and what `prepare` throws. */
export async function runPlan(
  context: Context,
  options: RunOptions,
  prepare: (journal: Journal) => Promise<void> = async () => undefined,
): Promise<ExitCode> {
  const journal = await openJournal(options.state);
  const unlock = await lockFolder(unitFolder(options.state));
  try {
    await prepare(journal);
    return tell(
      context,
      journal,
      await run(journal, portsOf(context, journal, options), { wait: options.wait }),
    );
  } finally {
    unlock();
  }
}

function tell({ out }: Context, journal: Journal, ended: Ended): ExitCode {
  if (ended.is === 'done') {
    const words = journal.isBack
      ? 'The old units are as they were. A new unit that took part must be made again with lockstep init before it is used.'
      : 'Done. lockstep replace report tells what was done.';
    out.answer({ ended: true }, () => words);
    return EXIT.done;
  }
  const { step, missing } = ended;
  out.answer({ ended: false, waits: stepFacts(step), missing }, () => `Waits for you: ${step.does}`);
  return EXIT.differs;
}
