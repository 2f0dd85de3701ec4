import { planText } from '../../../replace/report.ts';
import { stepsBack } from '../../../replace/steps.ts';
import type { CliCommand } from '../../command.ts';
import { confirmed } from '../../prompt.ts';
import { addRunOptions, type RunOptions, runPlan } from '../../replace/run-plan.ts';

interface Options extends RunOptions {
  yes?: boolean;
}

/** Back to two healthy old units, where that is still possible. */
export const command: CliCommand<[], Options> = {
  define: command => {
    addRunOptions(command).option('--yes', 'do not ask');
  },

  examples: ['lockstep replace abort'],

  run: (context, options) =>
    runPlan(context, options, async journal => {
      if (journal.isBack) return;
      const back = stepsBack(journal.plan, journal.begun);
      await confirmed(context, options.yes, planText(journal.plan, back));
      await journal.write('back', '');
    }),
};
