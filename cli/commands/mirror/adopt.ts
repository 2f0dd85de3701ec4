import { addReason, type CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { given } from '../../given.ts';

export const command: CliCommand<[string], { reason?: string }> = {
  define: command => {
    addReason(command.argument('<file>', 'a file that lockstep status lists'));
  },

  examples: ['lockstep mirror adopt hosts/shop.json --reason "as Ada had it"'],

  async run({ out, unit }, options, file) {
    out.answer(
      await unit().call('adoptFile', { file, ...given(options) }),
      adopted => `${adopted.file} is configuration now, revision ${adopted.revision}.`,
    );
    return EXIT.done;
  },
};
