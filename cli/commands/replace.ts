import { resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import type { Kind } from '../../replace/plan.ts';
import { addPassphrase, type PassphraseOptions } from '../bundle/passphrase.ts';
import type { CliCommand } from '../command.ts';

type Action = 'plan' | 'run' | 'status' | 'abort' | 'report';

export interface ReplaceOptions extends PassphraseOptions {
  state: string;
  wait: boolean;
  yes?: boolean;
  html?: boolean;
  kind?: Kind;
}

export const command: CliCommand<[Action, string | undefined], ReplaceOptions> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'plan: make and show a plan · run: carry it out, or go on with it · status: where it stands · abort: back to the old units · report: what was done',
        ).choices(['plan', 'run', 'status', 'abort', 'report']),
      )
      .argument('[file]', 'plan: which units are replaced by which, as YAML; without it you are asked')
      .option('--state <dir>', 'folder of the plan, its journal and its bundles', './replacement')
      .option('--no-wait', 'run, abort: end with exit code 1 at a step that is done by hand')
      .option('--yes', 'abort: do not ask')
      .option('--html', 'report: as a page')
      .addOption(
        new Option('--grow', 'plan: a single unit becomes a pair')
          .conflicts('shrink')
          .implies({ kind: 'grow' }),
      )
      .addOption(new Option('--shrink', 'plan: a pair becomes a single unit').implies({ kind: 'shrink' }));
    addPassphrase(command).addHelpText(
      'after',
      `
Every step is measured before and after; run may be ended anywhere and typed again, and goes on where the units stand.
The passphrase is that of all bundles of the replacement. It is kept nowhere: note it, it is needed at the next run.`,
    );
  },

  examples: [
    'lockstep replace plan new-units.yaml',
    'lockstep replace run --identity ~/.ssh/admin --passphrase-file /root/passphrase',
    'lockstep replace status',
    'lockstep replace report --html > replacement.html',
  ],

  async run(context, options, action, file) {
    const given = { ...options, state: resolve(options.state) };
    const acts = await import('../replacing/commands.ts');
    switch (action) {
      case 'plan':
        return acts.plan(context, file, given);
      case 'run':
        return acts.carryOut(context, given);
      case 'status':
        return acts.status(context, given);
      case 'abort':
        return acts.abort(context, given);
      case 'report':
        return acts.report(context, given);
    }
  },
};
