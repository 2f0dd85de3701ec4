import { basename } from 'node:path';
import type { ImportAnswer } from '../../../api/contract/changes.ts';
import { decodeCapture } from '../../../loadmaster/encoding.ts';
import { exitOf, formatChanges } from '../../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../../command.ts';
import { given } from '../../given.ts';
import type { Paint } from '../../paint.ts';
import { withProgress } from '../../progress.ts';
import { plural } from '../../quantity.ts';
import { fullBudget, nameOf, readBytes } from '../../read.ts';
import { formatTable } from '../../table.ts';

export const command: CliCommand<[string[]], ChangeOptions> = {
  define: command => {
    addChangeOptions(
      command.argument('<files...>', 'answers of the API of a LoadMaster, such as getall.xml and listvs.xml'),
    );
  },

  examples: [
    'lockstep import loadmaster getall.xml listvs.xml --dry-run',
    'lockstep import loadmaster getall.xml listvs.xml --reason "from lm1"',
  ],

  async run(context, options, paths) {
    const budget = fullBudget();
    const files: { name: string; text: string }[] = [];
    for (const path of paths) {
      const name = path === '-' ? nameOf(path) : basename(path);
      files.push({ name, text: decodeCapture(name, await readBytes(path, budget)) });
    }
    const work = context.unit().call('importLoadMaster', { files, ...given(options) });
    const answer = await withProgress(context, 'Importing', work);
    context.out.answerInWords(answer, imported => formatImport(imported, context.out.paint));
    return exitOf(answer);
  },
};

function formatImport(answer: ImportAnswer, paint: Paint): string {
  const changes = formatChanges(answer, paint);
  if (answer.leftOut.length === 0) return `${changes}\nEverything had a counterpart.`;
  const title = `${plural(answer.leftOut.length, 'parameter')} stayed out (each of them: --json):`;
  return [
    changes,
    '',
    title,
    formatTable(['PARAMETER', 'TIMES', 'VALUE', 'WHERE', 'WHY'], leftOutRows(answer), paint),
  ].join('\n');
}

/** One row a parameter and reason, with the first value as an example: a large site repeats them for each service. */
function leftOutRows({ leftOut }: ImportAnswer): (string | number)[][] {
  const rows = new Map<string, [string, number, string, string, string]>();
  for (const { source, parameter, value, reason } of leftOut) {
    const key = `${parameter}\n${reason}`;
    const row = rows.get(key) ?? [parameter, 0, shorten(value, 24), shorten(source, 40), reason];
    row[1] += 1;
    rows.set(key, row);
  }
  return [...rows.values()];
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
