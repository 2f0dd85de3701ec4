import { Argument, type Command } from 'commander';
import { type CliCommand, given } from '../command.ts';
import { EXIT } from '../exit.ts';

interface Options {
  reason?: string;
}

export const command: CliCommand<['restore' | 'adopt', string], Options> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'restore: overwrite the file with what the unit holds, or remove one that was kept beside; adopt: commit what it says',
        ).choices(['restore', 'adopt']),
      )
      .argument('<file>', 'a file that lockstep status lists')
      .option('--reason <text>', 'why, for the history (adopt)');
  },

  examples: [
    'lockstep mirror restore ha.json',
    'lockstep mirror restore virtualServices/tcp%3A10.20.0.100%3A443.json',
    'lockstep mirror adopt hosts/shop.json --reason "as Ada had it"',
  ],

  async run({ out, unit }, options, action, file) {
    if (action === 'adopt')
      out.answer(
        await unit().adoptFile({ file, ...given(options) }),
        adopted => `${adopted.file} is configuration now, revision ${adopted.revision}.`,
      );
    else
      out.answer(
        await unit().restoreFile(file),
        restored => `${restored.file} says again what the unit holds.`,
      );
    return EXIT.done;
  },
};
