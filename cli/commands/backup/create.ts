import { addMakeOptions, type MakeOptions, makeBundle } from '../../bundle/make.ts';
import type { CliCommand } from '../../command.ts';

export const command: CliCommand<[], MakeOptions> = {
  define: command => {
    addMakeOptions(command)
      .option('--with-keys', 'with the private keys of certificates')
      .addHelpText('after', '\nA bundle opens without Lockstep too: gpg -d FILE | tar xz');
  },

  examples: [
    'lockstep backup create',
    'lockstep backup create --dry-run',
    'lockstep backup create -o site.lockstep --passphrase-file /etc/lockstep/passphrase',
    'lockstep backup create -o - --passphrase-fd 3 3< passphrase | ssh vault "cat > site.lockstep"',
    'lockstep backup create -o sftp://backup@vault.example/srv/lb --identity id.pem --host-key vault.pub',
  ],

  run: (context, options) => makeBundle(context, options, 'configuration'),
};
