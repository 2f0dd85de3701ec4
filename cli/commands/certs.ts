import { Argument, type Command, Option } from 'commander';
import type { CreateOptions } from '../bundle/create.ts';
import { addPassphrase } from '../bundle/passphrase.ts';
import type { AddOptions } from '../certs/add.ts';
import type { ExportOptions } from '../certs/export.ts';
import type { RestoreOptions } from '../certs/restore.ts';
import { addDryRun, addReason, addSafety, type CliCommand } from '../command.ts';

const ACTIONS = ['add', 'remove', 'list', 'show', 'export', 'backup', 'restore'] as const;
type Action = (typeof ACTIONS)[number];
type Options = AddOptions & ExportOptions & CreateOptions & RestoreOptions;

export const command: CliCommand<[Action, string | undefined, string[]], Options> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'add: check one and keep it · remove: one that nothing uses · list: all of them · show: one with its chain · export: write one to a file · backup: make a bundle of all with their keys · restore: put certificates of one here',
        ).choices(ACTIONS),
      )
      .argument('[certificate]', 'its name · restore: the file of a certificate bundle')
      .argument('[files...]', 'add: files with certificate, chain and key')
      .option(
        '--replace',
        'add: there is one of this name already, and this one takes its place · restore: those of the bundle stand',
      )
      .option('--intermediate', 'a certificate that leads to a root, not one of Virtual Services')
      .option('--web', 'the certificate of the web interface of this unit; it has no name')
      .option(
        '--allow-weak',
        'add: keep it although its key or hash is weak (RSA below 2048 bits, SHA-1, MD5)',
      )
      .option('--public', 'export: the certificate and its chain')
      .option('--with-key', 'export: with the private key; needs -o with a new file')
      .option(
        '-o, --output <file|-|url>',
        'export: where to; default with --public: standard output · backup: where to, also sftp://user@host[:port]/folder; default: a name with unit and time, in backups/ of the unit, or here for a unit elsewhere',
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
      .option('--keep', 'restore: that of this unit stands')
      .option('--yes', 'restore: do not ask');
    addSafety(addReason(addDryRun(addPassphrase(command)))).addHelpText(
      'after',
      `
Files may be PEM, DER or PFX, encrypted or not; the chain may come in any order. A passphrase that is needed is asked for
unless one of the options gives it. What lies in certs.d/ of the unit is added by itself, whatever its files are called: NAME.pem,
NAME.crt with NAME.key, NAME.pfx with NAME.pass, or a folder NAME. What is removed there stays in the configuration.

A certificate bundle holds all private keys: keep its passphrase apart from it. Without Lockstep: gpg -d FILE | tar xz
A restore is one revision, which lockstep rollback undoes. It adds and replaces certificates, and removes none.`,
    );
  },

  examples: [
    'lockstep certs add shop fullchain.pem privkey.pem',
    'lockstep certs add shop shop.pfx --replace --passphrase-file /root/pfx.pass',
    'lockstep certs add issuing-ca ca.crt --intermediate',
    'lockstep certs add --web lb-a.pem lb-a.key --replace',
    'lockstep certs list',
    'lockstep certs show shop',
    'lockstep certs export shop --public -o shop.pem',
    'lockstep certs remove shop --dry-run',
    'lockstep certs backup -o keys.lockstep --passphrase-file /root/passphrase',
    'lockstep certs restore keys.lockstep --select full --dry-run',
    'lockstep certs restore keys.lockstep --select shop www.site.example --newer --yes',
  ],

  async run(context, options, action, name, files) {
    switch (action) {
      case 'add':
        return (await import('../certs/add.ts')).add(context, name, files, options);
      case 'remove':
        return (await import('../certs/remove.ts')).remove(context, name, options);
      case 'list':
        return (await import('../certs/list.ts')).list(context);
      case 'show':
        return (await import('../certs/show.ts')).show(context, name, options);
      case 'export':
        return (await import('../certs/export.ts')).exportOne(context, name, options);
      case 'backup':
        return (await import('../certs/backup.ts')).backup(context, options);
      case 'restore':
        return (await import('../certs/restore.ts')).restore(context, name, options);
    }
  },
};
