import { addMakeOptions, type MakeOptions, makeBundle } from '../../bundle/make.ts';
import type { CliCommand } from '../../command.ts';

export const command: CliCommand<[], MakeOptions> = {
  define: command => {
    addMakeOptions(command)
      .option('--appliance-rules', 'the passphrase has 7 to 64 letters and digits, as the appliance wants it')
      .addHelpText(
        'after',
        `
The bundle holds all certificates with their private keys: keep its passphrase apart from it.
It opens without Lockstep too: gpg -d FILE | tar xz`,
      );
  },

  examples: ['lockstep certs backup -o keys.lockstep --passphrase-file /root/passphrase'],

  run: (context, options) => makeBundle(context, options, 'certificates'),
};
