import { Argument, type Command, Option } from 'commander';
import type { CreateOptions } from '../bundle/create.ts';
import { addPassphrase } from '../bundle/passphrase.ts';
import type { RestoreOptions } from '../certs/restore.ts';
import { addDryRun, addReason, addSafety, type CliCommand } from '../command.ts';

type Action = 'backup' | 'restore';
type Options = CreateOptions & RestoreOptions;

export const command: CliCommand<[Action, string | undefined], Options> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'backup: make a bundle of all certificates with their keys · restore: put certificates of one here',
        ).choices(['backup', 'restore']),
      )
      .argument('[file]', 'restore: a certificate bundle')
      .option(
        '-o, --output <file|-|url>',
        'backup: where to, also sftp://user@host[:port]/folder; default: a name with unit and time, in backups/ of the unit',
      )
      .option(
        '--identity <file>',
        'backup to sftp: private key to log in with; default: that of the backup schedule',
      )
      .option(
        '--host-key <key|file>',
        'backup to sftp: the Ed25519 key that the host must show; default: that of the backup schedule',
      )
      .addOption(
        new Option(
          '--profile <profile>',
          'backup: rfc9580 is Argon2id and AES-GCM, which GnuPG 2.2 cannot open',
        ).choices(['classic', 'rfc9580']),
      )
      .option(
        '--appliance-rules',
        'backup: the passphrase has 7 to 64 letters and digits, as the appliance wants it',
      )
      .option(
        '--select <which...>',
        'restore: full (all), vs (of Virtual Services), third (intermediates), or names',
      )
      .option('--newer', 'restore: of two different certificates of one name the newer one stands')
      .option('--replace', 'restore: that of the bundle stands')
      .option('--keep', 'restore: that of this unit stands')
      .option('--yes', 'restore: do not ask');
    addSafety(addReason(addDryRun(addPassphrase(command)))).addHelpText(
      'after',
      `
A certificate bundle holds all private keys: keep its passphrase apart from it. Without Lockstep: gpg -d FILE | tar xz
A restore is one revision, which lockstep rollback undoes. It adds and replaces certificates, and removes none.`,
    );
  },

  examples: [
    'lockstep certs backup',
    'lockstep certs backup -o keys.lockstep --passphrase-file /root/passphrase',
    'lockstep certs restore keys.lockstep --select full --dry-run',
    'lockstep certs restore keys.lockstep --select shop www.site.example --newer --yes',
  ],

  async run(context, options, action, file) {
    if (action === 'backup') return (await import('../certs/backup.ts')).backup(context, options);
    return (await import('../certs/restore.ts')).restore(context, file, options);
  },
};
