import type { ChangeAnswer, ChangeView } from '../api/contract/changes.ts';
import { printable } from '../schema/printable.ts';
import { formatProblems } from './error-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Paint } from './paint.ts';
import { listLines } from './quantity.ts';
import { localTime } from './time.ts';

const MAX_SHOWN = 20;
const MAX_FIELDS = 5;
const SIGNS = { added: '+', changed: '~', removed: '-' } as const;
const COLOURS = { added: 'green', changed: 'yellow', removed: 'red' } as const;

/** What a changing command did: one line, and the records it touched. */
export function formatChanges(answer: Omit<ChangeAnswer, 'digest'>, paint: Paint): string {
  const { added, changed, removed } = answer.counts;
  const total = added + changed + removed;
  if (total === 0)
    return `Nothing ${answer.dryRun ? 'would change' : 'changed'}: revision ${answer.revision} stands.`;
  const counts = [
    [added, 'added'],
    [changed, 'changed'],
    [removed, 'removed'],
  ].filter(([count]) => count !== 0);
  const sum = counts.map(([count, word]) => `${count} ${word}`).join(', ');
  const first = answer.dryRun
    ? `Dry run, nothing was changed. It would be: ${sum}.`
    : `Revision ${answer.revision}: ${sum}.`;
  return [
    first,
    ...listLines(answer.changes, change => formatChange(change, paint), { most: MAX_SHOWN, count: total }),
    ...afterwards(answer, paint),
    ...warningLines(answer, paint),
  ].join('\n');
}

/** What the change brings with it, told with it and not only by `status` later. */
export function warningLines({ warnings = [] }: Pick<ChangeAnswer, 'warnings'>, paint: Paint): string[] {
  if (warnings.length === 0) return [];
  return [
    paint('yellow', warnings.length === 1 ? 'Warning:' : 'Warnings:'),
    ...formatProblems(warnings, paint),
  ];
}

/** A change that was to be on the standby, and is not yet. */
export function exitOf({ standby }: Pick<ChangeAnswer, 'standby'>): ExitCode {
  return standby !== undefined && 'error' in standby ? EXIT.differs : EXIT.done;
}

/** What still is to happen, and what became of it on the standby. */
export function afterwards(
  { provisional, standby, pairNotes = [] }: Pick<ChangeAnswer, 'provisional' | 'standby' | 'pairNotes'>,
  paint: Paint,
): string[] {
  const lines: string[] = pairNotes.map(note => paint('yellow', printable(note)));
  if (standby !== undefined && 'receipt' in standby) lines.push('The standby has taken it.');
  if (standby !== undefined && 'error' in standby)
    lines.push(paint('red', `It is not on the standby yet: ${printable(standby.error.message)}`));
  if (provisional !== undefined)
    lines.push(
      paint(
        'yellow',
        `It is undone at ${localTime(provisional.until)}, unless lockstep confirm follows before that.`,
      ),
    );
  return lines;
}

function formatChange(view: ChangeView, paint: Paint): string {
  const fields = view.change === 'changed' ? fieldNames(view) : '';
  return `  ${paint(COLOURS[view.change], `${SIGNS[view.change]} ${printable(view.path)}`)}${fields}`;
}

function fieldNames({ before = {}, after = {} }: ChangeView): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  // What goes is told first, and as what it is.
  const gone = names.filter(name => after[name] === undefined);
  const shown = [...gone.map(name => `-${name}`), ...names.filter(name => !gone.includes(name))];
  const more = names.length > MAX_FIELDS ? `, ${names.length - MAX_FIELDS} more` : '';
  return names.length === 0 ? '' : `  (${shown.slice(0, MAX_FIELDS).map(printable).join(', ')}${more})`;
}
