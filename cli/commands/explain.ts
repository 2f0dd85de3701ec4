import type { Command } from 'commander';
import type { CliCommand } from '../command.ts';

export const command: CliCommand<[string[]], object> = {
  define: (command: Command) => {
    command
      .argument('[line...]', 'a log line, an error code, or a file; without, or with -, standard input')
      .addHelpText(
        'after',
        '\nKnows the lines of ucarp, keepalived and Lockstep; needs no running unit. Exit code 1: nothing of it is known.',
      );
  },

  examples: [
    "lockstep explain 'ucarp[2193]: [WARNING] Bad TTL'",
    'lockstep explain key-mismatch',
    'journalctl -u lockstep --since today | lockstep explain',
  ],

  async run(context, _options, words) {
    return (await import('../explain/explain.ts')).explain(context, words);
  },
};
