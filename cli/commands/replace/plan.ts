import { Option } from 'commander';
import { Journal } from '../../../replace/journal.ts';
import { makePlan } from '../../../replace/make-plan.ts';
import type { Kind } from '../../../replace/plan.ts';
import { planText } from '../../../replace/report.ts';
import { stepsOf } from '../../../replace/steps.ts';
import { summarizeBundle } from '../../bundle/keep.ts';
import { addPassphrase, type PassphraseOptions, passphraseOnce } from '../../bundle/passphrase.ts';
import type { CliCommand } from '../../command.ts';
import { authorName } from '../../context.ts';
import { EXIT } from '../../exit.ts';
import { readRequest } from '../../replace/request.ts';
import { addState, stepFacts } from '../../replace/state.ts';

interface Options extends PassphraseOptions {
  state: string;
  kind?: Kind;
}

/** A unit that does not answer within this is taken for dead. */
const ASK_MS = 10_000;

export const command: CliCommand<[string | undefined], Options> = {
  define: command => {
    addPassphrase(addState(command))
      .argument('[file]', 'which units are replaced by which, as YAML; without it you are asked')
      .addOption(
        new Option('--grow', 'a single unit becomes a pair').conflicts('shrink').implies({ kind: 'grow' }),
      )
      .addOption(new Option('--shrink', 'a pair becomes a single unit').implies({ kind: 'shrink' }))
      .addHelpText(
        'after',
        '\nThe passphrase is that of the bundles of dead units, where the plan names some.',
      );
  },

  examples: ['lockstep replace plan new-units.yaml', 'lockstep replace plan --shrink'],

  async run(context, options, file) {
    const { state } = options;
    const request = await readRequest(context, file, options.kind);
    const passphrase = passphraseOnce(context, options);
    const plan = await makePlan(request, {
      unitAt: place => context.unitAt(place, ASK_MS),
      readBundle: async (bundle, look) => summarizeBundle(bundle, await passphrase(), look),
      by: authorName(),
    });
    const steps = stepsOf(plan);
    await Journal.start(state, plan, authorName());
    context.out.answer({ state, plan, steps: steps.map(stepFacts) }, () =>
      [planText(plan, steps), '', `Kept in ${state}. lockstep replace run carries it out.`].join('\n'),
    );
    return EXIT.done;
  },
};
