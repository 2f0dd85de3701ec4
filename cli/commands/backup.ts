import { Argument, type Command, Option } from 'commander';
import type { CreateOptions } from '../bundle/create.ts';
import { addPassphrase } from '../bundle/passphrase.ts';
import type { PruneOptions } from '../bundle/prune.ts';
import type { CliCommand } from '../command.ts';

type Action = 'create' | 'list' | 'inspect' | 'verify' | 'drill' | 'prune';
type Options = CreateOptions & PruneOptions;

export const command: CliCommand<[Action, string | undefined], Options> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument(
          '<action>',
          'create: make one · list: those of this unit · inspect: what is in one · verify: is it whole · drill: restore one on a scratch unit · prune: remove what the policy does not keep',
        ).choices(['create', 'list', 'inspect', 'verify', 'drill', 'prune']),
      )
      .argument('[file]', 'inspect, verify, drill: the bundle; - is standard input, but not for drill')
      .option(
        '-o, --output <file|-|url>',
        'create: where to, also sftp://user@host[:port]/folder; default: a name with unit and time, in backups/ of the unit, or here for a unit elsewhere. To sftp, --identity and --host-key are those of the backup schedule unless given',
      )
      .addOption(
        new Option(
          '--profile <profile>',
          'create: rfc9580 is Argon2id and AES-GCM, which GnuPG 2.2 cannot open',
        ).choices(['classic', 'rfc9580']),
      )
      .option('--with-keys', 'create: with the private keys of certificates')
      .option('--dry-run', 'prune: tell what would go and why, but remove nothing')
      .option('--yes', 'prune: do not ask');
    addPassphrase(command).addHelpText(
      'after',
      '\nThe passphrase is asked for unless one of the options gives it.\nA bundle opens without Lockstep too: gpg -d FILE | tar xz',
    );
  },

  examples: [
    'lockstep backup create',
    'lockstep backup create -o site.lockstep --passphrase-file /etc/lockstep/passphrase',
    'lockstep backup create -o - --passphrase-fd 3 3< passphrase | ssh vault "cat > site.lockstep"',
    'lockstep backup create -o sftp://backup@vault.example/srv/lb --identity id.pem --host-key vault.pub',
    'lockstep backup list',
    'lockstep backup inspect site.lockstep',
    'lockstep backup verify site.lockstep --json | jq .good',
    'lockstep backup drill site.lockstep',
    'lockstep backup prune --dry-run',
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
      case 'drill':
        return (await import('../bundle/drill.ts')).drill(context, file, options);
      case 'prune':
        return (await import('../bundle/prune.ts')).prune(context, options);
    }
  },
};
