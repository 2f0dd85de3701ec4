import { Argument, type Command } from 'commander';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';

export const command: CliCommand<['restore', string], object> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument('<action>', 'restore: overwrite the file with what the unit holds').choices(['restore']),
      )
      .argument('<file>', 'a file that lockstep status lists as not committed');
  },

  examples: [
    'lockstep mirror restore ha.json',
    'lockstep mirror restore virtualServices/tcp%3A10.20.0.100%3A443.json',
  ],

  async run({ out, unit }, _options, _action, file) {
    out.answer(
      await unit().restoreFile(file),
      restored => `${restored.file} says again what the unit holds.`,
    );
    return EXIT.done;
  },
};
