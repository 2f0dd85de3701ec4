import type { CliCommand } from '../../command.ts';
import { addRunOptions, type RunOptions, runPlan } from '../../replace/run-plan.ts';

export const command: CliCommand<[], RunOptions> = {
  define: command => {
    addRunOptions(command).addHelpText(
      'after',
      `
Every step is measured before and after. End it anywhere and type it again: it goes on where the units stand.
The passphrase is that of all bundles of the replacement. It is kept nowhere: note it, the next run needs it.`,
    );
  },

  examples: ['lockstep replace run --identity ~/.ssh/admin --passphrase-file /root/passphrase'],

  run: (context, options) => runPlan(context, options),
};
