import { addPassphrase } from '../bundle/passphrase.ts';
import type { SupportOptions } from '../bundle/support.ts';
import type { CliCommand } from '../command.ts';
import { wholeNumber } from '../number-argument.ts';

export const command: CliCommand<[], SupportOptions> = {
  define: command => {
    command
      .requiredOption('-o, --output <file>', 'the file to write')
      .option(
        '--log-mb <number>',
        'how much of the end of the log, in MB',
        wholeNumber('--log-mb', 0, 1000),
        4,
      );
    addPassphrase(command).addHelpText(
      'after',
      '\nHolds status, doctor, an audit, the drift that came and went, the list of certificates, the newest revisions, the log and versions; no secrets. It works without a running unit too. With --unit, the log is left out: it lies on the machine of the unit.\nIt opens with: gpg -d FILE | tar xz',
    );
  },

  examples: ['lockstep support-bundle -o lb1.support', 'lockstep support-bundle -o lb1.support --log-mb 20'],

  async run(context, options) {
    return (await import('../bundle/support.ts')).supportBundle(context, options);
  },
};
