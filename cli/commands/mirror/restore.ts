import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';

export const command: CliCommand<[string], object> = {
  define: command => {
    command.argument('<file>', 'a file that lockstep status lists');
  },

  examples: [
    'lockstep mirror restore ha.json',
    'lockstep mirror restore virtualServices/tcp%3A10.20.0.100%3A443.json',
  ],

  async run({ out, unit }, _options, file) {
    out.answer(
      await unit().call('restoreFile', { file }),
      restored => `${restored.file} says again what the unit holds.`,
    );
    return EXIT.done;
  },
};
