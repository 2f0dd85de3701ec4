import type { AddCertificateAnswer, AddCertificateRequest } from '../../../api/contract/certificates.ts';
import { LockstepError } from '../../../schema/error.ts';
import { printable } from '../../../schema/printable.ts';
import { addPassphrase, givenPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import { addChoice, type ChoiceOptions, choiceOf } from '../../certs/choice.ts';
import { exitOf, formatChanges } from '../../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { given } from '../../given.ts';
import type { Paint } from '../../paint.ts';
import { askKnownSecret } from '../../prompt.ts';
import { plural } from '../../quantity.ts';
import { fullBudget, nameOf, readBytes } from '../../read.ts';

interface Options extends ChoiceOptions, PassphraseOptions, ChangeOptions {
  replace?: boolean;
  allowWeak?: boolean;
}

/** What the unit takes. */
const MAX_BYTES = 1024 * 1024;

/** The unit reads and checks what is in the files; they go through its socket, and the passphrase with them. */
export const command: CliCommand<[string | undefined, string[]], Options> = {
  define: command => {
    addChoice(
      command
        .argument('[certificate]', 'its name')
        .argument('[files...]', 'files with certificate, chain and key, in any order'),
    )
      .option('--replace', 'there is one of this name already, and this one takes its place')
      .option('--allow-weak', 'keep it although its key or hash is weak (RSA below 2048 bits, SHA-1, MD5)');
    addChangeOptions(addPassphrase(command)).addHelpText(
      'after',
      `
Files may be PEM, DER or PFX, encrypted or not. A passphrase that is needed is asked for unless one of the options gives it.
What lies in certs.d/ of the unit is added by itself, whatever its files are called: NAME.pem, NAME.crt with NAME.key,
NAME.pfx with NAME.pass, or a folder NAME. What is removed there stays in the configuration.`,
    );
  },

  examples: [
    'lockstep certs add shop fullchain.pem privkey.pem',
    'lockstep certs add shop shop.pfx --replace --passphrase-file /root/pfx.pass',
    'lockstep certs add issuing-ca ca.crt --intermediate',
    'lockstep certs add --web lb-a.pem lb-a.key --replace',
  ],

  async run(context, options, first, files) {
    // That of the web interface has no name: the first word is a file already.
    const paths = options.web === true && first !== undefined ? [first, ...files] : files;
    const name = options.web === true ? undefined : first;
    const choice = choiceOf(name, options);
    if (paths.length === 0)
      throw new LockstepError('bad-usage', 'Which files?', {
        hint: `lockstep certs add ${name ?? '--web'} FILE…, with the certificate, its chain and its key in any order`,
      });
    const budget = fullBudget();
    const read = [];
    for (const path of paths) {
      const bytes = await readBytes(path, budget);
      if (bytes.length > MAX_BYTES) throw tooLarge(path, bytes.length);
      read.push({ name: path, bytes: bytes.toString('base64') });
    }
    const { replace, allowWeak, reason, dryRun, confirm, wait } = options;
    const asked = { ...choice, files: read, ...given({ replace, allowWeak, reason, dryRun, confirm, wait }) };
    const answer = await send(context, asked, await givenPassphrase(options));
    context.out.answer(answer, added => formatAdded(added, context.out.paint));
    return exitOf(answer);
  },
};

function tooLarge(file: string, bytes: number): LockstepError {
  return new LockstepError('too-large', `${nameOf(file)} has ${bytes} bytes: that is no certificate.`, {
    hint: `A file with certificates and keys has at most ${MAX_BYTES} bytes.`,
    facts: { file, bytes, limit: MAX_BYTES },
  });
}

type Asked = Omit<AddCertificateRequest, 'author'>;

/** A passphrase is asked for only where one is needed. */
async function send(
  context: Context,
  asked: Asked,
  passphrase: string | undefined,
): Promise<AddCertificateAnswer> {
  try {
    return await context.unit().call('addCertificate', { ...asked, ...given({ passphrase }) });
  } catch (error) {
    const needed = error instanceof LockstepError && error.code === 'passphrase-needed';
    if (!needed || passphrase !== undefined || !context.interactive) throw error;
    const typed = await askKnownSecret('Passphrase of the private key');
    return context.unit().call('addCertificate', { ...asked, passphrase: typed });
  }
}

export function formatAdded(answer: AddCertificateAnswer, paint: Paint): string {
  const { certificate } = answer;
  const names = certificate.names.length === 0 ? certificate.subject : certificate.names.join(', ');
  return [
    formatChanges(answer, paint),
    printable(`  for ${names}, by ${certificate.issuer}, ${plural(certificate.daysLeft, 'day')} left`),
  ].join('\n');
}
