import { addChoice, type ChoiceOptions, choiceOf } from '../../certs/choice.ts';
import { exitOf, formatChanges } from '../../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../../command.ts';
import { given } from '../../given.ts';

export const command: CliCommand<[string | undefined], ChoiceOptions & ChangeOptions> = {
  define: command => {
    addChangeOptions(addChoice(command.argument('[certificate]', 'its name')));
  },

  examples: ['lockstep certs remove shop --dry-run', 'lockstep certs remove issuing-ca --intermediate'],

  async run(context, options, name) {
    const { reason, dryRun, confirm, wait } = options;
    const asked = { ...choiceOf(name, options), ...given({ reason, dryRun, confirm, wait }) };
    const answer = await context.unit().call('removeCertificate', asked);
    context.out.answer(answer, removed => formatChanges(removed, context.out.paint));
    return exitOf(answer);
  },
};
