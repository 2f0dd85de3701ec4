import { Argument, type Command, Option } from 'commander';
import { OPERATOR_ROLES } from '../../unit/access/roles.ts';
import { addReason, type CliCommand } from '../command.ts';
import type { AddOptions } from '../operator/add.ts';

type Action = 'add' | 'list' | 'remove';

export const command: CliCommand<[Action, string | undefined], AddOptions> = {
  define: (command: Command) => {
    command
      .addArgument(
        new Argument('<action>', 'add: let somebody in, or change his key or role · list · remove').choices([
          'add',
          'list',
          'remove',
        ]),
      )
      .argument('[name]', 'add, remove: who; history and log show it')
      .option('--key <file>', 'add: the public key, such as id_ed25519.pub; - reads standard input')
      .addOption(
        new Option(
          '--role <role>',
          'add: read: look · operate: also change the configuration and run the pair · admin: everything',
        ).choices(OPERATOR_ROLES),
      )
      .option('--this-unit', 'on this unit only; otherwise on both')
      .option('--comment <text>', 'add: who or what this is; default: the comment of the key');
    addReason(command).addHelpText(
      'after',
      '\nAn operator works from another machine: lockstep --unit HOST COMMAND. Whoever is removed, or gets another role, loses his connections at once.',
    );
  },

  examples: [
    'lockstep operator add ada --key ada.pub --role operate',
    'lockstep operator add ci --key - --role read --this-unit < ci.pub',
    'lockstep operator list',
    'lockstep operator remove ada',
  ],

  async run(context, options, action, name) {
    switch (action) {
      case 'add':
        return (await import('../operator/add.ts')).add(context, name, options);
      case 'list':
        return (await import('../operator/list.ts')).list(context);
      case 'remove':
        return (await import('../operator/remove.ts')).remove(context, name, options);
    }
  },
};
