import { exitOf, formatChanges } from '../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../command.ts';
import { readDocument } from '../document.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';

interface Options extends ChangeOptions {
  file: string;
  path?: string;
  replace?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .requiredOption(
        '-f, --file <file|folder|->',
        'JSON file, standard input, or a folder: in the form of config/, or with whole documents such as site.json',
      )
      .option('--path <path>', 'where the document stands; default: the root')
      .option(
        '--replace',
        'what the document names becomes exactly what it says; without it, fields and records that it does not name stay',
      );
    addChangeOptions(command);
  },

  examples: [
    'lockstep apply -f site.json --dry-run',
    'lockstep apply -f config/ --replace --reason "state of git"',
    'lockstep show virtualServices | jq … | lockstep apply -f - --path virtualServices',
  ],

  async run(context, { file, ...options }) {
    const { next = [] } = await context.unit().call('describe', { path: options.path ?? '' });
    const below = options.path === undefined ? '' : `${options.path.replace(/\/$/, '')}/`;
    const document = await readDocument(
      file,
      next.map(path => path.slice(below.length)),
    );
    const answer = await withProgress(
      context,
      'Applying',
      context.unit().call('apply', { document, ...given(options) }),
    );
    context.out.answer(answer, changed => formatChanges(changed, context.out.paint));
    return exitOf(answer);
  },
};
