import { Argument, type Command, Option } from 'commander';
import type { CreateOptions } from '../bundle/create.ts';
import type { CliCommand } from '../command.ts';
import { wholeNumber } from '../number-argument.ts';

type Action = 'create' | 'list' | 'inspect' | 'verify';

export const command: CliCommand<[Action, string | undefined], CreateOptions> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'create: make one · list: those of this unit · inspect: what is in one · verify: is it whole',
        ).choices(['create', 'list', 'inspect', 'verify']),
      )
      .argument('[file]', 'inspect, verify: the bundle; - is standard input')
      .option(
        '-o, --output <file|->',
        'create: where to; default: a name with unit and time, in backups/ of the unit',
      )
      .option('--passphrase-file <file>', 'read the passphrase from a file')
      .option(
        '--passphrase-fd <number>',
        'read the passphrase from a file descriptor',
        wholeNumber('--passphrase-fd', 0, 1023),
      )
      .addOption(
        new Option(
          '--profile <profile>',
          'create: rfc9580 is Argon2id and AES-GCM, which GnuPG 2.2 cannot open',
        ).choices(['classic', 'rfc9580']),
      )
      .option('--with-keys', 'create: with the private keys of certificates');
    command.addHelpText(
      'after',
      '\nThe passphrase is asked for unless one of the options gives it.\nA bundle opens without Lockstep too: gpg -d FILE | tar xz',
    );
  },

  examples: [
    'lockstep backup create',
    'lockstep backup create -o site.lockstep --passphrase-file /etc/lockstep/passphrase',
    'lockstep backup create -o - --passphrase-fd 3 3< passphrase | ssh vault "cat > site.lockstep"',
    'lockstep backup list',
    'lockstep backup inspect site.lockstep',
    'lockstep backup verify site.lockstep --json | jq .good',
  ],

  async run(context, options, action, file) {
    switch (action) {
      case 'create':
        return (await import('../bundle/create.ts')).create(context, options);
      case 'list':
        return (await import('../bundle/list.ts')).list(context);
      case 'inspect':
        return (await import('../bundle/inspect.ts')).inspect(context, file, options);
      case 'verify':
        return (await import('../bundle/verify.ts')).verify(context, file, options);
    }
  },
};
