import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';

interface Options {
  defaults?: boolean;
}

export const command: CliCommand<[string | undefined], Options> = {
  define: command => {
    command
      .argument('[path]', 'group, record or field; default: everything')
      .option('--defaults', 'fill in what is not set with the defaults');
  },

  examples: [
    'lockstep show ha',
    'lockstep show virtualServices/tcp:10.20.0.100:443 --defaults',
    'lockstep show > all.json',
  ],

  async run(context, { defaults }, path) {
    const answer = await withProgress(
      context,
      'Reading',
      context.unit().call('show', given({ path, defaults })),
    );
    context.out.answer(answer, ({ value }) => JSON.stringify(value, null, 2));
    return EXIT.done;
  },
};
