import { planText, standingText } from '../../../replace/report.ts';
import { lookAround, standsAt, stepsOfJournal } from '../../../replace/runner.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { portsOf } from '../../replace/ports.ts';
import { addState, openJournal, type StateOptions, stepFacts } from '../../replace/state.ts';

export const command: CliCommand<[], StateOptions> = {
  define: command => {
    addState(command).addHelpText('after', '\nExit code 1: there is a step to take.');
  },

  examples: ['lockstep replace status'],

  async run(context, options) {
    const journal = await openJournal(options.state);
    const steps = stepsOfJournal(journal);
    const { units, silent, ...more } = await lookAround(journal, portsOf(context, journal, {}));
    const stands = standsAt(journal, steps, { units, silent, ...more });
    const { next, step, missing, obstacles } = stands;
    const told = step === undefined ? null : stepFacts(step);
    const answer = { next, steps: steps.length, step: told, missing, obstacles, units, silent };
    context.out.answer(answer, () =>
      [planText(journal.plan, steps, stands), '', standingText(journal, steps, stands)].join('\n'),
    );
    return step === undefined ? EXIT.done : EXIT.differs;
  },
};
