import { LockstepError } from '../../../schema/error.ts';
import { addChoice, type ChoiceOptions, choiceOf } from '../../certs/choice.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { writeNewFile } from '../../write.ts';

interface Options extends ChoiceOptions {
  public?: boolean;
  withKey?: boolean;
  output?: string;
}

/** A private key goes to a new file that nobody else can read, and nowhere else. */
export const command: CliCommand<[string | undefined], Options> = {
  define: command => {
    addChoice(command.argument('[certificate]', 'its name'))
      .option('--public', 'the certificate and its chain')
      .option('--with-key', 'with the private key; needs -o with a new file')
      .option('-o, --output <file|->', 'where to; default with --public: standard output');
  },

  examples: [
    'lockstep certs export shop --public -o shop.pem',
    'lockstep certs export shop --with-key -o /root/shop.pem',
  ],

  async run(context, options, name) {
    const { withKey = false, output } = options;
    const choice = choiceOf(name, options);
    if (withKey === (options.public === true))
      throw new LockstepError('bad-usage', 'Choose one: --public or --with-key.', {
        hint: '--public is the certificate and its chain; --with-key adds the private key.',
      });
    if (withKey && (output === undefined || output === '-'))
      throw new LockstepError('bad-usage', 'A private key is never printed.', {
        hint: 'Name a new file for it: -o FILE. Nobody else will be able to read it.',
      });
    const { pem, ...answer } = await context.unit().call('exportCertificate', { ...choice, withKey });
    if (output === undefined || output === '-') {
      context.out.answer({ ...answer, pem }, () => pem);
      return EXIT.done;
    }
    await writeNewFile(output, pem, withKey ? 0o600 : 0o644);
    context.out.answer({ ...answer, file: output, withKey }, ({ file }) =>
      withKey
        ? `Certificate, chain and private key are in ${file}, readable by you alone.`
        : `Written to ${file}.`,
    );
    return EXIT.done;
  },
};
