import { Argument, type Command } from 'commander';
import { addPassphrase } from '../bundle/passphrase.ts';
import type { AddOptions } from '../certs/add.ts';
import type { ExportOptions } from '../certs/export.ts';
import { addDryRun, addReason, addSafety, type CliCommand } from '../command.ts';

type Action = 'add' | 'remove' | 'list' | 'show' | 'export';
type Options = AddOptions & ExportOptions;

export const command: CliCommand<[Action, string | undefined, string[]], Options> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'add: check one and keep it · remove: one that nothing uses · list: all of them · show: one with its chain · export: write one to a file',
        ).choices(['add', 'remove', 'list', 'show', 'export']),
      )
      .argument('[certificate]', 'add, remove, show, export: its name')
      .argument('[files...]', 'add: files with certificate, chain and key')
      .option('--replace', 'add: there is one of this name already, and this one takes its place')
      .option('--intermediate', 'a certificate that leads to a root, not one of Virtual Services')
      .option('--web', 'the certificate of the web interface of this unit; it has no name')
      .option(
        '--allow-weak',
        'add: keep it although its key or hash is weak (RSA below 2048 bits, SHA-1, MD5)',
      )
      .option('--public', 'export: the certificate and its chain')
      .option('--with-key', 'export: with the private key; needs -o with a new file')
      .option('-o, --output <file>', 'export: where to; default with --public: standard output');
    addSafety(addReason(addDryRun(addPassphrase(command)))).addHelpText(
      'after',
      `
Files may be PEM, DER or PFX, encrypted or not; the chain may come in any order. A passphrase that is needed is asked for
unless one of the options gives it. What lies in certs.d/ of the unit is added by itself: NAME.pem, NAME.crt and NAME.key,
NAME/fullchain.pem and NAME/privkey.pem, or NAME.pfx with NAME.pass. What is removed there stays in the configuration.`,
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
    }
  },
};
