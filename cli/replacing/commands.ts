import { Journal } from '../../replace/journal.ts';
import { planText, reportPage, reportText, standingText } from '../../replace/report.ts';
import { type Ended, lookAround, run, standsAt, stepsOfJournal } from '../../replace/runner.ts';
import type { Step } from '../../replace/step.ts';
import { stepsBack, stepsOf } from '../../replace/steps.ts';
import type { ReplaceOptions } from '../commands/replace.ts';
import { authorName, type Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { confirmed } from '../prompt.ts';
import { makePlan } from './planning.ts';
import { readRequest } from './request.ts';
import { handsOf, lockState, openJournal, passphraseOnce } from './running.ts';

type Options = ReplaceOptions;

export async function plan(context: Context, file: string | undefined, options: Options): Promise<ExitCode> {
  const request = await readRequest(context, file, options.kind);
  const made = await makePlan(context, request, passphraseOnce(context, options));
  const steps = stepsOf(made);
  await Journal.start(options.state, made, authorName());
  context.out.answer({ state: options.state, plan: made, steps: steps.map(told) }, () =>
    [planText(made, steps), '', `Kept in ${options.state}. lockstep replace run carries it out.`].join('\n'),
  );
  return EXIT.done;
}

export async function carryOut(context: Context, options: Options): Promise<ExitCode> {
  const journal = await openJournal(options.state);
  const unlock = await lockState(options.state);
  try {
    return ended(
      context,
      journal,
      await run(journal, handsOf(context, journal, options), { wait: options.wait }),
    );
  } finally {
    unlock();
  }
}

export async function status(context: Context, options: Options): Promise<ExitCode> {
  const journal = await openJournal(options.state);
  const steps = stepsOfJournal(journal);
  const seen = await lookAround(journal, handsOf(context, journal, options));
  const stands = standsAt(journal, steps, seen);
  const { next, step, missing, obstacles } = stands;
  const answer = {
    next,
    steps: steps.length,
    step: step === undefined ? null : told(step),
    missing,
    obstacles,
    units: seen.units,
    silent: seen.silent,
  };
  context.out.answer(answer, () =>
    [planText(journal.plan, steps, stands), '', standingText(journal, steps, stands)].join('\n'),
  );
  return step === undefined ? EXIT.done : EXIT.differs;
}

/** Back to two healthy old units, where that is still possible. */
export async function abort(context: Context, options: Options): Promise<ExitCode> {
  const journal = await openJournal(options.state);
  const unlock = await lockState(options.state);
  try {
    if (!journal.isBack) {
      const back = stepsBack(journal.plan, journal.begun);
      await confirmed(context, options.yes, planText(journal.plan, back));
      await journal.write('back', '');
    }
    return ended(
      context,
      journal,
      await run(journal, handsOf(context, journal, options), { wait: options.wait }),
    );
  } finally {
    unlock();
  }
}

export async function report(context: Context, options: Options): Promise<ExitCode> {
  const journal = await openJournal(options.state);
  context.out.answer({ plan: journal.plan, entries: journal.entries }, () =>
    options.html === true ? reportPage(journal) : reportText(journal),
  );
  return EXIT.done;
}

function ended({ out }: Context, journal: Journal, how: Ended): ExitCode {
  if (how.is === 'done') {
    const words = journal.isBack
      ? 'The old units are as they were. A new unit that took part is to be made anew with lockstep init before it is used.'
      : 'Done. lockstep replace report tells what was done.';
    out.answer({ ended: true }, () => words);
    return EXIT.done;
  }
  const { step, missing } = how;
  out.answer({ ended: false, waits: told(step), missing }, () => `Waits for you: ${step.does}`);
  return EXIT.differs;
}

function told({ id, appliance, title, does, before, after, back, interruption, action }: Step) {
  const measured = { before: before.says, after: after.says };
  return { id, appliance, title, does, measured, back, interruption, byHand: action === undefined };
}
