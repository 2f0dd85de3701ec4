import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { explainText, type Report } from '../../audit/explain/explain.ts';
import { LockstepError } from '../../schema/error.ts';
import { printable } from '../../schema/printable.ts';
import { LOG_NAME, logFiles } from '../../unit/log/names.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { Paint } from '../paint.ts';
import { plural } from '../quantity.ts';
import { readText } from '../read.ts';

const MAX_SHOWN = 160;

export const command: CliCommand<[string[]], object> = {
  define: command => {
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
    const report = explainText(await textOf(words));
    context.out.answerInWords(report, found => formatReport(found, context.out.paint));
    return report.explained.length + report.ordinary === 0 ? EXIT.differs : EXIT.done;
  },
};

/** The line itself, the lines of a file, or those of standard input. */
async function textOf(words: string[]): Promise<string> {
  const [first] = words;
  if (first === undefined && process.stdin.isTTY)
    throw new LockstepError('bad-usage', 'There is no line to explain.', {
      hint: "lockstep explain 'LOG LINE', a file, or standard input: journalctl -u lockstep | lockstep explain",
    });
  if (first === undefined || (words.length === 1 && first === '-')) return readText('-');
  if (words.length === 1 && (existsSync(first) || looksLikePath(first))) return textOfFile(first);
  return words.join(' ');
}

/** Of a log of ours, what was put aside of it comes first. */
async function textOfFile(file: string): Promise<string> {
  const aside = basename(file) === LOG_NAME ? logFiles(file).filter(each => basename(each) !== LOG_NAME) : [];
  const texts = [];
  for (const each of [...aside, file]) texts.push(await readText(each));
  return texts.join('');
}

/** One word with a slash that begins like a path; a log line has blanks. */
function looksLikePath(word: string): boolean {
  return /^((\.{0,2}|~)\/\S+|[^\s:=]+\.(log|txt|json)|[\w.-]+(\/[\w.-]+)+)$/.test(word);
}

function formatReport({ explained, unknown, ordinary }: Report, paint: Paint): string {
  const parts = explained.map(({ line, count, about, happened, causes, look, source }) =>
    [
      paint('dim', short(line)),
      `${paint('bold', happened)} (${source}: ${printable(about)}${count > 1 ? `, ${count} times` : ''})`,
      ...list('Likely causes, in order:', causes),
      ...list('What to look at:', look),
    ].join('\n'),
  );
  if (unknown.count > 0)
    parts.push(
      explained.length === 0
        ? `Nothing is known about this: ${short(unknown.first)}\nlockstep doctor looks at the pair itself.`
        : `Nothing is known about ${plural(unknown.count, 'more line')}.`,
    );
  if (ordinary > 1 || (ordinary > 0 && explained.length === 0))
    parts.push(`${plural(ordinary, 'line')} of every day: what a unit writes when all goes its way.`);
  return parts.length === 0 ? 'There was no line.' : parts.join('\n\n');
}

function list(title: string, items: string[]): string[] {
  return items.length === 0 ? [] : [title, ...items.map((item, index) => `  ${index + 1}. ${item}`)];
}

function short(line: string): string {
  const text = printable(line.trim());
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
